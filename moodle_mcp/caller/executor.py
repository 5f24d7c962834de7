"""Runs a plan: sends its requests, one or a few at a time, and records the status of each item.

Whatever ends the run, every item has a status, and an uncertain outcome is UNKNOWN.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, TypeAlias

import anyio

from moodle_mcp.caller.item_errors import Failures, find_failures
from moodle_mcp.caller.ledger import BatchLedger, Fate
from moodle_mcp.caller.lookups import MOST_SPLITS, is_of_a_value
from moodle_mcp.caller.outcome import what_was_written
from moodle_mcp.caller.plan import Plan, Slice
from moodle_mcp.caller.retry import OnWait
from moodle_mcp.caller.transmit import Clock, Sender
from moodle_mcp.catalogue.control_arguments import OnError
from moodle_mcp.errors import CallError, Delivery, Fault, Kind
from moodle_mcp.jsontree import MAX_VALUES
from moodle_mcp.site.decoding import Answer
from moodle_mcp.site.session import Progress

OnDone: TypeAlias = Callable[[int, int], Awaitable[None]]
"""Called after each request with the number of items sent and of all items."""

OnFates: TypeAlias = Callable[[Sequence[int], BatchLedger], None]
"""Called with the items of a request before it is sent, and again after it.

A `CallError` from it ends the run: items that can't be recorded are not sent.
"""

_FOR_EVERY_REQUEST: Final = frozenset(
    {
        Kind.INVALID_TOKEN,
        Kind.ACCESS_DENIED,
        Kind.ACCOUNT_BLOCKED,
        Kind.MAINTENANCE,
        Kind.WEB_SERVICES_OFF,
        Kind.WRONG_ADDRESS,
    }
)
"""Faults that every further request would meet as well."""

_MAX_ANSWERED: Final = 2 * MAX_VALUES
"""Most values in all answers of a run together; beyond that, nothing more is sent."""

_TOO_MUCH: Final = Fault(
    Kind.TOO_LARGE,
    "The answers became too large together, so the remaining requests were not sent.",
    hint="Pass fewer items in one call.",
)

_LEAST_TIME: Final = 1.0
"""Fewest seconds left to start a request: with less it would hardly finish."""

_MARGIN: Final = 1.5
"""A request is started only if this many times the longest duration so far is left. The outcome of
a write that is cut off is unknown; one that was not sent can be sent later.
"""


@dataclass(frozen=True, slots=True)
class ExecutionSettings:
    """How a plan is run: concurrent requests, seconds for one request and for the whole run."""

    at_once: int
    timeout: float
    budget: float
    on_error: OnError = "stop"


@dataclass(frozen=True, slots=True)
class Observer:
    """Callbacks for what happens in a run; `stopped` can end it between two requests."""

    on_wait: OnWait | None = None
    on_done: OnDone | None = None
    on_fates: OnFates | None = None
    on_bytes: Progress | None = None
    stopped: Callable[[], bool] = lambda: False


class Execution:
    """One run of one plan; `ledger`, `answers` and `fault` hold the results so far."""

    def __init__(
        self, plan: Plan, sender: Sender, settings: ExecutionSettings, observer: Observer
    ) -> None:
        self.ledger = BatchLedger(plan.items)
        self.fault: Fault | None = None
        self.ended_by: Literal["budget", "stopped"] | None = None
        self._plan = plan
        self._sender = sender
        self._settings = settings
        self._observer = observer
        self._clock = Clock.of(settings.budget)
        self._pending = deque(plan.slices)
        self._answers: dict[int, Answer] = {}
        self.answers_to: dict[int, Any] = {}
        """Moodle's answer to each item; that of the whole request if it has none for each."""
        self._answered = 0
        self._longest = 0.0
        self._waiting: set[Slice] = set()
        self._ended = False

    @property
    def answers(self) -> list[Answer]:
        """The answers of the requests that had one, in the order of their items."""
        return [self._answers[start] for start in sorted(self._answers)]

    async def go(self) -> None:
        """Send the requests, until all are done or there is a reason to stop."""
        try:
            async with anyio.create_task_group() as workers:
                for _ in range(min(self._settings.at_once, len(self._pending))):
                    workers.start_soon(self._work)
        finally:
            for part in self._waiting:
                self._mark(part, Fate.NOT_SENT)

    def _mark(self, part: Slice, fate: Fate, fault: Fault | None = None) -> None:
        self.ledger.mark(self._plan.indexes(part), fate, fault)

    async def _work(self) -> None:
        while (part := self._next()) is not None:
            await self._send(part)
            if self._observer.on_done:
                await self._observer.on_done(self.ledger.done, self._plan.items)

    def _next(self) -> Slice | None:
        if self._ended or not self._pending:
            return None
        if self._observer.stopped():
            self._ended, self.ended_by = True, "stopped"
            return None
        least = max(_LEAST_TIME, _MARGIN * self._longest)
        if self.ledger.requests and self._clock.left < least:
            self._ended, self.ended_by = True, "budget"
            return None
        return self._pending.popleft()

    async def _send(self, part: Slice) -> None:
        left = self._clock.left
        seconds = min(self._settings.timeout, max(left, _LEAST_TIME))
        # Once its turn has come the request may be carried out, even if this is interrupted.
        self._mark(part, Fate.UNKNOWN)
        self._waiting.add(part)
        try:
            self._tell(part)
            answer = await self._sender.send(
                self._plan.function,
                self._plan.request(part),
                seconds,
                self._observer.on_wait,
                partial(self._begun, part),
                self._observer.stopped,
            )
        except CallError as error:
            self._failed(part, error)
        else:
            self._succeeded(part, answer)
        self._longest = max(self._longest, left - self._clock.left)
        try:
            self._tell(part)
        except CallError as error:
            self.fault, self._ended = self.fault or error.fault, True

    def _begun(self, part: Slice) -> None:
        self._waiting.discard(part)
        self.ledger.requests += 1

    def _tell(self, part: Slice) -> None:
        if self._observer.on_fates:
            self._observer.on_fates(self._plan.indexes(part), self.ledger)

    def _succeeded(self, part: Slice, answer: Answer) -> None:
        self._answers[part.start] = answer
        self._answered += answer.values
        if self._answered > _MAX_ANSWERED:
            self._ended, self.fault = True, self.fault or _TOO_MUCH
        self._mark(part, Fate.SUCCEEDED)
        self._keep_answers(part, answer)
        failures = self._failures(part, answer)
        indexes = self._plan.indexes(part)
        for position, fault in failures.failed.items():
            self.ledger.mark([indexes[position]], Fate.FAILED, fault)
        self.ledger.mark((indexes[each] for each in failures.doubtful), Fate.UNKNOWN)

    def _keep_answers(self, part: Slice, answer: Answer) -> None:
        if self._plan.function.reads_only:
            return
        entries: Any = answer.value
        if not self._plan.function.answers_each_item or len(entries) != len(part):
            entries = [answer.value] * len(part)
        self.answers_to |= dict(zip(self._plan.indexes(part), entries, strict=True))

    def _failures(self, part: Slice, answer: Answer) -> Failures:
        function = self._plan.function
        if function.batching is None or function.reads_only:
            return Failures()
        if function.answers_each_item and len(answer.value) != len(part):
            # PHP silently drops what exceeds its limits: some items never arrived.
            return Failures(doubtful=frozenset(range(len(part))))
        return find_failures(function.batching, self._plan.items_of(part), answer.value)

    def _failed(self, part: Slice, error: CallError) -> None:
        if self._isolates(part, error):
            self._mark(part, Fate.NOT_SENT)
            self._pending.extendleft(reversed(part.halves()))
            return
        self.fault = self.fault or error.fault
        if error.delivery is Delivery.NOT_SENT:
            self._mark(part, Fate.NOT_SENT)
            self._ended = True
            return
        written = what_was_written(self._plan.function, error, len(part))
        # If the item is the only one, no earlier item can have been done.
        ran = error.delivery is Delivery.EXECUTED
        rejected_alone = ran and error.while_checking and len(part) == 1
        fate = Fate.UNKNOWN if written == "unknown" and not rejected_alone else Fate.FAILED
        self._mark(part, fate, error.fault)
        keeps_on = self._settings.on_error != "stop" and error.fault.kind not in _FOR_EVERY_REQUEST
        keeps_on = keeps_on or self._finds_values(error)
        self._ended = self._ended or not keeps_on

    def _finds_values(self, error: CallError) -> bool:
        """Whether a look-up goes on without the values that Moodle refuses."""
        most = len(self._plan.slices) + MOST_SPLITS
        is_lookup = self._plan.function.lookup is not None
        return is_lookup and is_of_a_value(error) and self.ledger.requests < most

    def leave_out_refused_values(self) -> None:
        """Count the values that Moodle refused in a look-up as not found, unless it was all."""
        done = self.ledger.count(Fate.SUCCEEDED)
        refused = self.ledger.indexes(Fate.FAILED)
        if self._plan.function.lookup and done and done + len(refused) == self._plan.items:
            self.ledger.mark(refused, Fate.SUCCEEDED)
            self.fault = None

    def _isolates(self, part: Slice, error: CallError) -> bool:
        """Whether to halve the request, to separate its good items from the bad one.

        Only if nothing was written: the function reads, or threw an exception inside one
        transaction.
        """
        if self._finds_values(error):
            return len(part) > 1
        return (
            self._settings.on_error == "isolate"
            and len(part) > 1
            and self._plan.function.is_transaction
            and error.fault.exception is not None
            and error.fault.kind not in _FOR_EVERY_REQUEST
            and what_was_written(self._plan.function, error) == "nothing"
        )
