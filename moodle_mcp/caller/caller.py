"""The guarded caller: runs one function and reports its outcome, whatever happens."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from functools import partial
from typing import Any, Final, TypeAlias

import anyio

from moodle_mcp.caller.executor import Execution, ExecutionSettings, Observer
from moodle_mcp.caller.guard import Guard, NoGuard
from moodle_mcp.caller.ledger import BatchLedger, Fate
from moodle_mcp.caller.look_up import look_up
from moodle_mcp.caller.lookups import not_found, values_of, with_lower_case
from moodle_mcp.caller.merge import merge
from moodle_mcp.caller.outcome import Outcome, batch_fault, failed
from moodle_mcp.caller.plan import Plan, make_plan
from moodle_mcp.caller.rate_limit import RateLimit
from moodle_mcp.caller.retry import Sleep
from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.caller.transmit import Clock, Sender, uninterrupted
from moodle_mcp.catalogue.arguments import ArgumentChecker, checked_size, lacks_zone
from moodle_mcp.catalogue.coercion import Coerced, Coercer
from moodle_mcp.catalogue.control_arguments import (
    ControlArguments,
    OnError,
    default_on_error,
    split,
)
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.safe_options import with_safe_option
from moodle_mcp.catalogue.suspects import find_suspects
from moodle_mcp.errors import CallError, Fault, Suspect
from moodle_mcp.jsontree import LARGE_TEXT, Size
from moodle_mcp.site.decoding import Answer
from moodle_mcp.site.diagnosis import diagnosed
from moodle_mcp.site.protocol import Request
from moodle_mcp.site.session import SiteSession

log = logging.getLogger(__name__)

_NO_GUARD: Final = NoGuard()
_OF_A_CALL: Final = ("warningcode", "message")
"""The keys of a warning about a call that has no items."""

Zone: TypeAlias = Callable[[], Awaitable[tzinfo | None]]
"""Returns the user's time zone; None if it is unknown."""


async def no_zone() -> tzinfo | None:
    """The zone of a call without a user."""
    return None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A checked and planned call; a large one is processed in the background thread."""

    plan: Plan
    control: ControlArguments
    is_large: bool = False
    wanted: tuple[Any, ...] = ()
    """The values that a read looks up, as they were given."""


class Caller:
    """Calls functions of one site."""

    def __init__(
        self,
        site: SiteSession,
        settings: CallSettings | None = None,
        rate_limit: RateLimit | None = None,
        *,
        checker: ArgumentChecker | None = None,
        coercer: Coercer | None = None,
        sleep: Sleep = anyio.sleep,
    ) -> None:
        """Make a caller for `site`; what is not given is made for this caller alone."""
        self._site = site
        self._settings = settings or CallSettings()
        self._checker = checker or ArgumentChecker()
        self._coercer = coercer or Coercer()
        rate_limit = rate_limit or RateLimit(
            rate=self._settings.rate, reads=self._settings.reads, writes=self._settings.writes
        )
        self._sender = Sender(site, rate_limit, sleep)

    async def call(
        self, function: Function, arguments: Mapping[str, Any], observer: Observer | None = None
    ) -> Outcome:
        """Check, plan and send one call and coerce its answer; expected failures are outcomes too.

        Cancelling a read cancels its request. A write that was sent is completed, and nothing is
        sent after it.
        """
        try:
            prepared = await self.prepare(function, arguments)
        except CallError as error:
            return failed(function, error)
        return await self.run(prepared, observer)

    async def prepare(
        self, function: Function, arguments: Mapping[str, Any], zone: Zone = no_zone
    ) -> Prepared:
        """Check and plan a call without sending it.

        The site info may be fetched, to choose the protocol. `zone` is called only if a date has no
        offset.

        Raises:
            CallError: `invalid_arguments` or `too_large`.
        """
        size = checked_size(arguments)
        large = size.is_large
        control, own = split(await self._checked(function, arguments, zone, size))
        own = with_safe_option(function, own)
        wanted = tuple(values_of(function.lookup, own))
        own = with_lower_case(function.lookup, own)
        protocol = await self._site.protocol()
        plan = await self._site.background.run_if(
            large, make_plan, function, own, self._settings.limits, protocol
        )
        return Prepared(plan, control, large, wanted)

    async def _checked(
        self, function: Function, arguments: Mapping[str, Any], zone: Zone, size: Size
    ) -> dict[str, Any]:
        """Check the arguments; the zone is fetched only if a date needs it."""
        check = partial(self._site.background.run_if, size.is_large, self._checker.check)
        try:
            return await check(function, arguments, size=size)
        except CallError as error:
            if not lacks_zone(error):
                raise
        return await check(function, arguments, await zone(), size)

    async def run(
        self, prepared: Prepared, observer: Observer | None = None, guard: Guard = _NO_GUARD
    ) -> Outcome:
        """Send a prepared call and coerce its answer; for a dry run, return the plan.

        Items that `guard` refuses are not sent.
        """
        plan, control = prepared.plan, prepared.control
        if control.dry_run:
            return _dry_run(plan)
        observer = observer or Observer()
        if plan.items:
            on_error = control.on_error or default_on_error(plan.function)
            outcome = await self._many(plan, on_error, observer, guard)
        elif len(prepared.wanted) > 1 and not plan.function.is_search:
            outcome = await self._looked_up(plan, observer)
        else:
            outcome = await self._once(plan, observer, guard)
        return _with_not_found(prepared, outcome)

    async def _once(self, plan: Plan, observer: Observer, guard: Guard) -> Outcome:
        if guard.refused:
            return failed(plan.function, CallError.not_sent(guard.refused[0]))
        request = plan.request(plan.slices[0])
        try:
            answer = await self._sender.send(
                plan.function,
                request,
                self._settings.timeout,
                observer.on_wait,
                stopped=observer.stopped,
            )
        except CallError as error:
            error = await self._diagnosed(plan, error)
            if _names_no_parameter(error.fault):
                error = error.but(suspects=find_suspects(plan.function, plan.arguments))
            return failed(plan.function, error)
        return await self._confirmed(plan, answer, guard)

    async def _looked_up(self, plan: Plan, observer: Observer) -> Outcome:
        """Look values up that are no items of a batch."""

        async def send(request: Request) -> Answer:
            seconds = self._settings.timeout
            return await self._sender.send(plan.function, request, seconds, observer.on_wait)

        try:
            answers = await look_up(plan, send, Clock.of(self._settings.budget))
        except CallError as error:
            return failed(plan.function, await self._diagnosed(plan, error))
        return await self._coerced(plan.function, answers)

    async def _confirmed(self, plan: Plan, answer: Answer, guard: Guard) -> Outcome:
        """The outcome of a call of one request, with what the guard has to say."""
        outcome = await self._coerced(plan.function, [answer])
        ledger = BatchLedger(1)
        ledger.mark([0], Fate.SUCCEEDED)
        with uninterrupted(not plan.function.reads_only):
            await guard.verify(ledger, {0: answer.value})
        fault = ledger.fault(0)
        remarks = [{key: each[key] for key in _OF_A_CALL} for each in ledger.warnings()]
        outcome = replace(outcome, warnings=[*outcome.warnings, *remarks])
        if fault is None:
            return outcome
        return replace(outcome, fault=replace(fault, function=plan.function.name))

    async def _many(
        self, plan: Plan, on_error: OnError, observer: Observer, guard: Guard
    ) -> Outcome:
        settings = self._settings
        plan = plan.without(guard.refused)
        run = Execution(
            plan,
            self._sender,
            ExecutionSettings(
                at_once=settings.reads if plan.function.reads_only else settings.writes,
                timeout=settings.timeout,
                budget=settings.budget,
                on_error=on_error,
            ),
            observer,
        )
        for index, fault in guard.refused.items():
            run.ledger.mark([index], Fate.FAILED, fault)
        try:
            await run.go()
            await _confirm(guard, run, observer, plan.function)
        except BaseException:
            # Nobody waits for the answer any more, so what was written is logged.
            report = run.ledger.report()
            log.warning("%s was interrupted: %s", plan.function.name, report)
            raise
        return await self._outcome(plan, run, on_error)

    async def _outcome(self, plan: Plan, run: Execution, on_error: OnError) -> Outcome:
        """The outcome of a run: its answer, and the status of every item."""
        function = plan.function
        run.leave_out_refused_values()
        outcome = await self._coerced(function, run.answers) if run.answers else Outcome()
        if run.ledger.complete and function.reads_only and len(plan.slices) == 1:
            return outcome
        batch = run.ledger.report(plan.ids_of)
        fault = None
        if not run.ledger.complete:
            cause = run.fault
            if cause is not None:
                cause = (await self._diagnosed(plan, CallError(cause))).fault
            fault = batch_fault(plan, run.ledger, cause, run.ended_by, on_error)
            fault = replace(fault, suspects=_suspects(plan, run.ledger))
        return replace(
            outcome,
            batch=batch,
            fault=fault,
            ledger=run.ledger,
            said_of_items=run.ledger.said,
        )

    async def _coerced(self, function: Function, answers: list[Answer]) -> Outcome:
        size = sum(answer.size for answer in answers)
        values = [answer.value for answer in answers]
        texts = dict.fromkeys(text for answer in answers for text in answer.warnings)
        oddities = [{"warningcode": "odd_answer", "message": text} for text in texts]
        # The answer of a write is processed even if the call was cancelled.
        with uninterrupted(not function.reads_only):
            coerced = await self._site.background.run_if(
                size > LARGE_TEXT, self._coerce, function, values
            )
        return Outcome(coerced.result, [*oddities, *coerced.warnings], size=size)

    async def _diagnosed(self, plan: Plan, error: CallError) -> CallError:
        return await diagnosed(self._site, plan.function.name, plan.protocol, error)

    def _coerce(self, function: Function, answers: list[Any]) -> Coerced:
        """Merge the answers of a call and coerce them to the function's return type."""
        merged = merge(answers, distinct=function.reads_only)
        return self._coercer.coerce(function, merged)


def _with_not_found(prepared: Prepared, outcome: Outcome) -> Outcome:
    """Add the values that a look-up did not find, unless the look-up failed."""
    plan = prepared.plan
    if plan.function.lookup is None or not prepared.wanted or outcome.fault is not None:
        return outcome
    missing = not_found(plan.function.lookup, plan.arguments, prepared.wanted, outcome.result)
    return replace(outcome, not_found=tuple(missing))


async def _confirm(guard: Guard, run: Execution, observer: Observer, function: Function) -> None:
    """Let the guard correct the status of items, and tell the observer."""
    before = run.ledger.indexes(Fate.SUCCEEDED)
    # Even if the call was cancelled, it must be known what became of what was written.
    with uninterrupted(not function.reads_only):
        await guard.verify(run.ledger, run.answers_to)
    changed = [index for index in before if run.ledger.fate(index) is not Fate.SUCCEEDED]
    if changed and observer.on_fates:
        observer.on_fates(changed, run.ledger)


def _names_no_parameter(fault: Fault | None) -> bool:
    """Whether Moodle rejected a value without naming it, as it does unless debugging is on."""
    return fault is not None and fault.errorcode == "invalidparameter"


def _suspects(plan: Plan, ledger: BatchLedger) -> tuple[Suspect, ...]:
    indexes = ledger.indexes(Fate.FAILED) + ledger.indexes(Fate.UNKNOWN)
    refused = [index for index in indexes if _names_no_parameter(ledger.fault(index))]
    return find_suspects(plan.function, plan.arguments, refused) if refused else ()


def _dry_run(plan: Plan) -> Outcome:
    """The plan, as the report of a batch of which nothing was sent."""
    not_sent = [[0, plan.items - 1]] if plan.items else []
    batch = {
        "dry_run": True,
        "items": plan.items,
        "requests": len(plan.slices),
        "succeeded": 0,
        "failed": [],
        "unknown": [],
        "not_sent": not_sent,
    }
    return Outcome(batch=batch)
