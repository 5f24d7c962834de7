"""The guarded caller: runs one function and tells what became of it, whatever happens."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import anyio

from moodle_mcp.caller.executor import Execution, ExecutionSettings, Observer
from moodle_mcp.caller.ledger import BatchLedger, Fate
from moodle_mcp.caller.merge import merge
from moodle_mcp.caller.outcome import Outcome, batch_fault, failed
from moodle_mcp.caller.plan import Plan, make_plan
from moodle_mcp.caller.rate_limit import RateLimit
from moodle_mcp.caller.retry import Sleep
from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.caller.transmit import Sender, uninterrupted
from moodle_mcp.catalogue.arguments import ArgumentChecker, checked_size, lacks_zone
from moodle_mcp.catalogue.coercion import Coerced, Coercer
from moodle_mcp.catalogue.control_arguments import ControlArguments, OnError, split
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.suspects import find_suspects
from moodle_mcp.errors import CallError, Fault, Suspect
from moodle_mcp.jsontree import LARGE_TEXT, Size
from moodle_mcp.site.decoding import Answer
from moodle_mcp.site.info import SITE_INFO, refused_altogether
from moodle_mcp.site.session import Site
from moodle_mcp.site.zone import user_zone

log = logging.getLogger(__name__)

_ADD_FUNCTION: Final = (
    "An administrator adds it: Site administration > Server > Web services > External services > "
    "(the token's service) > Functions > Add functions: {function}."
)
_OTHER_CAUSES: Final = (
    "The token's service has this function, so another rule refuses it: the token's IP "
    "restriction or end date, or a capability that the service or the protocol ({capability}) "
    "requires. An administrator looks at Site administration > Server > Web services > Manage "
    "tokens and External services."
)
_ANY_CAUSE: Final = (
    "Most likely the function is not in the token's service. {add} Other causes are the token's IP "
    "restriction or end date, and a capability that the service or the protocol ({capability}) "
    "requires."
).replace("{add}", _ADD_FUNCTION)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call that was checked and planned; work on a large one belongs in the background."""

    plan: Plan
    control: ControlArguments
    is_large: bool = False


class Caller:
    """Calls functions of one site."""

    def __init__(
        self, site: Site, settings: CallSettings | None = None, *, sleep: Sleep = anyio.sleep
    ) -> None:
        self._site = site
        self._settings = settings or CallSettings()
        self._checker = ArgumentChecker()
        self._coercer = Coercer()
        rate_limit = RateLimit(
            rate=self._settings.rate, reads=self._settings.reads, writes=self._settings.writes
        )
        self._sender = Sender(site, rate_limit, sleep)

    async def call(
        self, function: Function, arguments: Mapping[str, Any], observer: Observer | None = None
    ) -> Outcome:
        """Check, plan, send and fit one call; every failure that is foreseen is an outcome too.

        Cancelling it cancels a read's request; a write that was sent goes on to its end, and
        nothing is sent after it.
        """
        try:
            prepared = await self.prepare(function, arguments)
        except CallError as error:
            return failed(function, error)
        return await self.run(prepared, observer)

    async def prepare(self, function: Function, arguments: Mapping[str, Any]) -> Prepared:
        """Check and plan a call without sending it.

        Where there is a choice of protocols, the site may be asked about itself, and for a date
        without an offset about the user's time zone.

        Raises:
            CallError: `invalid_arguments` or `too_large`.
        """
        size = checked_size(arguments)
        large = size.is_large
        control, own = split(await self._checked(function, arguments, size))
        protocol = await self._site.protocol()
        plan = await self._site.background.run_if(
            large, make_plan, function, own, self._settings.limits, protocol
        )
        return Prepared(plan, control, large)

    async def _checked(
        self, function: Function, arguments: Mapping[str, Any], size: Size
    ) -> dict[str, Any]:
        """The checked arguments; only a date that is refused asks the site for the user's zone."""
        check = partial(self._site.background.run_if, size.is_large, self._checker.check)
        try:
            return await check(function, arguments, size=size)
        except CallError as error:
            if not lacks_zone(error):
                raise
        return await check(function, arguments, await user_zone(self._site), size)

    async def run(self, prepared: Prepared, observer: Observer | None = None) -> Outcome:
        """Send and fit a prepared call, or answer its plan if that is what was asked for."""
        plan, control = prepared.plan, prepared.control
        if control.dry_run:
            return _dry_run(plan)
        if plan.items:
            return await self._many(plan, control.on_error, observer or Observer())
        return await self._once(plan, observer or Observer())

    async def _once(self, plan: Plan, observer: Observer) -> Outcome:
        request = plan.request(plan.slices[0])
        try:
            answer = await self._sender.send(
                plan.function, request, self._settings.timeout, observer.on_wait
            )
        except CallError as error:
            error = await self._diagnosed(plan, error)
            if _is_nameless(error.fault):
                error = error.but(suspects=find_suspects(plan.function, plan.arguments))
            return failed(plan.function, error)
        return await self._coerced(plan.function, [answer])

    async def _many(self, plan: Plan, on_error: OnError, observer: Observer) -> Outcome:
        settings = self._settings
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
        try:
            await run.go()
        except BaseException:
            # Nobody waits for the answer any more; what was written must not go unsaid.
            report = run.ledger.report()
            log.warning("%s was interrupted: %s", plan.function.name, report)
            raise
        return await self._ledger(plan, run, on_error)

    async def _ledger(self, plan: Plan, run: Execution, on_error: OnError) -> Outcome:
        """The outcome of a run: what was answered, and the fate of every item."""
        function = plan.function
        outcome = await self._coerced(function, run.answers) if run.answers else Outcome()
        if run.ledger.complete and function.reads_only and len(plan.slices) == 1:
            return outcome
        batch = run.ledger.report()
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
        # What a write has done is told to the end, also when nobody waits for it any more.
        async with uninterrupted(not function.reads_only):
            coerced = await self._site.background.run_if(
                size > LARGE_TEXT, self._coerce, function, values
            )
        return Outcome(coerced.result, [*oddities, *coerced.warnings], size=size)

    def _coerce(self, function: Function, answers: list[Any]) -> Coerced:
        """Join the answers of a call and fit them to what its function is said to answer."""
        merged = merge(answers, distinct=function.reads_only)
        return self._coercer.coerce(function, merged)

    async def _diagnosed(self, plan: Plan, error: CallError) -> CallError:
        """An `access_denied` with the cause that the site can be asked for.

        Moodle has one answer, `accessexception`, for seven causes.
        """
        name = plan.function.name
        if error.fault.errorcode != "accessexception":
            return error
        if name == SITE_INFO:
            return error.but(hint=refused_altogether(plan.protocol))
        try:
            info = await self._site.info(fresh=True)
        except CallError as asked:
            return error.but(hint=asked.fault.hint)
        if info.lacks(name):
            return error.but(
                message=f"The function {name} is not in the token's service.",
                hint=_ADD_FUNCTION.format(function=name),
            )
        causes = _OTHER_CAUSES if info.functions is not None else _ANY_CAUSE
        return error.but(hint=causes.format(function=name, capability=plan.protocol.capability))


def _is_nameless(fault: Fault | None) -> bool:
    """Whether Moodle refused a value and, as always without debugging, did not say which."""
    return fault is not None and fault.errorcode == "invalidparameter"


def _suspects(plan: Plan, ledger: BatchLedger) -> tuple[Suspect, ...]:
    indexes = ledger.indexes(Fate.FAILED) + ledger.indexes(Fate.UNKNOWN)
    refused = [index for index in indexes if _is_nameless(ledger.fault(index))]
    return find_suspects(plan.function, plan.arguments, refused) if refused else ()


def _dry_run(plan: Plan) -> Outcome:
    """The plan, as the account of a batch of which nothing was sent."""
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
