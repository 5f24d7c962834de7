"""The tool `resume_batch`: continues a batch in which not every item succeeded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from moodle_mcp.caller.caller import Prepared
from moodle_mcp.caller.ledger import BatchLedger
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.caller.resumable import (
    KEPT_SECONDS,
    Leftover,
    Leftovers,
    joined,
    leftover_of,
)
from moodle_mcp.catalogue.arguments import ArgumentChecker, arguments_fault
from moodle_mcp.catalogue.classification import Access, Classification
from moodle_mcp.catalogue.control_arguments import CONTROL_ARGUMENTS, ON_ERROR, on_error_choices
from moodle_mcp.catalogue.model import Function, FunctionText, Object, ParameterText, Value
from moodle_mcp.errors import CallError, ParameterFault

RESUME: Final = Function(
    "resume_batch",
    params=Object({"handle": Value("raw"), "on_error": Value("alpha", presence="optional")}),
    classification=Classification(Access.DESTRUCTIVE),
    text=FunctionText(
        "Continue a batch: send the items that failed or were not sent, without passing them "
        "again. The same checks and the same confirmation apply as to the first call. Items in "
        "`unknown` are never sent again.",
        {
            "handle": ParameterText("batch.resume of an answer; valid for one run."),
            "on_error": ParameterText("stop, continue or isolate; as in the first call if absent."),
        },
    ),
)

_GO_ON: Final = (
    "To continue with the items that failed or were not sent, call resume_batch with the handle in "
    f"batch.resume within {KEPT_SECONDS // 60} minutes."
)
_TOO_LARGE: Final = (
    "The items could not be kept for resume_batch: pass those that failed or were not sent "
    "again, in smaller calls."
)


@dataclass(frozen=True, slots=True)
class Resumption:
    """A call that continues a batch: the items left, and the other reserved arguments.

    `handle` is that of `resume_batch`; None if the batch begins with this call.
    """

    handle: str | None
    leftover: Leftover
    on_error: str | None
    control: Mapping[str, Any]

    def call(self, function: Function) -> dict[str, Any]:
        """The arguments of the call that continues the batch.

        Raises:
            CallError: `invalid_arguments` for an `on_error` that the function does not have.
        """
        choices = on_error_choices(function)
        if self.on_error is not None and self.on_error not in choices:
            fault = ParameterFault(
                "on_error", f"is not possible for {function.name}", ", ".join(choices)
            )
            raise CallError.not_sent(arguments_fault(RESUME, [fault]))
        # A read has no `_on_error`, and always stops.
        chosen = {} if self.on_error is None or function.reads_only else {ON_ERROR: self.on_error}
        return {**self.leftover.arguments, **self.control, **chosen}


class Resuming:
    """Keeps and finds the unfinished items of one user's batches."""

    def __init__(self, leftovers: Leftovers, checker: ArgumentChecker) -> None:
        self._leftovers = leftovers
        self._checker = checker

    async def find(self, arguments: Mapping[str, Any]) -> Resumption:
        """The resumption that a call of `resume_batch` asks for.

        Raises:
            CallError: the arguments are wrong, or nothing is kept under the handle.
        """
        checked = self._checker.check(RESUME, arguments)
        handle: str = checked["handle"]
        leftover = Leftover.unpacked(await self._leftovers.read(handle))
        control = {name: checked[name] for name in CONTROL_ARGUMENTS if name in checked}
        return Resumption(handle, leftover, checked.get("on_error"), control)

    async def begin(self, resumption: Resumption) -> None:
        """Use up the handle, if there is one, just before anything is sent.

        Raises:
            CallError: another call has used the handle.
        """
        if resumption.handle is not None:
            await self._leftovers.take(resumption.handle)

    async def end(self, ended: Ended) -> Outcome:
        """The outcome of a run, with a handle for what is left."""
        outcome = ended.outcome
        if ended.packed is None or outcome.fault is None:
            return outcome
        handle = await self._leftovers.keep(ended.packed)
        advice = _TOO_LARGE if handle is None else _GO_ON
        fault = replace(outcome.fault, hint=f"{outcome.fault.advice} {advice}")
        batch = outcome.batch if handle is None else {**(outcome.batch or {}), "resume": handle}
        return replace(outcome, batch=batch, fault=fault)


@dataclass(frozen=True, slots=True)
class Ended:
    """The outcome of a run, extended to the whole batch, the packed leftover, and the ledger of the
    whole batch if it continued one.
    """

    outcome: Outcome
    packed: bytes | None
    ledger: BatchLedger | None = None


def ended(prepared: Prepared, outcome: Outcome, resumption: Resumption | None) -> Ended:
    """Combine the outcome of a run with that of earlier runs of its batch."""
    plan = prepared.plan
    earlier = resumption.leftover if resumption else None
    left = None
    if outcome.ledger is not None and outcome.batch is not None:
        left = leftover_of(plan, prepared.control, outcome.ledger, earlier)
    whole = None
    if earlier is not None and outcome.ledger is not None:
        whole = earlier.ledger.updated(earlier.indexes, outcome.ledger)
        outcome = joined(plan, earlier, outcome)
    packed = None if left is None or outcome.fault is None else left.packed()
    return Ended(outcome, packed, whole)


def resume_function(exposed: Sequence[Function]) -> Function | None:
    """Define `resume_batch` with the highest access of the batches; None if there are none."""
    batches = [function for function in exposed if function.batching is not None]
    if not batches:
        return None
    accesses = {function.classification.access for function in batches}
    access = Access.highest(accesses)
    return replace(RESUME, classification=Classification(access))
