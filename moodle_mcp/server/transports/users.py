"""Serve several people over one endpoint: each request with its user's context and rights."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias, cast

from mcp.server import ServerRequestContext
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.model import Function
from moodle_mcp.errors import CallError
from moodle_mcp.jsontree import LARGE_TEXT
from moodle_mcp.service.context import UserContext
from moodle_mcp.service.discovery import CALL
from moodle_mcp.service.resuming import RESUME

_CONTEXT: Final = "moodle_mcp.context"
_PRINCIPAL: Final = "moodle_mcp.principal"

ContextOfScope: TypeAlias = Callable[[Scope], Awaitable[tuple[str, UserContext]]]
"""Returns the name of the principal of a request, and the context."""

Refusal: TypeAlias = Callable[[Scope, Access], Response]
"""Answers a request for a call that needs an access which its user has not granted."""


def with_context(app: ASGIApp, context_of: ContextOfScope) -> ASGIApp:
    """The application, with the user's context in each request's scope."""

    async def in_context(scope: Scope, receive: Receive, send: Send) -> None:
        principal, context = await context_of(scope)
        own = {**scope, _CONTEXT: context, _PRINCIPAL: principal}
        await app(own, receive, send)

    return in_context


def context_of(ctx: ServerRequestContext[Any, Any]) -> UserContext:
    """The context of the user whose request is handled. It never comes from the session."""
    return _scope(ctx)[_CONTEXT]


def principal_of(ctx: ServerRequestContext[Any, Any]) -> str:
    """The name of the principal whose request is handled."""
    return _scope(ctx)[_PRINCIPAL]


class StepUp:
    """ASGI middleware that refuses calls which need more than the person has granted.

    `refusal` makes the response, which tells the client to ask the person for more. The whole body
    must come in one piece. What the operator withholds is left to the call itself.
    """

    def __init__(self, app: ASGIApp, refusal: Refusal) -> None:
        self._app = app
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context: UserContext = scope[_CONTEXT]
        granted, most = context.policy.granted, context.policy.access
        if granted is None or granted.allows(most):
            await self._app(scope, receive, send)
            return
        read = [await receive()]
        access = await _lacking(context, read[0].get("body", b""))
        if access is not None:
            await self._refusal(scope, access)(scope, receive, send)
            return

        async def replayed() -> Message:
            return read.pop() if read else await receive()

        await self._app(scope, replayed, send)


async def _lacking(context: UserContext, body: bytes) -> Access | None:
    """The access that a call needs and its user has not granted."""
    if b"tools/call" not in body:
        return None
    try:
        run_if = context.session.background.run_if
        message: Any = await run_if(len(body) > LARGE_TEXT, json.loads, body)
    except (ValueError, RecursionError):
        # The SDK says what is wrong with it.
        return None
    match message:
        case {"method": "tools/call", "params": {"name": str() as name, **params}}:
            arguments: Any = params.get("arguments")
            given = cast("dict[str, Any]", arguments) if isinstance(arguments, dict) else {}
            function = await _called(context, name, given)
        case _:
            return None
    if function is None or not context.policy.lacks_grant(function):
        return None
    return function.classification.access


async def _called(context: UserContext, name: str, arguments: dict[str, Any]) -> Function | None:
    """The function that a call runs, whatever tool it names."""
    functions = context.registry.functions
    if name == CALL.name:
        return functions.find(str(arguments.get("function")))
    if name == RESUME.name:
        try:
            resumption = await context.resuming.find(arguments)
        except CallError:
            return None
        return functions.find(resumption.leftover.function)
    builtin = context.registry.builtins.get(name)
    return functions.find(name) if builtin is None else builtin.function


def _scope(ctx: ServerRequestContext[Any, Any]) -> Scope:
    request = ctx.request
    if not isinstance(request, Request):
        raise TypeError("the message did not come with a request")
    return request.scope
