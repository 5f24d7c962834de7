"""Work that takes long is done in a thread, so that the event loop goes on answering."""

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
    """Does one piece of work at a time.

    Python runs one thread at a time: each further one would take as much from the event loop.
    """

    def __init__(self) -> None:
        self._turn = anyio.CapacityLimiter(1)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do the work in a thread and return what it returns.

        When the waiting task is cancelled, the work ends at its next `checkpoint`.
        """

        def marked() -> T:
            # The thread has a copy of the task's context, so nobody else sees this.
            _IN_BACKGROUND.set(True)
            return work(*args, **kwargs)

        return await anyio.to_thread.run_sync(marked, limiter=self._turn)

    async def run_if(
        self, large: bool, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do large work in a thread and any other at once."""
        if large:
            return await self.run(work, *args, **kwargs)
        return work(*args, **kwargs)


def checkpoint() -> None:
    """End the work of a call that was cancelled; called in loops that may run long.

    Outside of `Background` it does nothing.
    """
    if _IN_BACKGROUND.get():
        anyio.from_thread.check_cancelled()
