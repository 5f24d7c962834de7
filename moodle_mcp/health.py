"""The addresses that tell an operator's tools whether the process lives and can serve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import anyio
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from moodle_mcp.store.base import Key, Kind, Store, StoreError

READY_SECONDS: Final = 2.0
"""Seconds within which the stores must answer."""

_NOTHING: Final = Key("health", Kind("health", 1, most_entries=1, most_bytes=1), "nothing")


def health_routes(stores: Sequence[Store]) -> list[Route]:
    """`/healthz`: the process answers. `/readyz`: the stores do too.

    The site is not asked: while Moodle is down, the server still says so to its clients.
    """

    async def alive(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(_: Request) -> Response:
        try:
            with anyio.fail_after(READY_SECONDS):
                for store in stores:
                    await store.get(_NOTHING)
        except (StoreError, TimeoutError):
            return PlainTextResponse("the store does not answer\n", 503)
        return PlainTextResponse("ok\n")

    return [Route("/healthz", alive), Route("/readyz", ready)]
