"""Limits the rate and the concurrency of requests to one site."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import anyio
from aiolimiter import AsyncLimiter

from moodle_mcp.errors import CallError, Kind

SLOWEST: Final = 0.5
"""Lowest rate in requests per second."""

_GOOD_TO_RECOVER: Final = 20
"""Successful requests after which a lowered rate doubles again."""


class RateLimit:
    """Limits requests to a site: a few reads and fewer writes at a time, at a limited rate.

    The rate halves when the site asks to slow down (429, 503) and recovers with successful
    requests.
    """

    def __init__(self, *, rate: float, reads: int, writes: int) -> None:
        """Limit to `rate` requests per second, and to `reads` and `writes` at a time."""
        self._full = rate
        self._reads = anyio.CapacityLimiter(reads)
        self._writes = anyio.CapacityLimiter(writes)
        self._good = 0
        self.rate = rate
        self._limiter = AsyncLimiter(max(rate, 1.0), max(rate, 1.0) / rate)

    @asynccontextmanager
    async def turn(self, *, write: bool) -> AsyncGenerator[None]:
        """Wait for a turn and hold it; errors raised in the block adjust the rate."""
        async with self._writes if write else self._reads:
            await self._limiter.acquire()
            try:
                yield
            except CallError as error:
                if _asks_to_slow_down(error):
                    self._set(max(self.rate / 2, min(SLOWEST, self._full)))
                raise
            self._good += 1
            if self.rate < self._full and self._good >= _GOOD_TO_RECOVER:
                self._set(min(self.rate * 2, self._full))

    def _set(self, rate: float) -> None:
        self._good = 0
        self.rate = rate
        # The capacity is 1, because a new limiter with more would start with a burst.
        self._limiter = AsyncLimiter(1, 1 / rate)


def _asks_to_slow_down(error: CallError) -> bool:
    return error.fault.kind is Kind.RATE_LIMITED or error.fault.http_status == 503
