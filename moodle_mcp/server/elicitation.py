"""Asking a person before a destructive call, in whatever way the client can."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import anyio
import mcp_types as types
from mcp.server import ServerRequestContext
from mcp.shared.exceptions import MCPError, NoBackChannelError
from mcp_types.version import is_version_at_least
from pydantic import ValidationError

from moodle_mcp.caller.caller import Prepared
from moodle_mcp.errors import CallError, Fault, Kind
from moodle_mcp.policy.approvals import LIFETIME, Approvals, Confirm, Use, fingerprint
from moodle_mcp.server.describe_call import count_items, describe_call
from moodle_mcp.server.id_names import Read, find_names

MODERN: Final = "2026-07-28"

MAX_ITEMS: Final = 500
"""Items that one confirmation covers unless the operator says otherwise."""

MAX_TEXT: Final = 20_000
"""Characters of a description that can still be read by the person who is asked."""

_MAX_ASKED: Final = 3
"""How often one call asks, if what its ids stand for changes while the person decides."""

_CHANGED: Final = "What the ids stand for has changed since you were asked. "
_ANSWER: Final = "confirm"
_SCHEMA: Final[types.ElicitRequestedSchema] = {
    "type": "object",
    "properties": {
        _ANSWER: {
            "type": "boolean",
            "title": "Do it",
            "description": "It can't be taken back.",
            "default": False,
        }
    },
    "required": [_ANSWER],
}


@dataclass(frozen=True, slots=True)
class Described:
    """A call as the person is asked about it: the text, and the fingerprint of what it covers."""

    text: str
    fingerprint: str


Describe: TypeAlias = Callable[[], Awaitable[Described]]


class Confirmer:
    """Gets a person's consent for one exact call, once."""

    def __init__(self, way: Confirm, max_items: int = MAX_ITEMS) -> None:
        self._way = way
        self._max_items = max_items
        self._permissions = Approvals()

    @property
    def is_needed(self) -> bool:
        """Whether this server asks at all."""
        return self._way in (Confirm.ASK, Confirm.TOKEN)

    async def consent(
        self,
        ctx: ServerRequestContext[Any],
        params: types.CallToolRequestParams,
        prepared: Prepared,
        read: Read,
    ) -> types.InputRequiredResult | None:
        """None if the call may go on, or the question that the client is to answer first.

        `read` finds the names of ids. They are read again after the person has answered.

        Raises:
            CallError: `declined`, `needs_confirmation` with a description and a token, or
                `too_large` for more than a person can be asked about at once.
        """
        function, arguments = prepared.plan.function.name, prepared.plan.arguments
        items = count_items(arguments)
        if items > self._max_items:
            raise _too_many(function, f"{items} items", f"{self._max_items} items")

        async def describe() -> Described:
            names = await find_names(arguments, read)
            text = describe_call(function, arguments, names)
            if len(text) > MAX_TEXT:
                raise _too_many(function, f"{len(text)} characters", f"{MAX_TEXT} characters")
            return Described(text, fingerprint(function, arguments, names))

        if self._way is Confirm.TOKEN or not _can_ask(ctx):
            # Where the person can be asked a token counts for nothing: the agent could pass it on
            # to itself.
            self._check_token(prepared.control.confirm, function, await describe())
            return None
        if is_version_at_least(ctx.protocol_version, MODERN):
            return self._ask_modern(params, function, await describe())
        return await self._ask_legacy(ctx, function, describe)

    def _check_token(self, token: str | None, function: str, described: Described) -> None:
        if token is None:
            raise self._needs(function, described, "")
        match self._permissions.use(token, described.fingerprint):
            case Use.GRANTED:
                return
            case Use.OTHER_CALL:
                why = "The token is for other arguments, or what the ids stand for has changed. "
            case Use.GONE:
                why = "The token is unknown, used or too old. "
        raise self._needs(function, described, why)

    async def _ask_legacy(
        self, ctx: ServerRequestContext[Any], function: str, describe: Describe
    ) -> None:
        """Ask while the call waits; ask again if names have changed in the meantime."""
        described, why = await describe(), ""
        for _ in range(_MAX_ASKED):
            try:
                answer = await _answer(ctx, function, f"{why}{described.text}")
            except NoBackChannelError:
                raise self._needs(function, described, "") from None
            _check_answer(answer, function)
            asked, described, why = described, await describe(), _CHANGED
            if described.fingerprint == asked.fingerprint:
                return
        raise _declined(function, "What the ids stand for keeps changing.")

    def _ask_modern(
        self, params: types.CallToolRequestParams, function: str, described: Described
    ) -> types.InputRequiredResult | None:
        """The question as a result; the answer comes with the same call made again.

        The state that comes back is sealed by the SDK, but can be played again: so it holds a
        permission that is used up.
        """
        answer = (params.input_responses or {}).get(_ANSWER)
        state = params.request_state
        if answer is None or state is None:
            return self._question(described, "")
        match self._permissions.use(state, described.fingerprint):
            case Use.GRANTED:
                _check_answer(answer, function)
                return None
            case Use.OTHER_CALL:
                # The SDK has checked the arguments, so that it is the names that differ.
                _check_answer(answer, function)
                return self._question(described, _CHANGED)
            case Use.GONE:
                raise _declined(function, "This consent was used already, or came too late.")

    def _question(self, described: Described, why: str) -> types.InputRequiredResult:
        question = types.ElicitRequest(
            params=types.ElicitRequestFormParams(
                message=f"{why}{described.text}", requested_schema=_SCHEMA
            )
        )
        return types.InputRequiredResult(
            input_requests={_ANSWER: question},
            request_state=self._permissions.ask(described.fingerprint),
        )

    def _needs(self, function: str, described: Described, why: str) -> CallError:
        token = self._permissions.ask(described.fingerprint)
        return CallError.not_sent(
            Fault(
                Kind.NEEDS_CONFIRMATION,
                f"{why}Nothing was sent. {described.text}",
                hint=f"Show this to the user. If they agree, call again with the same arguments "
                f"and _confirm: {token} (once, within {LIFETIME:.0f} seconds). With call_function "
                "it belongs inside `arguments`.",
                function=function,
            )
        )


def _can_ask(ctx: ServerRequestContext[Any]) -> bool:
    """Whether the client can show a form; it may say so without naming the kind."""
    capabilities = ctx.session.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


async def _answer(
    ctx: ServerRequestContext[Any], function: str, question: str
) -> types.ElicitResult:
    """What the client answers to a question while the call waits, within `LIFETIME`."""
    try:
        with anyio.fail_after(LIFETIME):
            return await ctx.session.elicit_form(question, _SCHEMA, ctx.request_id)
    except NoBackChannelError:
        raise
    except MCPError:
        raise _declined(function, "The client could not ask its user.") from None
    except ValidationError:
        raise _declined(function, "The client's answer to the question can't be read.") from None
    except TimeoutError:
        why = f"The question was not answered within {LIFETIME:.0f} seconds."
        raise _declined(function, why) from None


def _check_answer(answer: object, function: str) -> None:
    agreed = (
        isinstance(answer, types.ElicitResult)
        and answer.action == "accept"
        and (answer.content or {}).get(_ANSWER) is True
    )
    if not agreed:
        raise _declined(function, "The user did not agree.")


def _declined(function: str, message: str) -> CallError:
    return CallError.not_sent(
        Fault(Kind.DECLINED, f"{message} Nothing was sent.", function=function)
    )


def _too_many(function: str, found: str, most: str) -> CallError:
    return CallError.not_sent(
        Fault(
            Kind.TOO_LARGE,
            f"Nothing was sent: nobody can be asked about {found} at once; at most {most}.",
            hint="Make several calls, each of which is confirmed. The operator sets the number of "
            "items with MOODLE_MCP_CONFIRM_ITEMS.",
            function=function,
        )
    )
