"""The call that a tool call asks for: by itself, through the facade, by a token or by a handle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moodle_mcp.catalogue.control_arguments import CONFIRM, DRY_RUN
from moodle_mcp.catalogue.model import Function
from moodle_mcp.service.bulk.planning import Zone
from moodle_mcp.service.bulk.tool import BULK, BulkCall
from moodle_mcp.service.confirming import is_confirming
from moodle_mcp.service.context import UserContext
from moodle_mcp.service.discovery import CALL, inner_call
from moodle_mcp.service.resuming import RESUME, Resumption


@dataclass(frozen=True, slots=True)
class Request:
    """The function to call and its arguments, whatever tool was called for them.

    `tool` and `given` are that tool and its arguments, without those of confirmation. `token` is
    the token under which the call was kept.
    """

    function: Function
    arguments: Mapping[str, Any]
    tool: str
    given: Mapping[str, Any]
    token: str | None = None
    resumption: Resumption | None = None
    bulk: BulkCall | None = None


async def unwrapped(
    context: UserContext, function: Function, arguments: Mapping[str, Any]
) -> tuple[Function, Mapping[str, Any], str | None]:
    """The function and the arguments inside `call_function`, or those kept under a token.

    Raises:
        CallError: the arguments are wrong, or nothing is kept under the token.
    """
    if function is CALL:
        name, arguments = inner_call(arguments)
        await context.learn(name)
        function = context.registry.functions.named(CALL, name)
    if not is_confirming(function, arguments):
        return function, arguments, None
    kept = await context.confirming.find(function, arguments)
    await context.learn(kept.tool)
    return context.registry.function(kept.tool), kept.arguments, kept.token


async def requested(
    context: UserContext,
    function: Function,
    arguments: Mapping[str, Any],
    token: str | None,
    zone: Zone,
) -> Request:
    """The call to run: `resume_batch` becomes a call of its function with the items left, and
    `bulk_call` one with the good rows.

    Raises:
        CallError: the arguments are wrong, nothing is kept under the handle, or names can't be
            looked up.
    """
    given = {key: arguments[key] for key in arguments if key not in (CONFIRM, DRY_RUN)}
    if function.name == BULK:
        bulk = await context.bulk.prepare(function, arguments, context.registry.functions, zone)
        call = bulk.resumption.call(bulk.function)
        return Request(bulk.function, call, BULK, given, token, bulk.resumption, bulk)
    if function.name != RESUME.name:
        return Request(function, arguments, function.name, given, token)
    resumption = await context.resuming.find(arguments)
    function = context.registry.function(resumption.leftover.function)
    return Request(function, resumption.call(function), RESUME.name, given, token, resumption)
