"""Consent of a person to one destructive call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from moodle_mcp.errors import CallError, Fault, Kind, MoodleMcpError
from moodle_mcp.policy.approvals import LIFETIME, Approvals, Use, fingerprint
from moodle_mcp.service.confirmation_text import count_items, describe_call
from moodle_mcp.service.id_names import Read, find_names

MAX_ITEMS: Final = 500
"""Most items that one confirmation covers, unless the operator sets another number."""

MAX_TEXT: Final = 20_000
"""Most characters of a description: a person must be able to read it."""

CHANGED: Final = "What the ids refer to has changed since you were asked. "


class ConsentPending(MoodleMcpError):  # noqa: N818 - it ends a call but is not an error
    """The answer to this call asks the person; `question` is what the server sends."""

    def __init__(self, question: object) -> None:
        super().__init__("the person is asked first")
        self.question = question


@dataclass(frozen=True, slots=True)
class Description:
    """A call as the person sees it: its text, and the fingerprint of what the text covers."""

    text: str
    fingerprint: str


Describe: TypeAlias = Callable[[], Awaitable[Description]]


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """A call that needs consent.

    `describe` looks up the names of its ids anew each time. `token` is the call's `_confirm`.
    """

    function: str
    describe: Describe
    approvals: Approvals
    token: str | None = None


class Consent(Protocol):
    """A way to obtain consent, such as asking through the client."""

    async def obtain(self, request: ConsentRequest) -> None:
        """Return once the person has agreed to exactly this call.

        Raises:
            CallError: `declined`, or `needs_confirmation` with a description and a token.
            ConsentPending: the answer to this call asks the person.
        """
        ...


class TokenConsent:
    """Answers with a description and a token; repeating the call with the token is consent."""

    async def obtain(self, request: ConsentRequest) -> None:
        described = await request.describe()
        if request.token is None:
            raise await needs_confirmation(request, described)
        match await request.approvals.use(request.token, described.fingerprint):
            case Use.GRANTED:
                return
            case Use.OTHER_CALL:
                why = "The token is for other arguments, or what the ids refer to has changed. "
            case Use.GONE:
                why = "The token is unknown, used or expired. "
        raise await needs_confirmation(request, described, why)


def describing(
    function: str, arguments: dict[str, Any], read: Read, most_items: int = MAX_ITEMS
) -> Describe:
    """Return the function that describes a call; `read` looks up the names of its ids.

    It raises a `CallError` (`too_large`) if the call is too large for one confirmation.
    """

    async def describe() -> Description:
        items = count_items(arguments)
        if items > most_items:
            raise _too_many(function, f"{items} items", f"{most_items} items")
        names = await find_names(arguments, read)
        text = describe_call(function, arguments, names)
        if len(text) > MAX_TEXT:
            raise _too_many(function, f"{len(text)} characters", f"{MAX_TEXT} characters")
        return Description(text, fingerprint(function, arguments, names))

    return describe


async def needs_confirmation(
    request: ConsentRequest, described: Description, why: str = ""
) -> CallError:
    """The error for a client that can't ask: a description, and a token for repeating the call."""
    token = await request.approvals.ask(described.fingerprint)
    return CallError.not_sent(
        Fault(
            Kind.NEEDS_CONFIRMATION,
            f"{why}Nothing was sent. {described.text}",
            hint=f"Show this to the user. If they agree, call again with the same arguments "
            f"and _confirm: {token} (once, within {LIFETIME:.0f} seconds). With call_function "
            "it belongs inside `arguments`.",
            function=request.function,
        )
    )


def declined(function: str, message: str) -> CallError:
    """The error for a person who did not agree, or could not be asked."""
    return CallError.not_sent(
        Fault(Kind.DECLINED, f"{message} Nothing was sent.", function=function)
    )


def _too_many(function: str, found: str, most: str) -> CallError:
    return CallError.not_sent(
        Fault(
            Kind.TOO_LARGE,
            f"Nothing was sent: one confirmation covers at most {most}, and this call has {found}.",
            hint="Make several calls and confirm each. The operator sets the number of items with "
            "MOODLE_MCP_CONFIRM_ITEMS.",
            function=function,
        )
    )
