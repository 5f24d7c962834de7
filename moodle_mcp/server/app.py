"""The MCP server: lists the exposed tools, dispatches calls, answers envelopes."""

from __future__ import annotations

import asyncio
import difflib
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from functools import partial
from typing import Any, TypeVar, cast

import anyio
import mcp_types as types
from mcp.server import ServerRequestContext
from mcp.shared.exceptions import MCPError

from moodle_mcp.caller.caller import Caller, Prepared
from moodle_mcp.caller.executor import Observer
from moodle_mcp.caller.outcome import Outcome, failed
from moodle_mcp.catalogue.arguments import ArgumentChecker, arguments_fault, checked_size
from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.schema import input_schema
from moodle_mcp.catalogue.site_overrides import NO_OVERRIDES, SiteOverrides
from moodle_mcp.errors import CallError, Fault, Kind, ParameterFault
from moodle_mcp.jsontree import LARGE_TEXT
from moodle_mcp.logs import SECRETS
from moodle_mcp.policy.allowlist import FILE_TOOLS
from moodle_mcp.policy.approvals import Confirm
from moodle_mcp.policy.exposure import Mode, has_facade, shown_directly
from moodle_mcp.policy.policy import Policy
from moodle_mcp.presentation.clean import clean
from moodle_mcp.presentation.fence import refuse_marked
from moodle_mcp.presentation.fields import chosen_in_moodle
from moodle_mcp.presentation.presenter import PresentationSettings, Presenter, ViewOptions
from moodle_mcp.redaction.arguments import secret_texts
from moodle_mcp.redaction.known import Secrets
from moodle_mcp.server.audit import Audit
from moodle_mcp.server.builtin_tools import MORE, BuiltinTool, ToolReply
from moodle_mcp.server.completions import ARGUMENT, CourseIds
from moodle_mcp.server.elicitation import MAX_ITEMS, Confirmer
from moodle_mcp.server.facade import CALL, CALL_SCHEMA, DESCRIBE, FIND, Facade, inner_call
from moodle_mcp.server.file_tools import FILE_RULE, FileTools
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
from moodle_mcp.server.resuming import RESUME, Resuming, Resumption, resume_function
from moodle_mcp.server.toolset import Toolset, to_tool
from moodle_mcp.site.info import SITE_INFO, SiteInfo
from moodle_mcp.site.session import Progress, Site
from moodle_mcp.site.zone import user_zone

log = logging.getLogger(__name__)

ListT = TypeVar("ListT", bound=types.CacheableResult)


@dataclass(frozen=True, slots=True)
class Presentation:
    """How a server shows functions and answers, asks for consent and keeps its record."""

    mode: Mode = Mode.AUTO
    confirm: Confirm = Confirm.ASK
    confirm_items: int = MAX_ITEMS
    audit: Audit = field(default_factory=Audit)
    style: PresentationSettings = field(default_factory=PresentationSettings)


class App:
    """One site behind one MCP server; state lives here and nowhere else."""

    def __init__(
        self,
        site: Site,
        caller: Caller,
        policy: Policy,
        presentation: Presentation | None = None,
        files: FileTools | None = None,
        overrides: SiteOverrides = NO_OVERRIDES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._site = site
        self._run_if = site.background.run_if
        self._overrides = overrides
        self._caller = caller
        self._policy = policy
        self._files = files or FileTools(site)
        presentation = presentation or Presentation()
        self._mode = presentation.mode
        self._confirm = presentation.confirm
        self._confirmer = Confirmer(presentation.confirm, presentation.confirm_items)
        self._audit = presentation.audit
        self._checker = ArgumentChecker()
        self._presenter = Presenter(presentation.style)
        self._zone: tzinfo | None = None
        self._asked = False
        self._first = anyio.Lock()
        self._made: tuple[Toolset, Facade] | None = None
        self._own: tuple[Toolset, dict[str, BuiltinTool]] | None = None
        self._clock = clock
        self._prompts = Prompts()
        self._course_ids = CourseIds(self._read)
        self._resuming = Resuming()

    async def aclose(self) -> None:
        """Close the record and the connections to the site."""
        self._audit.close()
        await self._site.aclose()

    @property
    def known_info(self) -> SiteInfo | None:
        """What the site has said of itself so far; all lists depend on it."""
        return self._site.known_info

    async def list_tools(
        self, _: ServerRequestContext[Any], params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        await self._know_the_site_for_a_list(params)
        tools = [
            own.tool
            for name, own in self._builtin_tools.items()
            if name not in FILE_TOOLS or self._policy.allows(own.function)
        ]
        directly = shown_directly(self._mode, self._toolset.functions)
        tools += [to_tool(function) for function in directly]
        if self._confirm is Confirm.HOST:
            _leave_asking_to_the_host(tools)
        result = types.ListToolsResult(tools=tools)
        return self._for_now(result)

    async def list_resources(
        self, _: ServerRequestContext[Any], params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        await self._know_the_site_for_a_list(params)
        return self._for_now(types.ListResourcesResult(resources=resources(self._allowed)))

    async def list_templates(
        self, _: ServerRequestContext[Any], params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        await self._know_the_site_for_a_list(params)
        found = templates(self._allowed)
        return self._for_now(types.ListResourceTemplatesResult(resource_templates=found))

    async def list_prompts(
        self, _: ServerRequestContext[Any], params: types.PaginatedRequestParams | None
    ) -> types.ListPromptsResult:
        await self._know_the_site_for_a_list(params)
        return self._for_now(types.ListPromptsResult(prompts=self._prompts.listed(self._allowed)))

    async def read_resource(
        self, ctx: ServerRequestContext[Any], params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        """A resource is a tool's answer, and passes the same policy, checks and record."""
        await self._know_the_site_at_first(SITE_INFO)
        reader = Reader(int(self._clock()), self._own_id)
        place, call = reading(params.uri, reader, ctx.protocol_version)
        # A function that only reads is never asked about, so that this is its answer.
        result = cast("types.CallToolResult", await self.call_tool(ctx, call))
        return to_resource(params.uri, place, result, ctx.protocol_version)

    async def complete(
        self, _: ServerRequestContext[Any], params: types.CompleteRequestParams
    ) -> types.CompleteResult:
        if isinstance(params.ref, types.PromptReference):
            self._prompts.known(params.ref.name)
        else:
            known_template(params.ref.uri)
        if params.argument.name != ARGUMENT:
            return types.CompleteResult(completion=types.Completion(values=[]))
        await self._know_the_site_at_first(SITE_INFO)
        found = await self._course_ids.complete(params.argument.value, self._own_id)
        return types.CompleteResult(completion=found)

    async def get_prompt(
        self, _: ServerRequestContext[Any], params: types.GetPromptRequestParams
    ) -> types.GetPromptResult:
        await self._know_the_site_at_first(SITE_INFO)
        return self._prompts.get(params.name, params.arguments or {}, self._allowed)

    async def call_tool(
        self, ctx: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        start = time.monotonic()
        await self._know_the_site_at_first(params.name)
        function = self._function(params.name)
        arguments = params.arguments or {}
        try:
            if function is CALL:
                name, arguments = inner_call(arguments)
                await self._know_the_site_at_first(name)
                function = self._named(CALL, name)
            resumption = None
            if function.name == RESUME.name:
                resumption = self._resuming.find(arguments)
                function = self._moodle_function(resumption.rest.function)
                arguments = resumption.call(function)
            reply = await self._answered(ctx, params, function, arguments, resumption)
            if isinstance(reply, types.InputRequiredResult):
                asked = Outcome(fault=Fault(Kind.NEEDS_CONFIRMATION, "The user is asked first."))
                self._audit.write(function, asked, start)
                return reply
        except CallError as error:
            reply = self._plain(failed(function, error))
        except MCPError:
            raise
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                self._audit.write(function, None, start)
                raise
            # Not this call's own cancellation: passed on, it would end the whole connection.
            reply = _internal(function, "The call was interrupted inside the server.")
        except Exception:
            # A fault of ours must not end the connection, nor leak through it.
            secrets = Secrets(arguments=secret_texts(params.arguments))
            log.exception("unhandled in a call of %s", function.name, extra={SECRETS: secrets})
            reply = _internal(function, "The server failed while it handled the call.")
        if anyio.current_effective_deadline() == -math.inf:
            # The client has cancelled the call, and a write was already on its way.
            fault = reply.outcome.fault
            ended = "done" if fault is None else fault.kind.code
            log.warning("%s was cancelled by the client and ended: %s", function.name, ended)
        self._audit.write(function, reply.outcome, start)
        return to_result(reply)

    async def _answered(
        self,
        ctx: ServerRequestContext[Any],
        params: types.CallToolRequestParams,
        function: Function,
        arguments: dict[str, Any],
        resumption: Resumption | None = None,
    ) -> ToolReply | types.InputRequiredResult:
        own = self._builtin_tools.get(function.name)
        if own is not None:
            # Who may not use it is not told first to correct the arguments.
            if function.name in FILE_TOOLS:
                self._policy.check(function)
            size = checked_size(arguments)
            checked = await self._run_if(size.is_large, self._checker.check, function, arguments)
            await self._run_if(size.is_large, refuse_marked, function, checked)
            return await own.run(ctx, checked)
        self._policy.check(function)
        prepared = await self._caller.prepare(function, arguments)
        await self._run_if(prepared.is_large, refuse_marked, function, prepared.plan.arguments)
        view = await self._view(prepared)
        destructive = function.classification.access is Access.DESTRUCTIVE
        if destructive and self._confirmer.is_needed and not prepared.control.dry_run:
            ask = await self._confirmer.consent(ctx, params, prepared, self._read)
            if ask is not None:
                return ask
        if not prepared.control.dry_run:
            self._resuming.begin(resumption)
        outcome = await self._caller.run(prepared, _observer(ctx))
        outcome = await self._run_if(
            prepared.is_large, self._resuming.end, prepared, outcome, resumption
        )

        def present() -> dict[str, Any]:
            secrets = self._site.secrets.and_of(secret_texts(prepared.plan.arguments))
            return self._presenter.present(
                function, outcome.envelope, view, said=outcome.said, secrets=secrets
            )

        is_large = prepared.is_large or outcome.size > LARGE_TEXT
        shown = await self._run_if(is_large, present)
        return ToolReply(outcome, shown)

    async def _view(self, prepared: Prepared) -> ViewOptions:
        plan, control = prepared.plan, prepared.control
        view = self._presenter.view(
            plan.function,
            control.fields,
            raw=control.raw,
            chosen_in_moodle=chosen_in_moodle(plan.arguments),
        )
        if not control.times:
            return view
        # What the site did not tell it may tell the next time.
        self._zone = self._zone or await user_zone(self._site)
        return replace(view, zone=self._zone or UTC)

    async def _find(self, _: ServerRequestContext[Any], arguments: Mapping[str, Any]) -> ToolReply:
        await self._know_the_site()
        # The index of all functions is made when it is first needed.
        return self._plain(await self._run_if(True, self._facade.find, arguments))

    async def _describe(
        self, _: ServerRequestContext[Any], arguments: Mapping[str, Any]
    ) -> ToolReply:
        await self._know_the_site()
        return self._plain(self._facade.describe(self._named(DESCRIBE, arguments["function"])))

    async def _more(self, _: ServerRequestContext[Any], arguments: Mapping[str, Any]) -> ToolReply:
        return ToolReply(Outcome(), self._presenter.more(arguments["cursor"]))

    async def _file(
        self, function: Function, ctx: ServerRequestContext[Any], arguments: Mapping[str, Any]
    ) -> ToolReply:
        answer = await self._files.run(function, arguments, _bytes_progress(ctx))
        view = self._presenter.view(function, None)
        outcome = answer.outcome
        present = partial(
            self._presenter.present,
            rule=FILE_RULE,
            said=outcome.said,
            secrets=self._site.secrets,
        )
        shown = await self._run_if(True, present, function, outcome.envelope, view)
        return ToolReply(outcome, shown, answer.images)

    def _plain(self, outcome: Outcome) -> ToolReply:
        """An outcome in words of our own."""
        function = outcome.fault.function if outcome.fault else None
        name = function or "this tool"
        envelope = self._presenter.present_own(name, outcome.envelope, outcome.said)
        return ToolReply(outcome, envelope)

    async def _call_another(self, _: ServerRequestContext[Any], __: Mapping[str, Any]) -> ToolReply:
        """Never reached: `call_tool` puts the function that is meant in its place."""
        raise NotImplementedError

    async def _read(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """What a reading function answers, for naming ids; None where it is not allowed."""
        function = self._toolset.exposed(name)
        if function is None or not function.reads_only:
            return None
        start = time.monotonic()
        outcome: Outcome | None = None
        try:
            outcome = await self._caller.call(function, arguments)
            return outcome.result
        finally:
            self._audit.write(function, outcome, start)

    def _function(self, name: str) -> Function:
        """The function that a tool's name stands for, exposed or withheld.

        Raises:
            MCPError: no such function is known.
        """
        own = self._builtin_tools.get(name)
        if own is not None:
            return own.function
        return self._moodle_function(name)

    def _moodle_function(self, name: str) -> Function:
        """The function of the site that a name stands for, exposed or withheld.

        Raises:
            MCPError: no such function is known.
        """
        function = self._toolset.known(name)
        if function is None:
            near = " or ".join(self._like(name))
            hint = f"; did you mean {near}?" if near else ""
            raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {name[:100]}{hint}")
        return function

    def _named(self, tool: Function, name: str) -> Function:
        """The function of the site that a tool's argument names, exposed or withheld.

        Raises:
            CallError: `invalid_arguments`; the tool is right and the name is not.
        """
        function = self._toolset.known(name)
        if function is None:
            own = name in self._builtin_tools
            problem = "is a tool of its own: call it by itself" if own else "is no function here"
            near = " or ".join(self._like(name)) or "a name that find_functions gives"
            fault = ParameterFault("function", problem, None if own else near)
            raise CallError.not_sent(arguments_fault(tool, [fault]))
        return function

    def _like(self, name: str) -> list[str]:
        """The exposed functions that are called much like this."""
        names = [function.name for function in self._toolset.functions]
        return difflib.get_close_matches(name.lower(), names, n=3)

    async def _know_the_site_for_a_list(self, params: types.PaginatedRequestParams | None) -> None:
        """Ask the site what it offers before it is listed.

        Raises:
            MCPError: another page than the first is asked for.
        """
        if params is not None and params.cursor is not None:
            raise MCPError(types.INVALID_PARAMS, "Invalid cursor: the list has one page")
        await self._know_the_site()

    def _for_now(self, result: ListT) -> ListT:
        """A list, which is to be asked for again soon if it is the whole allowlist only because
        the site did not answer.
        """
        if self._toolset.info is None:
            result.ttl_ms = 0
        return result

    def _allowed(self, name: str) -> bool:
        return self._toolset.exposed(name) is not None

    @property
    def _own_id(self) -> int | None:
        """The id of the token's user, once the site has told it."""
        info = self._site.known_info
        return None if info is None else info.user_id

    async def _know_the_site_at_first(self, name: str) -> None:
        """Ask the site once before the first call, and for a name that only it may know.

        The site's release decides on the arguments that are right, its functions on what exists.
        """
        if not self._asked:
            async with self._first:
                # Who waited here has the answer that the first got, or its failure.
                if not self._asked:
                    await self._know_the_site()
        if name not in self._builtin_tools and name not in self._toolset:
            await self._know_the_site()

    async def _know_the_site(self) -> None:
        """Ask the site what it offers, if it has not answered yet."""
        if self._site.known_info is None:
            try:
                await self._site.info()
            except CallError as error:
                log.warning("the site did not say what it offers: %s", error)
        self._asked = True

    @property
    def _builtin_tools(self) -> dict[str, BuiltinTool]:
        """The tools beside Moodle's functions, by name; made once for a toolset."""
        toolset = self._toolset
        if self._own is None or self._own[0] is not toolset:
            self._own = toolset, self._made_for(toolset)
        return self._own[1]

    def _made_for(self, toolset: Toolset) -> dict[str, BuiltinTool]:
        tools: list[BuiltinTool] = []
        if has_facade(self._mode, len(toolset.functions)):
            tools += [
                BuiltinTool(FIND, self._find),
                BuiltinTool(DESCRIBE, self._describe),
                BuiltinTool(CALL, self._call_another, CALL_SCHEMA),
            ]
        tools.append(BuiltinTool(MORE, self._more))
        resume = resume_function(toolset.functions)
        if resume is not None:
            tools.append(BuiltinTool(resume, self._call_another))
        for each in self._files.functions(toolset.info):
            tools.append(
                BuiltinTool(each, partial(self._file, each), listed=self._files.tool(each))
            )
        return {tool.function.name: tool for tool in tools}

    @property
    def _toolset(self) -> Toolset:
        return self._current()[0]

    @property
    def _facade(self) -> Facade:
        return self._current()[1]

    def _current(self) -> tuple[Toolset, Facade]:
        """The toolset for what the site has said of itself so far; made when it is needed."""
        info = self._site.known_info
        if self._made is None or self._made[0].info is not info:
            toolset = Toolset(self._policy, info, self._overrides)
            self._made = toolset, Facade(toolset)
        return self._made

    def input_schema(self, name: str) -> dict[str, Any] | None:
        own = self._builtin_tools.get(name)
        if own is not None:
            return own.input_schema
        function = self._toolset.exposed(name)
        return None if function is None else input_schema(function)


def _leave_asking_to_the_host(tools: list[types.Tool]) -> None:
    """Mark what can destroy: a host that knows the key asks its user at every call."""
    for tool in tools:
        if tool.annotations is not None and tool.annotations.destructive_hint:
            tool.meta = {**(tool.meta or {}), "anthropic/requiresUserInteraction": True}


def _observer(ctx: ServerRequestContext[Any]) -> Observer:
    """Progress notifications for the client; waits count as thousandths, since they must rise."""
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

    return Observer(on_wait, on_done)


def _bytes_progress(ctx: ServerRequestContext[Any]) -> Progress:
    async def report(done: int, total: int | None) -> None:
        await ctx.session.report_progress(done, total, f"{done:,} bytes")

    return report


def _internal(function: Function, message: str) -> ToolReply:
    written = "nothing" if function.reads_only else "unknown"
    fault = Fault(Kind.INTERNAL, message, function=function.name, written=written)
    outcome = Outcome(fault=fault)
    return ToolReply(outcome, outcome.envelope)
