"""Runs long work in a thread, so that the event loop stays responsive."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, ParamSpec, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread

P = ParamSpec("P")
T = TypeVar("T")

_IN_BACKGROUND: Final = ContextVar("in_background", default=False)


class Background:
    """Runs one piece of work at a time.

    Because of the GIL, each further thread would slow the event loop down.
    """

    def __init__(self) -> None:
        self._turn = anyio.CapacityLimiter(1)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` in a thread and return its result.

        When the waiting task is cancelled, the work ends at its next `checkpoint`.
        """

        def marked() -> T:
            # The thread has its own copy of the task's context.
            _IN_BACKGROUND.set(True)
            return work(*args, **kwargs)

        return await anyio.to_thread.run_sync(marked, limiter=self._turn)

    async def run_if(
        self, large: bool, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run large work in a thread, and small work directly."""
        if large:
            return await self.run(work, *args, **kwargs)
        return work(*args, **kwargs)


def checkpoint() -> None:
    """Stop the work of a cancelled call; call this in loops that may run long.

    Outside of `Background` it does nothing.
    """
    if _IN_BACKGROUND.get():
        anyio.from_thread.check_cancelled()
