"""Handlers of MCP requests: each calls the service and converts the reply to MCP's types."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar, cast

import mcp_types as types
from mcp.server import ServerRequestContext
from mcp.shared.exceptions import MCPError

from moodle_mcp.caller.executor import Observer
from moodle_mcp.errors import CallError
from moodle_mcp.presentation.clean import clean
from moodle_mcp.server.elicitation import consent_for
from moodle_mcp.server.prompts import Prompts
from moodle_mcp.server.resources import (
    Reader,
    known_template,
    reading,
    resources,
    templates,
    to_resource,
)
from moodle_mcp.server.results import to_result
from moodle_mcp.server.tools import listed_tools
from moodle_mcp.service.consent import ConsentPending
from moodle_mcp.service.context import UserContext
from moodle_mcp.service.registry import UnknownToolError
from moodle_mcp.service.service import CallService

ListT = TypeVar("ListT", bound=types.CacheableResult)

Ctx: TypeAlias = ServerRequestContext[Any, Any]

ContextOf: TypeAlias = Callable[[Ctx], UserContext]
"""Returns the context of the user whose request it is."""

COMPLETED: Final = "courseid"
"""The argument of prompts and resource templates that is completed."""


class Handlers:
    """The handlers of all requests. They hold no state of any user."""

    def __init__(self, context_of: ContextOf) -> None:
        self._context_of = context_of
        self._service = CallService()
        self._prompts = Prompts()

    async def list_tools(
        self, ctx: Ctx, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        context = await self._list_context(ctx, params)
        settings = context.process.settings
        tools = listed_tools(context.registry, settings.mode, settings.confirm)
        return _uncached_if_partial(context, types.ListToolsResult(tools=tools))

    async def list_resources(
        self, ctx: Ctx, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        context = await self._list_context(ctx, params)
        found = resources(context.registry.allows)
        return _uncached_if_partial(context, types.ListResourcesResult(resources=found))

    async def list_templates(
        self, ctx: Ctx, params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        context = await self._list_context(ctx, params)
        found = templates(context.registry.allows)
        return _uncached_if_partial(
            context, types.ListResourceTemplatesResult(resource_templates=found)
        )

    async def list_prompts(
        self, ctx: Ctx, params: types.PaginatedRequestParams | None
    ) -> types.ListPromptsResult:
        context = await self._list_context(ctx, params)
        found = self._prompts.listed(context.registry.allows)
        return _uncached_if_partial(context, types.ListPromptsResult(prompts=found))

    async def call_tool(
        self, ctx: Ctx, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        try:
            reply = await self._service.call(
                self._context_of(ctx),
                params.name,
                params.arguments or {},
                consent_for(ctx, params),
                _observer(ctx),
            )
        except UnknownToolError as error:
            raise MCPError(types.INVALID_PARAMS, error.for_clients) from None
        except ConsentPending as pending:
            return cast("types.InputRequiredResult", pending.question)
        return to_result(reply)

    async def read_resource(
        self, ctx: Ctx, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        context = self._context_of(ctx)
        await context.learn_at_first()
        reader = Reader(int(context.process.clock()), context.user_id)
        resource, arguments = reading(params.uri, reader, ctx.protocol_version)
        try:
            reply = await self._service.call(
                context, resource.function, arguments, observer=_observer(ctx)
            )
        except UnknownToolError as error:
            raise MCPError(types.INVALID_PARAMS, error.for_clients) from None
        return to_resource(params.uri, resource, reply, ctx.protocol_version)

    async def complete(self, ctx: Ctx, params: types.CompleteRequestParams) -> types.CompleteResult:
        if isinstance(params.ref, types.PromptReference):
            self._prompts.known(params.ref.name)
        else:
            known_template(params.ref.uri)
        if params.argument.name != COMPLETED:
            return types.CompleteResult(completion=types.Completion(values=[]))
        context = self._context_of(ctx)
        await context.learn_at_first()
        read = partial(self._service.read, context)
        found = await context.course_ids.complete(params.argument.value, context.user_id, read)
        more = found.total > len(found.values)
        completion = types.Completion(values=found.values, total=found.total, has_more=more)
        return types.CompleteResult(completion=completion)

    async def get_prompt(
        self, ctx: Ctx, params: types.GetPromptRequestParams
    ) -> types.GetPromptResult:
        context = self._context_of(ctx)
        await context.learn_at_first()
        return self._prompts.get(params.name, params.arguments or {}, context.registry.allows)

    async def _list_context(
        self, ctx: Ctx, params: types.PaginatedRequestParams | None
    ) -> UserContext:
        """Return the user's context for a list, after fetching the site info.

        Raises:
            MCPError: the request has a cursor; every list has one page.
        """
        if params is not None and params.cursor is not None:
            raise MCPError(types.INVALID_PARAMS, "Invalid cursor: the list has one page")
        context = self._context_of(ctx)
        await context.learn_about_site()
        return context


def _uncached_if_partial(context: UserContext, result: ListT) -> ListT:
    """Forbid caching of a list that is the whole allowlist because the site did not answer."""
    if context.registry.info is None:
        result.ttl_ms = 0
    return result


def _observer(ctx: Ctx) -> Observer:
    """Send progress notifications; a wait adds a thousandth, because progress must increase."""
    progress, waits = 0, 0

    async def on_wait(seconds: float, error: CallError) -> None:
        nonlocal waits
        waits += 1
        text = f"{clean(error.fault.message)} Trying again in {seconds:.1f} s."
        await ctx.session.report_progress(progress + waits / 1000, None, text)

    async def on_done(done: int, items: int) -> None:
        nonlocal progress
        progress = done
        await ctx.session.report_progress(done, items, f"{done} of {items} items")

    async def on_bytes(done: int, total: int | None) -> None:
        await ctx.session.report_progress(done, total, f"{done:,} bytes")

    return Observer(on_wait, on_done, on_bytes=on_bytes)
