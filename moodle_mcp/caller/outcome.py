"""The outcome of a call: the envelope that every tool returns, and what was written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from moodle_mcp.caller.ledger import BatchLedger, Fate
from moodle_mcp.caller.plan import Plan
from moodle_mcp.catalogue.control_arguments import OnError
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.refusals import Refused, refused_by
from moodle_mcp.errors import CallError, Delivery, Fault, Kind, Written


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one call: a coerced result with warnings, a fault, or both.

    `ledger` has the status of every item, which is more than the `batch` report. `size` is that of
    Moodle's answer in characters. `said_of_items` are the site's words in the messages of `batch`.
    `not_found` are the values that a look-up did not find.
    """

    result: Any = None
    warnings: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    batch: dict[str, Any] | None = None
    fault: Fault | None = None
    ledger: BatchLedger | None = None
    size: int = 0
    said_of_items: frozenset[str] = frozenset()
    not_found: tuple[Any, ...] = ()

    def with_warning(self, code: str, message: str) -> Outcome:
        """The outcome with one more warning, unless it failed or the message is empty."""
        if not message or self.fault is not None:
            return self
        return replace(self, warnings=[*self.warnings, {"warningcode": code, "message": message}])

    @property
    def said(self) -> frozenset[str]:
        """The site's words in the messages of the envelope."""
        of_all = self.fault.said if self.fault else ""
        return self.said_of_items | {of_all} if of_all else self.said_of_items

    @property
    def envelope(self) -> dict[str, Any]:
        """The object that a tool returns."""
        envelope: dict[str, Any] = {}
        if self.fault is not None:
            envelope["error"] = self.fault.report()
        if self.not_found:
            envelope["not_found"] = list(self.not_found)
        if self.fault is None or self.result is not None:
            envelope["result"] = self.result
        if self.warnings:
            envelope["warnings"] = self.warnings
        if self.batch is not None:
            envelope["batch"] = self.batch
        return envelope


def failed(function: Function, error: CallError) -> Outcome:
    """The outcome of a call that ended with an error."""
    written = error.fault.written or what_was_written(function, error)
    fault = replace(error.fault, function=function.name, written=written)
    if written == "unknown":
        fault = replace(fault, retryable=False, hint=f"{in_doubt(function)} {fault.advice}")
    return Outcome(fault=fault)


def what_was_written(function: Function, error: CallError, items: int = 1) -> Written:
    """What a failed request of some items may have changed in Moodle.

    After a Moodle exception it is "nothing" for a function that runs in one database transaction;
    other writes may have done a part before. Moodle checks its own return value after the
    transaction, so `invalidresponse` follows a completed write. Some errorcodes prove that nothing
    was written yet.
    """
    fault = error.fault
    if function.reads_only:
        return "nothing"
    if error.delivery in (Delivery.NOT_SENT, Delivery.REJECTED):
        return "nothing"
    if error.delivery is Delivery.UNKNOWN or fault.errorcode == "invalidresponse":
        return "unknown"
    if function.is_transaction:
        return "nothing"
    refused = refused_by(function.refusals, fault.errorcode or fault.said)
    if refused is Refused.BEFORE or (refused is Refused.ITEM and items == 1):
        return "nothing"
    # A function without a list of items checks capabilities before it changes anything.
    one_thing = function.batching is None or function.batching.on_item_error is None
    found_first = error.while_checking and fault.kind is Kind.NO_PERMISSION
    return "nothing" if one_thing and found_first else "unknown"


def batch_fault(
    plan: Plan, ledger: BatchLedger, cause: Fault | None, ended: str | None, on_error: OnError
) -> Fault:
    """The fault of a batch in which not every item succeeded."""
    done, items = ledger.count(Fate.SUCCEEDED), plan.items
    first = next((ledger.fault(index) for index in ledger.indexes(Fate.FAILED)), None)
    cause = cause or first or _ENDED.get(ended or "") or _DOUBTFUL
    return Fault(
        kind=cause.kind,
        message=f"{done} of {items} items are done. {cause.message}",
        hint=_advice(plan, ledger, cause, on_error),
        function=plan.function.name,
        errorcode=cause.errorcode,
        exception=cause.exception,
        http_status=cause.http_status,
        said=cause.said,
        retryable=cause.may_be_retried and not ledger.count(Fate.UNKNOWN),
        written="nothing" if plan.function.reads_only else ledger.written,
    )


def of_the_whole(
    function: Function, outcome: Outcome, ledger: BatchLedger, *, is_first: bool = False
) -> Outcome:
    """Extend the outcome of a run that continued a batch to all items of the batch.

    `ledger` is that of the whole batch after this run. If an earlier run left items in doubt, the
    outcome is not a success. `is_first` says that nothing was known of any item before.
    """
    fault = outcome.fault
    if fault is not None:
        fault = fault if is_first else replace(fault, message=f"In this run {fault.message}")
    elif not ledger.complete:
        fault = _not_complete(function, ledger)
    return replace(outcome, batch=ledger.report(), fault=fault, said_of_items=ledger.said)


def _not_complete(function: Function, ledger: BatchLedger) -> Fault:
    """The fault of a run that did all it had to, while other items of the batch are not done."""
    failed = ledger.indexes(Fate.FAILED)
    first = ledger.fault(failed[0]) if failed else None
    if ledger.count(Fate.UNKNOWN) or first is None:
        # All items of this run succeeded.
        fault = left_in_doubt(function, ledger.count(Fate.UNKNOWN))
        return replace(fault, written="something")
    done = ledger.count(Fate.SUCCEEDED)
    return replace(
        first,
        message=f"{done} of {ledger.items} items are done. {first.message}",
        hint=f"Items in `failed` were not done. {first.advice}",
        function=function.name,
        written=ledger.written,
    )


def left_in_doubt(function: Function, items: int) -> Fault:
    """The fault for items that an earlier run may have carried out; they are not sent again."""
    return Fault(
        Kind.DECLINED,
        f"{items} items may have been carried out in an earlier run.",
        hint=in_doubt(function),
        function=function.name,
    )


_DOUBTFUL: Final = Fault(
    Kind.MOODLE_ERROR, "Moodle's answer does not report the outcome of each item."
)
_ENDED: Final = {
    "budget": Fault(
        Kind.TIMEOUT,
        "The time for one call ran out before all items were sent.",
        hint="Send the remaining items in another call.",
    ),
    "stopped": Fault(
        Kind.DECLINED,
        "The call was stopped before all items were sent.",
        hint="Send the remaining items in another call.",
    ),
}


def _advice(plan: Plan, ledger: BatchLedger, cause: Fault, on_error: OnError) -> str:
    advice: list[str] = []
    if ledger.count(Fate.UNKNOWN):
        advice.append(f"For the items in `unknown`: {in_doubt(plan.function)}")
    if ledger.count(Fate.FAILED):
        advice.append("Items in `failed` were not done.")
        others = ledger.count(Fate.FAILED) > 1 and plan.function.is_transaction
        if others and on_error != "isolate":
            advice.append("With _on_error=isolate the good ones are done and the bad ones named.")
    if ledger.count(Fate.NOT_SENT):
        advice.append("Items in `not_sent` (first and last index of each run) were not sent.")
    return " ".join([*advice, cause.advice])


def in_doubt(function: Function) -> str:
    """What to do about items that may have been carried out."""
    check = function.batching.check_with if function.batching else ""
    how = f"Check with {check}" if check else "Read the present state"
    if function.repeat_is_harmless:
        return "It is not known whether Moodle carried this out; calling again does no harm."
    return (
        "It is not known whether Moodle carried this out. "
        f"{how} before you send anything again, or it may be done twice."
    )
