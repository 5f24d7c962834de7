"""What became of a call: the envelope that every tool answers, and what was written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from moodle_mcp.catalogue.model import Function
from moodle_mcp.errors import CallError, Fault, Kind, Written

# Moodle answers these before the function itself runs.
_BEFORE_THE_FUNCTION: Final = frozenset(
    {
        Kind.INVALID_ARGUMENTS,
        Kind.NOT_ALLOWED,
        Kind.NEEDS_CONFIRMATION,
        Kind.DECLINED,
        Kind.INVALID_TOKEN,
        Kind.ACCESS_DENIED,
        Kind.ACCOUNT_BLOCKED,
        Kind.MAINTENANCE,
        Kind.WEB_SERVICES_OFF,
        Kind.WRONG_ADDRESS,
        Kind.RATE_LIMITED,
    }
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one call: a fitted result with warnings, or a fault."""

    result: Any = None
    warnings: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    fault: Fault | None = None

    @property
    def envelope(self) -> dict[str, Any]:
        """The object that a tool answers."""
        if self.fault is not None:
            return {"error": self.fault.report()}
        envelope: dict[str, Any] = {"result": self.result}
        return envelope | {"warnings": self.warnings} if self.warnings else envelope


def failed(function: Function, error: CallError) -> Outcome:
    """The outcome of a call that ended with an error."""
    written = error.fault.written or what_was_written(function, error)
    return Outcome(fault=_explained(function, error.fault, written))


def what_was_written(function: Function, error: CallError) -> Written:
    """What a failed request may have changed in Moodle.

    A Moodle exception from a function whose call is one database transaction means nothing; from
    another write it may have come after a part was done. Moodle checks its own answer after the
    transaction, so that an `invalidresponse` follows a write that happened.
    """
    fault = error.fault
    if function.reads_only or not error.reached or fault.kind in _BEFORE_THE_FUNCTION:
        return "nothing"
    if fault.exception is None or fault.errorcode == "invalidresponse":
        return "unknown"
    batching = function.batching
    transaction = batching is not None and batching.on_item_error == "all_or_nothing"
    return "nothing" if transaction or fault.kind is Kind.NO_PERMISSION else "unknown"


def _explained(function: Function, fault: Fault, written: Written) -> Fault:
    """The fault with the function's name and, for a write in doubt, what that means."""
    fault = replace(fault, function=function.name, written=written)
    if written != "unknown":
        return fault
    return replace(
        fault,
        retryable=False,
        hint=f"It is not known whether Moodle carried this out. Read the present state before "
        f"anything is sent again. {fault.hint or fault.kind.hint}",
    )
