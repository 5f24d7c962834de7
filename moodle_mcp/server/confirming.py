"""Asking a person before a destructive call, in whatever way the client can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import mcp_types as types
from mcp.server import ServerRequestContext
from mcp.shared.exceptions import MCPError, NoBackChannelError
from mcp_types.version import is_version_at_least

from moodle_mcp.caller.caller import Prepared
from moodle_mcp.errors import CallError, Fault, Kind
from moodle_mcp.gate.confirmation import LIFETIME, Confirm, Permissions

MODERN: Final = "2026-07-28"
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


class Confirmer:
    """Gets a person's consent for one exact call, once."""

    def __init__(self, way: Confirm) -> None:
        self._way = way
        self._permissions = Permissions()

    @property
    def is_needed(self) -> bool:
        """Whether this server asks at all."""
        return self._way in (Confirm.ASK, Confirm.TOKEN)

    async def consent(
        self,
        ctx: ServerRequestContext[Any],
        params: types.CallToolRequestParams,
        prepared: Prepared,
        plan: str,
    ) -> types.InputRequiredResult | None:
        """None if the call may go on, or the question that the client is to answer first.

        Raises:
            CallError: `declined`, or `needs_confirmation` with a plan and a token.
        """
        function, arguments = prepared.plan.function.name, prepared.plan.arguments
        token = prepared.reserved.confirm
        if self._way is Confirm.TOKEN or not _can_ask(ctx):
            # Where the person can be asked a token counts for nothing: the agent could pass it on
            # to itself.
            if token is None:
                raise self._needs(function, arguments, plan, "")
            if self._permissions.use(token, function, arguments):
                return None
            raise self._needs(function, arguments, plan, "The token is not valid for this call. ")
        if is_version_at_least(ctx.protocol_version, MODERN):
            return self._ask_modern(params, function, arguments, plan)
        try:
            answer = await ctx.session.elicit_form(plan, _SCHEMA, ctx.request_id)
        except NoBackChannelError:
            raise self._needs(function, arguments, plan, "") from None
        except MCPError:
            raise _declined(function, "The client could not ask its user.") from None
        return _accepted(answer, function)

    def _ask_modern(
        self,
        params: types.CallToolRequestParams,
        function: str,
        arguments: Mapping[str, Any],
        plan: str,
    ) -> types.InputRequiredResult | None:
        """The question as a result; the answer comes with the same call made again.

        The state that comes back is sealed by the SDK, but can be played again: so it holds a
        permission that is used up.
        """
        answer = (params.input_responses or {}).get(_ANSWER)
        state = params.request_state
        if answer is None or state is None:
            question = types.ElicitRequest(
                params=types.ElicitRequestFormParams(message=plan, requested_schema=_SCHEMA)
            )
            return types.InputRequiredResult(
                input_requests={_ANSWER: question},
                request_state=self._permissions.ask(function, arguments),
            )
        if not self._permissions.use(state, function, arguments):
            raise _declined(function, "This consent was used already, or came too late.")
        return _accepted(answer, function)

    def _needs(self, function: str, arguments: Mapping[str, Any], plan: str, why: str) -> CallError:
        token = self._permissions.ask(function, arguments)
        return CallError(
            Fault(
                Kind.NEEDS_CONFIRMATION,
                f"{why}Nothing was sent. {plan}",
                hint=f"Show this to the user. If they agree, call again with the same arguments "
                f"and _confirm: {token} (once, within {LIFETIME:.0f} seconds).",
                function=function,
                written="nothing",
            )
        )


def _can_ask(ctx: ServerRequestContext[Any]) -> bool:
    """Whether the client can show a form; it may say so without naming the kind."""
    capabilities = ctx.session.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


def _accepted(answer: object, function: str) -> None:
    agreed = (
        isinstance(answer, types.ElicitResult)
        and answer.action == "accept"
        and (answer.content or {}).get(_ANSWER) is True
    )
    if not agreed:
        raise _declined(function, "The user did not agree.")


def _declined(function: str, message: str) -> CallError:
    return CallError(
        Fault(Kind.DECLINED, f"{message} Nothing was sent.", function=function, written="nothing")
    )
