"""Consent of a person to one destructive call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.safe_options import asks_for_people
from moodle_mcp.errors import CallError, Fault, Kind, MoodleMcpError
from moodle_mcp.policy.approvals import (
    LIFETIME,
    Approval,
    Approvals,
    Use,
    difference,
    subject_of,
)
from moodle_mcp.service.attached import find_attached
from moodle_mcp.service.confirmation_text import count_items, describe_call
from moodle_mcp.service.id_names import Names, Read, find_names, unknown_ids

MAX_ITEMS: Final = 500
"""Most items that one confirmation covers, unless the operator sets another number."""

MAX_TEXT: Final = 20_000
"""Most characters of a description: a person must be able to read it."""

MAX_SHOWN: Final = 2_000
"""Most characters of the description of a call that needs no consent."""

CHANGED: Final = "What the ids refer to has changed since you were asked. "


class ConsentPending(MoodleMcpError):  # noqa: N818 - it ends a call but is not an error
    """The answer to this call asks the person; `question` is what the server sends."""

    def __init__(self, question: object) -> None:
        super().__init__("the person is asked first")
        self.question = question


@dataclass(frozen=True, slots=True)
class Description:
    """A call as the person sees it: its text, and the subject that the text covers.

    `unknown` are the ids under which Moodle has nothing, by kind.
    """

    text: str
    subject: str
    unknown: Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Describer:
    """Describes a call; `read` looks up the names of its ids, anew each time."""

    function: Function
    arguments: Mapping[str, Any]
    read: Read
    most_items: int = MAX_ITEMS

    async def subject(self) -> str:
        """What the person consents to. Without the text, nothing is counted that is not needed."""
        return self._subject(await find_names(self.arguments, self.read))

    async def describe(self) -> Description:
        """Describe the call; the description of one that needs no consent is shortened.

        Raises:
            CallError: `too_large` if it is too large for one confirmation.
        """
        name = self.function.name
        is_asked = needs_consent(self.function, self.arguments)
        items = count_items(self.arguments)
        if is_asked and items > self.most_items:
            raise _too_many(name, f"{items} items", f"{self.most_items} items")
        names = await find_names(self.arguments, self.read)
        attached = await find_attached(name, self.arguments, self.read)
        text = describe_call(name, self.arguments, names, attached)
        if is_asked and len(text) > MAX_TEXT:
            raise _too_many(name, f"{len(text)} characters", f"{MAX_TEXT} characters")
        if not is_asked and len(text) > MAX_SHOWN:
            text = f"{text[:MAX_SHOWN]} (shortened)"
        return Description(text, self._subject(names), unknown_ids(names))

    def _subject(self, names: Names) -> str:
        return subject_of(self.function.name, self.arguments, names)


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """A call that needs consent.

    `tool` and `given` are the tool and the arguments that were passed for it. `token` is the call's
    `_confirm`.
    """

    function: str
    tool: str
    given: Mapping[str, Any]
    describer: Describer
    approvals: Approvals
    token: str | None = None

    async def keep(self, described: Description) -> str:
        """Keep the call until the person has answered, and return its token.

        Raises:
            CallError: it can't be kept.
        """
        token = await self.approvals.ask(self.tool, self.given, described.subject)
        if token is None:
            raise CallError.not_sent(
                Fault(
                    Kind.TOO_LARGE,
                    "Nothing was sent: the call can't be kept until it is confirmed.",
                    hint="Make several smaller calls and confirm each.",
                    function=self.function,
                )
            )
        return token


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
    """Answers with a description and a token; confirming the token is consent."""

    async def obtain(self, request: ConsentRequest) -> None:
        if request.token is None:
            raise await needs_confirmation(request, await request.describer.describe())
        used = await request.approvals.use(request.token, await request.describer.subject())
        if used is Use.GRANTED:
            return
        described = await request.describer.describe()
        why = f"The token is {used.value}. "
        if used is Use.OTHER_CALL:
            approval = await request.approvals.find(request.token)
            if isinstance(approval, Approval):
                why = f"{difference(approval.subject, described.subject)} "
        raise await needs_confirmation(request, described, why)


def needs_consent(function: Function, arguments: Mapping[str, Any]) -> bool:
    """Whether a person must agree to a call: it destroys something, or copies people."""
    is_destructive = function.classification.access is Access.DESTRUCTIVE
    return is_destructive or asks_for_people(function, arguments)


async def needs_confirmation(
    request: ConsentRequest, described: Description, why: str = ""
) -> CallError:
    """The error for a client that can't ask: a description, and a token that confirms the call."""
    token = await request.keep(described)
    return CallError.not_sent(
        Fault(
            Kind.NEEDS_CONFIRMATION,
            f"{why}Nothing was sent. {described.text}",
            hint="Show this to the user. If they agree, call confirm with the token, or repeat the "
            f"call, with _confirm: {token} (once, within {LIFETIME / 60:.0f} minutes).",
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
