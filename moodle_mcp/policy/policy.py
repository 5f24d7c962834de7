"""The policy: decides whether a function may be called, for lists and calls alike."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    """What the operator allows: the functions named and the access granted.

    `granted` is what a signed-in person has granted the client, below the operator's limit; None if
    nobody signs in.
    """

    allowlist: Allowlist
    access: Access
    granted: Access | None = None

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
        if self.granted is not None and not self.granted.allows(classification.access):
            return Decision(False, f"needs the scope moodle:{classification.access.value}")
        return Decision(True, f"included by {entry}")

    def granting(self, granted: Access) -> Policy:
        """The same policy for a client that a person has granted this access."""
        return replace(self, granted=granted)

    def lacks_grant(self, function: Function) -> bool:
        """Whether the operator allows a function, but the person has not granted its access."""
        if self.granted is None or self.allows(function):
            return False
        return replace(self, granted=None).allows(function)

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
            if self.lacks_grant(function):
                raise CallError.not_sent(
                    Fault(
                        Kind.NOT_ALLOWED,
                        f"{function.name} {decision.reason}, which the user has not granted.",
                        hint="The user disconnects this server, connects it again, and allows it.",
                        function=function.name,
                    )
                )
            raise CallError.not_sent(
                Fault(
                    Kind.NOT_ALLOWED,
                    f"{function.name} is withheld by the operator: {decision.reason}.",
                    function=function.name,
                )
            )
