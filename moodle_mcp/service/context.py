"""The state of one user of one site."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from typing import Any, Final

import anyio

from moodle_mcp.caller.caller import Caller
from moodle_mcp.caller.executor import Observer
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.caller.resumable import Leftovers
from moodle_mcp.catalogue.control_arguments import ON_ERROR
from moodle_mcp.catalogue.model import Function
from moodle_mcp.errors import CallError, Fault, Kind
from moodle_mcp.policy.approvals import Approvals
from moodle_mcp.policy.exposure import has_facade
from moodle_mcp.policy.policy import Policy
from moodle_mcp.presentation.page_cache import PageCache
from moodle_mcp.presentation.presenter import Presenter
from moodle_mcp.service.builtin_tools import MORE, BuiltinAnswer, BuiltinTool
from moodle_mcp.service.bulk.tool import Bulk
from moodle_mcp.service.confirming import Confirming, confirm_function
from moodle_mcp.service.course_ids import CourseIds
from moodle_mcp.service.discovery import Discovery
from moodle_mcp.service.file_tools import FileTools
from moodle_mcp.service.process import Process
from moodle_mcp.service.references.resolver import Resolver
from moodle_mcp.service.references.tool import ResolveTool, is_useful
from moodle_mcp.service.registry import Functions, Registry
from moodle_mcp.service.resuming import Resuming, resume_function
from moodle_mcp.service.upload.running import CREATE, UPDATE
from moodle_mcp.service.upload.tool import Uploads
from moodle_mcp.service.zone import Zones
from moodle_mcp.site.info import SiteInfo
from moodle_mcp.site.session import SiteSession

log = logging.getLogger(__name__)

ONLY_USER: Final = "the only user"
"""The owner in the store if the process serves only one user."""


class UserContext:
    """Everything that belongs to one user: session, policy, registry, presenter, time zone.

    `owner` is the user's unique name in the store. The audit log names them by `subject` (default:
    the owner), with the id of their `grant`. `has_builtins` is False for the command line, which
    calls Moodle's functions only.
    """

    def __init__(
        self,
        process: Process,
        session: SiteSession,
        policy: Policy,
        *,
        owner: str = ONLY_USER,
        subject: str | None = None,
        grant: str | None = None,
        caller: Caller | None = None,
        has_builtins: bool = True,
    ) -> None:
        self.process = process
        self.session = session
        self.policy = policy
        self.owner = owner
        self._subject = subject or (None if owner == ONLY_USER else owner)
        self._grant = grant
        self.caller = caller or Caller(
            session,
            process.settings.calls,
            process.shared(session.address).rate_limit,
            checker=process.checker,
            coercer=process.coercer,
        )
        self.presenter = Presenter(process.settings.presentation, process.render_plans)
        self.pages = PageCache(process.store, owner)
        self.approvals = Approvals(process.store, owner)
        self.confirming = Confirming(self.approvals, process.checker)
        self.resuming = Resuming(Leftovers(process.store, owner), process.checker)
        self.course_ids = CourseIds()
        self.zones: Zones | None = None
        self._discovery = Discovery(self._learned_functions, session.background)
        self._resolve = ResolveTool(self.resolver)
        self.bulk = Bulk(
            self.resolver,
            process.checker,
            session.background,
            process.folder,
            process.references,
        )
        self.uploads = Uploads(
            self.resolver,
            self.allowed,
            process.checker,
            session.background,
            process.folder,
            process.clock,
        )
        self._files = FileTools(session, process.folder, process.settings.files, process.file_turns)
        self._has_builtins = has_builtins
        self._registry: Registry | None = None
        self._asked = False
        self._first = anyio.Lock()

    async def aclose(self) -> None:
        """Close the user's session."""
        await self.session.aclose()

    def audit(self, function: Function, outcome: Outcome | None, start: float) -> None:
        """Count a call by this user, and write its audit line."""
        fault = None if outcome is None else outcome.fault
        kind = "cancelled" if outcome is None else "ok" if fault is None else fault.kind.code
        self.process.metrics.call(function.name, kind, time.monotonic() - start)
        self.process.audit.write(function, outcome, start, self._subject, self._grant)

    @property
    def known_info(self) -> SiteInfo | None:
        """The site info, once fetched; the lists of tools, resources and prompts depend on it."""
        return self.session.known_info

    @property
    def user_id(self) -> int | None:
        """The id of the token's user; None until the site info is fetched."""
        return None if self.known_info is None else self.known_info.user_id

    @property
    def registry(self) -> Registry:
        """What the user may call, according to the site info fetched so far."""
        info = self.known_info
        if self._registry is None or self._registry.info is not info:
            self._registry = self._registry_for(info)
        return self._registry

    async def ask(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Call an allowed read for a look-up of the server's own, and return Moodle's answer.

        Raises:
            CallError: `not_allowed` if the operator withholds the function, `access_denied` if the
                site does, or why it failed; nothing was written.
        """
        outcome = await self.call(name, arguments)
        if outcome.fault is not None:
            raise CallError.not_sent(outcome.fault)
        return outcome.result

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Outcome:
        """Call an allowed function as a part of another call.

        Raises:
            CallError: as for `allowed`.
        """
        return await self.run(self.allowed(name), arguments)

    async def run(self, function: Function, arguments: Mapping[str, Any]) -> Outcome:
        """Run a function as a part of another call; it is audited too."""
        start = time.monotonic()
        outcome: Outcome | None = None
        try:
            outcome = answered = await self.caller.call(function, arguments)
        finally:
            self.audit(function, outcome, start)
        return answered

    async def part(self, name: str, argument: str, items: list[Any]) -> Outcome:
        """Call an allowed function with items as a part of another call; what can be done is done.

        Raises:
            CallError: as for `allowed`.
        """
        on_error = "isolate" if self.allowed(name).is_transaction else "continue"
        return await self.call(name, {argument: items, ON_ERROR: on_error})

    def allowed(self, name: str) -> Function:
        """The function of a name, if it may be called.

        Raises:
            CallError: `not_allowed` if the operator withholds it, `access_denied` if the site does.
        """
        function = self.registry.functions.find(name)
        if function is None:
            raise CallError.not_sent(
                Fault(Kind.ACCESS_DENIED, f"This token's service has no {name}.", function=name)
            )
        self.policy.check(function)
        return function

    def resolver(self) -> Resolver:
        """A resolver of names for one call of this user."""
        return Resolver(self.ask, self.process.settings.roles, self.user_id)

    async def learn(self, name: str) -> None:
        """Fetch the site info before the first call, and for a name that the catalogue does not
        know.

        The site's release decides which arguments are right, its functions which names exist.
        """
        if self._asked and self.registry.knows(name):
            return
        known = self.registry.functions.find(name)
        if known is not None and not self.policy.names(known.name):
            # The policy withholds it, whatever the site offers.
            return
        await self.learn_at_first()
        if not self.registry.knows(name):
            await self._ask_site()

    async def learn_at_first(self) -> None:
        """Fetch the site info, unless that was tried before."""
        if not self._asked:
            async with self._first:
                # Waiters share the first request's result, or its failure.
                if not self._asked:
                    await self._ask_site()

    async def learn_about_site(self) -> None:
        """Fetch the site info before a list is made, unless it is known."""
        error = await self._ask_site()
        if error is not None:
            log.warning("can't fetch the site info: %s", error)

    async def _ask_site(self) -> CallError | None:
        """Fetch the site info; an error is only returned, because the next call reports it."""
        error = None
        if self.known_info is None:
            try:
                await self.session.info()
            except CallError as failure:
                error = failure
        self._asked = True
        return error

    def _registry_for(self, info: SiteInfo | None) -> Registry:
        catalogue = self.process.catalogues.of(info.release if info else None)
        functions = Functions(self.policy, catalogue, info)
        builtins = self._builtins(functions, info) if self._has_builtins else []
        return Registry(functions, builtins, info)

    async def _learned_functions(self) -> Functions:
        await self.learn_about_site()
        return self.registry.functions

    def _builtins(self, functions: Functions, info: SiteInfo | None) -> list[BuiltinTool]:
        has_discovery = has_facade(self.process.settings.mode, len(functions.allowed))
        confirm = confirm_function(functions.allowed)
        resume = resume_function(functions.allowed)
        bulk = self.bulk.function(functions.allowed)
        uploads = any(functions.allows(name) for name in (CREATE, UPDATE))
        return [
            *(self._discovery.tools if has_discovery else ()),
            BuiltinTool(MORE, self._more_results),
            *([] if confirm is None else [BuiltinTool(confirm, changes_nothing=False)]),
            *([self._resolve.tool] if is_useful(functions.allows) else []),
            *([] if bulk is None else [BuiltinTool(bulk, changes_nothing=bulk.reads_only)]),
            *([BuiltinTool(self.uploads.tool, changes_nothing=False)] if uploads else []),
            *([] if resume is None else [BuiltinTool(resume, changes_nothing=resume.reads_only)]),
            *self._files.tools(info),
        ]

    async def _more_results(self, arguments: Mapping[str, Any], _: Observer) -> BuiltinAnswer:
        page = await self.pages.read(arguments["cursor"])
        envelope = json.loads(page.decode("utf-8", "surrogatepass"))
        return BuiltinAnswer(Outcome(), page=envelope)
