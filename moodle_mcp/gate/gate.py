"""The gate: whether a function may be called, decided the same way for the list and the call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from moodle_mcp.catalogue.model import Function
from moodle_mcp.errors import CallError, Fault, Kind
from moodle_mcp.gate.access import Access, access_of
from moodle_mcp.gate.whitelist import Whitelist


@dataclass(frozen=True, slots=True)
class Gate:
    """What the operator allows: the functions named and the access granted."""

    whitelist: Whitelist
    access: Access

    def refusal(self, function: Function) -> str | None:
        """Why a function may not be called, for the operator; None if it may."""
        if not self.whitelist.names(function.name):
            return "not in MOODLE_MCP_TOOLS"
        needed = access_of(function)
        if not self.access.allows(needed):
            return f"needs MOODLE_MCP_ACCESS={needed.value}"
        return None

    def allowed(self, functions: Iterable[Function]) -> list[Function]:
        """Those of the functions that may be called, in their order."""
        return [function for function in functions if self.refusal(function) is None]

    def check(self, function: Function) -> None:
        """Let a call pass.

        Raises:
            CallError: `not_allowed`; nothing was sent.
        """
        reason = self.refusal(function)
        if reason is not None:
            raise CallError(
                Fault(
                    Kind.NOT_ALLOWED,
                    f"{function.name} is withheld by the operator: {reason}.",
                    function=function.name,
                    written="nothing",
                )
            )
