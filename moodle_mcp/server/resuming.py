"""The tool `resume_batch`: goes on with a batch in which not every item succeeded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from moodle_mcp.caller.caller import Prepared
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.caller.resumable import KEPT_SECONDS, Rest, Rests, joined, rest_of
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
        "Go on with a batch: send the items that failed or were not sent, without passing them "
        "again. The same checks and the same confirmation apply as to the first call. Items in "
        "`unknown` are never sent again.",
        {
            "handle": ParameterText("batch.resume of an answer; good for one run."),
            "on_error": ParameterText("stop, continue or isolate; as in the first call if absent."),
        },
    ),
)

_GO_ON: Final = (
    "resume_batch with the handle in batch.resume goes on with the items that failed or were not "
    f"sent, within {KEPT_SECONDS // 60} minutes."
)
_TOO_LARGE: Final = (
    "The items are too many to be kept: pass those that failed or were not sent again, in smaller "
    "calls."
)


@dataclass(frozen=True, slots=True)
class Resumption:
    """A call of `resume_batch`: the handle, the rest of the batch that it stands for, and the
    reserved arguments that were passed with it.
    """

    handle: str
    rest: Rest
    on_error: str | None
    control: Mapping[str, Any]

    def call(self, function: Function) -> dict[str, Any]:
        """The arguments of the function's call that goes on.

        Raises:
            CallError: `invalid_arguments` for an `on_error` that the function does not have.
        """
        choices = on_error_choices(function)
        if self.on_error is not None and self.on_error not in choices:
            fault = ParameterFault(
                "on_error", f"is not possible for {function.name}", ", ".join(choices)
            )
            raise CallError.not_sent(arguments_fault(RESUME, [fault]))
        # A read takes no choice, and stops anyway.
        chosen = {} if self.on_error is None or function.reads_only else {ON_ERROR: self.on_error}
        return {**self.rest.arguments, **self.control, **chosen}


class Resuming:
    """Keeps the rests of one user's batches and finds them again."""

    def __init__(self) -> None:
        self._rests = Rests()
        self._checker = ArgumentChecker()

    def find(self, arguments: Mapping[str, Any]) -> Resumption:
        """The resumption that a call of `resume_batch` asks for.

        Raises:
            CallError: the arguments are wrong, or nothing is kept under the handle.
        """
        checked = self._checker.check(RESUME, arguments)
        handle: str = checked["handle"]
        rest = self._rests.read(handle)
        control = {name: checked[name] for name in CONTROL_ARGUMENTS if name in checked}
        return Resumption(handle, rest, checked.get("on_error"), control)

    def begin(self, resumption: Resumption | None) -> None:
        """Use up the handle just before anything is sent.

        Raises:
            CallError: another call was faster.
        """
        if resumption is not None:
            self._rests.take(resumption.handle)

    def end(self, prepared: Prepared, outcome: Outcome, resumption: Resumption | None) -> Outcome:
        """The outcome with a handle for what is left, told of the whole batch."""
        plan = prepared.plan
        earlier = resumption.rest if resumption else None
        rest = None
        if outcome.ledger is not None and outcome.batch is not None:
            rest = rest_of(plan, prepared.control, outcome.ledger, earlier)
        if earlier is not None:
            outcome = joined(plan, earlier, outcome)
        if rest is None or outcome.fault is None:
            return outcome
        handle = self._rests.keep(rest)
        advice = _TOO_LARGE if handle is None else _GO_ON
        fault = replace(outcome.fault, hint=f"{outcome.fault.advice} {advice}")
        batch = outcome.batch if handle is None else {**(outcome.batch or {}), "resume": handle}
        return replace(outcome, batch=batch, fault=fault)


def resume_function(exposed: Sequence[Function]) -> Function | None:
    """`resume_batch` with the access of what it can run; None if nothing exposed has batches."""
    batches = [function for function in exposed if function.batching is not None]
    if not batches:
        return None
    accesses = {function.classification.access for function in batches}
    access = next(each for each in reversed(Access) if each in accesses)
    return replace(RESUME, classification=Classification(access))
