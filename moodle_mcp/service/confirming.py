"""The tool `confirm`: carries out a call that was shown to the user and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from moodle_mcp.catalogue.arguments import ArgumentChecker
from moodle_mcp.catalogue.classification import Access, Classification
from moodle_mcp.catalogue.control_arguments import CONFIRM, DRY_RUN
from moodle_mcp.catalogue.model import Function, FunctionText, Object, ParameterText, Value
from moodle_mcp.errors import CallError, Fault, Kind
from moodle_mcp.policy.approvals import LIFETIME, Approval, Approvals, Use, changed_call

CONFIRM_TOOL: Final = Function(
    "confirm",
    params=Object({"token": Value("raw")}),
    classification=Classification(Access.DESTRUCTIVE),
    text=FunctionText(
        "Carry out a call that was kept: one that answered needs_confirmation, once the user has "
        "agreed, or a dry run of a write.",
        {"token": ParameterText("From the error's hint, or batch.confirm of a dry run.")},
    ),
)


@dataclass(frozen=True, slots=True)
class KeptCall:
    """A call found by its token."""

    tool: str
    arguments: Mapping[str, Any]
    token: str


def is_confirming(function: Function, arguments: Mapping[str, Any]) -> bool:
    """Whether a call passes a token in place of the arguments of the call that it stands for."""
    return function.name == CONFIRM_TOOL.name or set(arguments) == {CONFIRM}


class Confirming:
    """Finds one user's kept calls."""

    def __init__(self, approvals: Approvals, checker: ArgumentChecker) -> None:
        self._approvals = approvals
        self._checker = checker

    async def find(self, function: Function, arguments: Mapping[str, Any]) -> KeptCall:
        """The call that `confirm`, or a function with nothing but `_confirm`, stands for.

        Raises:
            CallError: the arguments are wrong, or nothing is kept under the token.
        """
        control: dict[str, Any] = {}
        if function.name == CONFIRM_TOOL.name:
            checked = self._checker.check(CONFIRM_TOOL, arguments)
            token = str(checked["token"])
            control = {name: checked[name] for name in (DRY_RUN,) if name in checked}
        else:
            token = str(arguments[CONFIRM])
        approval = await self._approvals.find(token)
        if isinstance(approval, Use):
            raise _not_kept(approval.value)
        if function.name not in (CONFIRM_TOOL.name, approval.tool):
            raise _not_kept(f"for {approval.tool}")
        return KeptCall(approval.tool, {**approval.given, **control}, token)

    async def use(self, token: str, function: str, arguments: Mapping[str, Any]) -> None:
        """Use up the token of a call that needs no consent, just before the call is sent.

        `arguments` are what would be sent now. A name in a table may mean somebody else than it did
        in the dry run, and a file may have changed.

        Raises:
            CallError: another call has used it in the meantime, or what would be sent has changed.
        """
        approval = await self._approvals.find(token)
        used = approval
        if isinstance(approval, Approval):
            changed = changed_call(approval.subject, function, arguments)
            if changed:
                raise _changed(function, changed)
            used = await self._approvals.use(token, approval.subject)
        if used is not Use.GRANTED:
            raise _not_kept(Use.USED.value)


def confirm_function(allowed: Sequence[Function]) -> Function | None:
    """Define `confirm` with the highest access of the allowed writes; None if there are none."""
    accesses = {function.classification.access for function in allowed} - {Access.READ}
    if not accesses:
        return None
    access = Access.highest(accesses)
    return replace(CONFIRM_TOOL, classification=Classification(access))


def _changed(function: str, changed: str) -> CallError:
    return CallError.not_sent(
        Fault(
            Kind.NEEDS_CONFIRMATION,
            f"Nothing was sent: what the call would do has changed since the dry run. {changed}",
            hint="Make the dry run again, and confirm what it shows.",
            function=function,
        )
    )


def _not_kept(why: str) -> CallError:
    return CallError.not_sent(
        Fault(
            Kind.NOT_FOUND,
            f"Nothing was sent: this token is {why}.",
            hint=f"A token is valid once, for {LIFETIME / 60:.0f} minutes, and only until the "
            "server is started again. Make the call again without it to get a new one.",
        )
    )
