"""Decides whether a request may be sent again, and how long to wait before.

Reads and idempotent writes are retried if the site was not reached, did not answer in time, or
asked to wait. Any other write is retried only if nothing of it left this machine: Moodle has no
idempotency keys.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, TypeVar

import anyio
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential_jitter,
)

from moodle_mcp.errors import CallError, Delivery, Kind

ATTEMPTS: Final = 4
FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 8.0

_TRANSIENT_STATUSES: Final = frozenset({502, 503, 504})

T = TypeVar("T")
OnWait: TypeAlias = Callable[[float, CallError], Awaitable[None]]
"""Called before each wait, with its seconds and the error that is the reason."""

Sleep: TypeAlias = Callable[[float], Awaitable[None]]


def may_repeat(error: BaseException, *, harmless: bool) -> bool:
    """Whether the request that ended with this error may be sent again."""
    if not isinstance(error, CallError) or error.fault.retryable is False:
        return False
    if error.delivery is Delivery.NOT_SENT:
        return True
    if not harmless:
        return False
    if error.fault.kind in (Kind.TIMEOUT, Kind.UNREACHABLE, Kind.RATE_LIMITED):
        return True
    return error.fault.http_status in _TRANSIENT_STATUSES


async def repeating(
    attempt: Callable[[], Awaitable[T]],
    *,
    harmless: bool,
    seconds: float,
    on_wait: OnWait | None = None,
    sleep: Sleep = anyio.sleep,
) -> T:
    """Return the result of `attempt`, retried while that is allowed, for at most `seconds`.

    `harmless` says that the request is idempotent.

    Raises:
        CallError: the last attempt failed.
    """
    retrying = AsyncRetrying(
        retry=retry_if_exception(lambda error: may_repeat(error, harmless=harmless)),
        wait=_wait,
        stop=stop_after_attempt(ATTEMPTS) | stop_before_delay(seconds),
        before_sleep=_telling(on_wait) if on_wait else None,
        sleep=sleep,
        reraise=True,
    )
    return await retrying(attempt)


_backoff = wait_exponential_jitter(multiplier=FIRST_WAIT, max=LONGEST_WAIT, jitter=FIRST_WAIT)


def _wait(state: RetryCallState) -> float:
    """The seconds that the site asked for, else exponential backoff with jitter."""
    error = _error(state)
    if error is not None and error.retry_after is not None:
        return error.retry_after
    return _backoff(state)


def _telling(on_wait: OnWait) -> Callable[[RetryCallState], Awaitable[None]]:
    async def tell(state: RetryCallState) -> None:
        error = _error(state)
        if error is not None:
            await on_wait(state.upcoming_sleep, error)

    return tell


def _error(state: RetryCallState) -> CallError | None:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, CallError) else None
