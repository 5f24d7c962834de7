"""Counts for Prometheus, and the address that it reads them from (extra `metrics`)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class Prometheus:
    """Counts the calls of one process. No count says whose call it was."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._calls = Counter(
            "moodle_mcp_calls",
            "Calls, by function and by the kind of failure (or ok).",
            ("function", "kind"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "moodle_mcp_call_seconds",
            "Seconds that calls took, with all their requests to Moodle.",
            buckets=_SECONDS,
            registry=self._registry,
        )

    def call(self, function: str, kind: str, seconds: float) -> None:
        self._calls.labels(function, kind).inc()
        self._seconds.observe(seconds)

    def watch(self, name: str, description: str, read: Callable[[], float]) -> None:
        """Show a number that is read when Prometheus asks."""
        Gauge(name, description, registry=self._registry).set_function(read)

    def route(self, readers: Sequence[Network]) -> Route:
        """`/metrics`, for readers in these networks; for everybody else it does not exist."""

        async def metrics(request: Request) -> Response:
            if not _is_in(request.client.host if request.client else "", readers):
                return PlainTextResponse("Not Found", 404)
            return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

        return Route("/metrics", metrics)


def _is_in(host: str, networks: Sequence[Network]) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in networks)
