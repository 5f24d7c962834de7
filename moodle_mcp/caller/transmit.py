"""Sends one request of a function: within the rate limit, with retries and a timeout."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Final

import anyio

from moodle_mcp.caller.rate_limit import RateLimit
from moodle_mcp.caller.retry import OnWait, Sleep, repeating
from moodle_mcp.catalogue.genuine_answers import is_foreign, is_own_answer
from moodle_mcp.catalogue.model import Function
from moodle_mcp.errors import CallError, Delivery, Fault, Kind
from moodle_mcp.site.decoding import Answer
from moodle_mcp.site.moodle_errors import foreign_error
from moodle_mcp.site.protocol import Request
from moodle_mcp.site.session import SiteSession

_LARGE_BODY: Final = 200_000

_STOPPED: Final = Fault(
    Kind.DECLINED, "The call was stopped before this was sent.", retryable=False
)


@dataclass(frozen=True, slots=True)
class Clock:
    """Counts down a number of seconds from its creation."""

    start: float
    seconds: float

    @classmethod
    def of(cls, seconds: float) -> Clock:
        return cls(time.monotonic(), seconds)

    @property
    def left(self) -> float:
        return self.seconds - (time.monotonic() - self.start)


class Sender:
    """Sends requests to one site."""

    def __init__(self, site: SiteSession, rate_limit: RateLimit, sleep: Sleep) -> None:
        self._site = site
        self._rate_limit = rate_limit
        self._sleep = sleep

    async def send(
        self,
        function: Function,
        request: Request,
        seconds: float,
        on_wait: OnWait | None = None,
        on_turn: Callable[[], None] = lambda: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Answer:
        """Send a request and return its answer within `seconds`, retries included.

        `on_turn` is called once, just before the first attempt. A write that is `stopped` before
        its turn is not sent, and not sent again.

        Raises:
            CallError: the last attempt failed.
        """
        clock: Clock | None = None
        doubtful = False
        own = partial(is_own_answer, function)

        async def attempt() -> Answer:
            nonlocal clock, doubtful
            write = not function.reads_only
            # A write is not cancelled once it is sent: its outcome must be known.
            async with self._rate_limit.turn(write=write):
                with uninterrupted(write):
                    if write and stopped():
                        error = CallError.not_sent(_STOPPED)
                        raise error.after_doubt() if doubtful else error
                    if clock is None:
                        on_turn()
                        clock = Clock.of(seconds)
                    # If a retry is allowed, leave time for it.
                    share = 0.5 if function.repeat_is_harmless else 1.0
                    try:
                        left = max(clock.left * share, 0.001)
                        answer = await self._site.send(
                            request,
                            timeout=left,
                            alone=write,
                            own=own,
                            hands_out_keys=function.classification.hands_out_keys,
                        )
                        return _of_moodle(function, answer)
                    except CallError as error:
                        if doubtful:
                            raise error.after_doubt() from None
                        doubtful = error.delivery is Delivery.UNKNOWN
                        raise

        try:
            return await repeating(
                attempt,
                harmless=function.repeat_is_harmless,
                seconds=seconds,
                on_wait=on_wait,
                sleep=self._sleep,
            )
        except CallError as error:
            raise _sized(request, error) from None


def uninterrupted(shield: bool) -> AbstractContextManager[object]:
    """Finish the block even if the call is cancelled, if `shield`."""
    return anyio.CancelScope(shield=True) if shield else nullcontext()


def _of_moodle(function: Function, answer: Answer) -> Answer:
    """Return the answer; raise if it is not Moodle's and would report a write as done."""
    if not function.reads_only and is_foreign(function, answer.value):
        raise foreign_error(answer.value)
    return answer


def _sized(request: Request, error: CallError) -> CallError:
    """Add the other possible cause to an `invalid_token`, if the request was a large form.

    PHP drops the whole form over `post_max_size`, including the token.
    """
    size = request.cost.bytes if request.cost.fields else 0
    if error.fault.kind is not Kind.INVALID_TOKEN or size < _LARGE_BODY:
        return error
    return error.but(
        hint=f"Either the token is not valid, or PHP dropped this request of {size} "
        "bytes because post_max_size is smaller: try a small call; if that works, lower "
        "MOODLE_MCP_MAX_BODY."
    )
