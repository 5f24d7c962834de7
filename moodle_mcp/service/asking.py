"""Asks for consent to a call in the way that the operator has set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moodle_mcp.catalogue.model import Function
from moodle_mcp.policy.approvals import Confirm
from moodle_mcp.service.consent import (
    Consent,
    ConsentRequest,
    Describer,
    TokenConsent,
    needs_consent,
)
from moodle_mcp.service.context import UserContext
from moodle_mcp.service.id_names import Read
from moodle_mcp.service.requested import Request


@dataclass(frozen=True, slots=True)
class Asking:
    """A call that a person may have to agree to.

    `function` and `arguments` are what is done, `request` is what was asked for. `token` is the
    call's `_confirm`. `read` looks up the names of ids.
    """

    context: UserContext
    request: Request
    function: Function
    arguments: Mapping[str, Any]
    token: str | None
    read: Read

    @property
    def consent_request(self) -> ConsentRequest:
        """What a way to obtain consent gets."""
        most_items = self.context.process.settings.confirm_items
        return ConsentRequest(
            self.function.name,
            self.request.tool,
            self.request.given,
            Describer(self.function, self.arguments, self.read, most_items),
            self.context.approvals,
            self.request.token or self.token,
        )

    async def obtain(self, consent: Consent) -> None:
        """Return once the call may be sent.

        Raises:
            CallError: `declined`, or `needs_confirmation` with a description and a token.
            ConsentPending: the answer to this call asks the person.
        """
        confirm = self.context.process.settings.confirm
        needed = needs_consent(self.function, self.arguments)
        if needed and confirm not in (Confirm.HOST, Confirm.NEVER):
            consent = TokenConsent() if confirm is Confirm.TOKEN else consent
            await consent.obtain(self.consent_request)
        elif self.request.token is not None:
            confirming = self.context.confirming
            await confirming.use(self.request.token, self.function.name, self.arguments)
