"""How fast and how many at a time requests go to one site."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import anyio
from aiolimiter import AsyncLimiter

from moodle_mcp.errors import CallError, Kind

SLOWEST: Final = 0.5
"""Requests a second below which the pace never falls."""

_UNPAUSED: Final = 20
"""Good answers after which a slowed pace doubles again."""


class RateLimit:
    """Lets requests to a site pass: a few reads and fewer writes at a time, at a bounded rate.

    The rate halves when the site asks for that (429, 503) and comes back with good answers.
    """

    def __init__(self, *, rate: float, reads: int, writes: int) -> None:
        """`rate` is in requests a second; `reads` and `writes` are at most under way at once."""
        self._full = rate
        self._reads = anyio.CapacityLimiter(reads)
        self._writes = anyio.CapacityLimiter(writes)
        self._good = 0
        self.rate = rate
        self._limiter = AsyncLimiter(max(rate, 1.0), max(rate, 1.0) / rate)

    @asynccontextmanager
    async def turn(self, *, write: bool) -> AsyncGenerator[None]:
        """Wait for a turn and hold it; the errors that pass through set the pace."""
        async with self._writes if write else self._reads:
            await self._limiter.acquire()
            try:
                yield
            except CallError as error:
                if _asks_to_slow_down(error):
                    self._set(max(self.rate / 2, min(SLOWEST, self._full)))
                raise
            self._good += 1
            if self.rate < self._full and self._good >= _UNPAUSED:
                self._set(min(self.rate * 2, self._full))

    def _set(self, rate: float) -> None:
        self._good = 0
        self.rate = rate
        # One at a time from here on: a new limiter with room for more would begin with a burst.
        self._limiter = AsyncLimiter(1, 1 / rate)


def _asks_to_slow_down(error: CallError) -> bool:
    return error.fault.kind is Kind.RATE_LIMITED or error.fault.http_status == 503
