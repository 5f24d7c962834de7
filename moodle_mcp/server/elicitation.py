"""Asks a person before a destructive call, in the way that the client supports."""

from __future__ import annotations

from typing import Any, Final

import anyio
import mcp_types as types
from mcp.server import ServerRequestContext
from mcp.shared.exceptions import MCPError, NoBackChannelError
from mcp_types.version import is_version_at_least
from pydantic import ValidationError

from moodle_mcp.policy.approvals import LIFETIME, Use
from moodle_mcp.service.consent import (
    CHANGED,
    Consent,
    ConsentPending,
    ConsentRequest,
    Description,
    TokenConsent,
    declined,
    needs_confirmation,
)

MODERN: Final = "2026-07-28"

_MAX_ASKED: Final = 3
"""Most questions for one call, if what its ids refer to changes while the person decides."""

_ANSWER: Final = "confirm"
_SCHEMA: Final[types.ElicitRequestedSchema] = {
    "type": "object",
    "properties": {
        _ANSWER: {
            "type": "boolean",
            "title": "Do it",
            "description": "It can't be undone.",
            "default": False,
        }
    },
    "required": [_ANSWER],
}


def consent_for(ctx: ServerRequestContext[Any], params: types.CallToolRequestParams) -> Consent:
    """Choose how to obtain consent from a call's client.

    If the client can ask its user, a token is ignored, because the agent could pass it by itself.
    """
    if not _can_ask(ctx):
        return TokenConsent()
    if is_version_at_least(ctx.protocol_version, MODERN):
        return RoundTripConsent(params)
    return ElicitedConsent(ctx)


class ElicitedConsent:
    """Asks while the call waits, as in the protocols before 2026-07-28."""

    def __init__(self, ctx: ServerRequestContext[Any]) -> None:
        self._ctx = ctx

    async def obtain(self, request: ConsentRequest) -> None:
        """Ask, and ask again if names have changed in the meantime."""
        described, why = await request.describer.describe(), ""
        for _ in range(_MAX_ASKED):
            try:
                answer = await _answer(self._ctx, request.function, f"{why}{described.text}")
            except NoBackChannelError:
                raise await needs_confirmation(request, described) from None
            _check_answer(answer, request.function)
            if described.subject == await request.describer.subject():
                return
            described, why = await request.describer.describe(), CHANGED
        raise declined(request.function, "What the ids refer to keeps changing.")


class RoundTripConsent:
    """Asks in the result of the call; the client repeats the call with the answer.

    The SDK seals the state that comes back, but it can be replayed. So it holds an approval that
    can be used only once.
    """

    def __init__(self, params: types.CallToolRequestParams) -> None:
        self._answer = (params.input_responses or {}).get(_ANSWER)
        self._state = params.request_state

    async def obtain(self, request: ConsentRequest) -> None:
        if self._answer is None or self._state is None:
            raise await _question(request, await request.describer.describe(), "")
        match await request.approvals.use(self._state, await request.describer.subject()):
            case Use.GRANTED:
                _check_answer(self._answer, request.function)
            case Use.OTHER_CALL:
                # The SDK has checked that the arguments are the same, so the names differ.
                await request.approvals.end(self._state)
                _check_answer(self._answer, request.function)
                raise await _question(request, await request.describer.describe(), CHANGED)
            case Use.USED | Use.EXPIRED | Use.UNKNOWN as used:
                raise declined(request.function, f"This consent is {used.value}.")


async def _question(request: ConsentRequest, described: Description, why: str) -> ConsentPending:
    question = types.ElicitRequest(
        params=types.ElicitRequestFormParams(
            message=f"{why}{described.text}", requested_schema=_SCHEMA
        )
    )
    return ConsentPending(
        types.InputRequiredResult(
            input_requests={_ANSWER: question},
            request_state=await request.keep(described),
        )
    )


def _can_ask(ctx: ServerRequestContext[Any]) -> bool:
    """Whether the client can show a form; without a declared kind of elicitation it can."""
    capabilities = ctx.session.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


async def _answer(
    ctx: ServerRequestContext[Any], function: str, question: str
) -> types.ElicitResult:
    """Ask the client while the call waits, for at most `LIFETIME` seconds."""
    try:
        with anyio.fail_after(LIFETIME):
            return await ctx.session.elicit_form(question, _SCHEMA, ctx.request_id)
    except NoBackChannelError:
        raise
    except MCPError:
        raise declined(function, "The client could not ask its user.") from None
    except ValidationError:
        raise declined(function, "The client's answer to the question can't be read.") from None
    except TimeoutError:
        why = f"The question was not answered within {LIFETIME:.0f} seconds."
        raise declined(function, why) from None


def _check_answer(answer: object, function: str) -> None:
    agreed = (
        isinstance(answer, types.ElicitResult)
        and answer.action == "accept"
        and (answer.content or {}).get(_ANSWER) is True
    )
    if not agreed:
        raise declined(function, "The user did not agree.")
