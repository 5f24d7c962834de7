"""The policy: decides whether a function may be called, for lists and calls alike."""

from __future__ import annotations

from dataclasses import dataclass

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.model import Function
from moodle_mcp.errors import CallError, Fault, Kind
from moodle_mcp.policy.allowlist import Allowlist


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a function may be called, and why or why not, for the operator."""

    allowed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator allows: the functions named and the access granted."""

    allowlist: Allowlist
    access: Access

    def names(self, name: str) -> bool:
        """Whether the operator has included a function, and not excluded it."""
        excluded, included = self.allowlist.excluded, self.allowlist.included
        return excluded.match(name) is None and included.match(name) is not None

    def decide(self, function: Function) -> Decision:
        """Decide on a function, which must be included, not excluded, and within the access."""
        entry = self.allowlist.excluded.match(function.name)
        if entry is not None:
            return Decision(False, f"excluded by -{entry}")
        entry = self.allowlist.included.match(function.name)
        if entry is None:
            return Decision(False, "not in MOODLE_MCP_TOOLS")
        classification = function.classification
        if classification.by_full_name_only and entry != function.name:
            flags = ", ".join(sorted(classification.flags))
            return Decision(False, f"{flags}: only by its full name in MOODLE_MCP_TOOLS")
        if not self.access.allows(classification.access):
            return Decision(False, f"needs MOODLE_MCP_ACCESS={classification.access.value}")
        return Decision(True, f"included by {entry}")

    def allows(self, function: Function) -> bool:
        """Whether a function may be called."""
        return self.decide(function).allowed

    def check(self, function: Function) -> None:
        """Check that a function may be called.

        Raises:
            CallError: `not_allowed`; nothing was sent.
        """
        decision = self.decide(function)
        if not decision.allowed:
            raise CallError.not_sent(
                Fault(
                    Kind.NOT_ALLOWED,
                    f"{function.name} is withheld by the operator: {decision.reason}.",
                    function=function.name,
                )
            )
