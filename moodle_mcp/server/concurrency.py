"""Limits the concurrent requests of one client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

import anyio
import mcp_types as types
from aiolimiter import AsyncLimiter
from mcp.server import ServerRequestContext
from mcp.server.context import CallNext, HandlerResult
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

AT_ONCE: Final = 32
"""Most concurrent requests of one client."""

WAITING: Final = 96
"""Most requests of one client that wait for their turn; further ones are refused."""

BURST: Final = 2.0
"""Seconds over which the rate of a client is counted."""

MOST_CLIENTS: Final = 1_000
"""Clients after which idle ones are forgotten."""

_UNCOUNTED: Final = frozenset({"initialize", "ping", "server/discover"})


class Turns:
    """Middleware that makes a client's requests wait for their turn, and refuses too many.

    A client is what `client_of` returns for a request. By default it is a connection over stdio or
    a session over HTTP. Clients of the protocol without sessions count as one. `rate` is the most
    requests per second of one client that sends many at once; the first `BURST` seconds' worth
    don't wait.
    """

    def __init__(
        self,
        at_once: int = AT_ONCE,
        waiting: int = WAITING,
        client_of: Callable[[ServerRequestContext[Any, Any]], str | None] | None = None,
        rate: float | None = None,
    ) -> None:
        self._at_once = at_once
        self._waiting = waiting
        self._client_of = client_of or _session_id
        self._rate = rate
        self._clients: dict[str | None, _Client] = {}

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        if ctx.request_id is None or ctx.method in _UNCOUNTED:
            return await call_next(ctx)
        name = self._client_of(ctx)
        client = self._clients.get(name)
        if client is None:
            self._forget_idle()
            client = self._clients[name] = _Client.of(self._at_once, self._rate)
        turns = client.turns
        if turns.value == 0 and turns.statistics().tasks_waiting >= self._waiting:
            raise MCPError(
                types.INVALID_REQUEST,
                f"Nothing was done: {self._at_once + self._waiting} requests are under way. Wait "
                "for answers, then send this one again.",
            )
        try:
            async with turns:
                if client.limiter is not None:
                    await client.limiter.acquire()
                return await call_next(ctx)
        finally:
            if client.is_idle and self._clients.get(name) is client:
                del self._clients[name]

    def _forget_idle(self) -> None:
        """Forget clients that have become idle since their last request, if there are many."""
        if len(self._clients) >= MOST_CLIENTS:
            idle = [name for name, client in self._clients.items() if client.is_idle]
            for name in idle:
                del self._clients[name]


@dataclass(frozen=True, slots=True)
class _Client:
    at_once: int
    turns: anyio.Semaphore
    limiter: AsyncLimiter | None

    @classmethod
    def of(cls, at_once: int, rate: float | None) -> Self:
        turns = anyio.Semaphore(at_once, fast_acquire=True)
        if rate is None:
            return cls(at_once, turns, None)
        burst = max(rate * BURST, 1.0)
        return cls(at_once, turns, AsyncLimiter(burst, burst / rate))

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way, and the rate counts none any more."""
        limiter = self.limiter
        is_quiet = limiter is None or limiter.has_capacity(limiter.max_rate)
        return self.turns.value == self.at_once and is_quiet


def _session_id(ctx: ServerRequestContext[Any, Any]) -> str | None:
    # `ctx.request` is None over stdio. Without sessions, clients could make up the id.
    if ctx.request is None or ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
        return None
    return ctx.request.headers.get("mcp-session-id")
