"""Runs a call: policy, arguments, plan, consent, execution, presentation."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from functools import partial
from typing import Any, Final

import anyio

from moodle_mcp.caller.caller import Prepared
from moodle_mcp.caller.executor import Observer
from moodle_mcp.caller.outcome import Outcome, failed
from moodle_mcp.catalogue.arguments import checked_size
from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.model import Function
from moodle_mcp.errors import CallError, Fault, Kind
from moodle_mcp.jsontree import LARGE_TEXT
from moodle_mcp.logs import SECRETS
from moodle_mcp.policy.allowlist import FILE_TOOLS
from moodle_mcp.policy.approvals import Confirm
from moodle_mcp.presentation.fence import refuse_marked
from moodle_mcp.presentation.fields import chosen_in_moodle
from moodle_mcp.presentation.presenter import (
    Paged,
    ViewOptions,
    without_next,
)
from moodle_mcp.presentation.query import Query
from moodle_mcp.redaction.arguments import secret_texts
from moodle_mcp.redaction.known import Secrets
from moodle_mcp.service.builtin_tools import BuiltinTool
from moodle_mcp.service.consent import (
    Consent,
    ConsentPending,
    ConsentRequest,
    TokenConsent,
    describing,
)
from moodle_mcp.service.context import UserContext
from moodle_mcp.service.discovery import CALL, inner_call
from moodle_mcp.service.reply import Reply
from moodle_mcp.service.resuming import RESUME, Resumption, ended
from moodle_mcp.service.zone import user_zone

log = logging.getLogger(__name__)

SILENT: Final = Observer()
"""The observer that does nothing."""

OWN_READ_SECONDS: Final = 8.0
"""Most seconds for a read that the server makes for itself."""

_ASKED: Final = Fault(Kind.NEEDS_CONFIRMATION, "The user is asked first.")


@dataclass(frozen=True, slots=True)
class Request:
    """The function to call and its arguments, whatever tool was called for them."""

    function: Function
    arguments: Mapping[str, Any]
    resumption: Resumption | None = None


class CallService:
    """Runs every call. It has no state."""

    async def call(
        self,
        context: UserContext,
        name: str,
        arguments: Mapping[str, Any],
        consent: Consent | None = None,
        observer: Observer = SILENT,
    ) -> Reply:
        """Call a tool by its name; expected failures are replies too.

        Without `consent` a destructive call is answered with a description and a token.

        Cancelling a read cancels its request. A write that was sent is completed, and nothing is
        sent after it.

        Raises:
            UnknownToolError: no tool has this name.
            ConsentPending: the person must be asked before anything is sent.
        """
        start = time.monotonic()
        await context.learn(name)
        function = context.registry.function(name)
        try:
            if function is CALL:
                name, arguments = inner_call(arguments)
                await context.learn(name)
                function = context.registry.functions.named(CALL, name)
            request = await self._resolved(context, function, arguments)
            function = request.function
            reply = await self._run(context, request, consent or TokenConsent(), observer)
        except ConsentPending:
            context.audit(function, Outcome(fault=_ASKED), start)
            raise
        except CallError as error:
            reply = await self._present_own(context, function, failed(function, error))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                context.audit(function, None, start)
                raise
            # Not this call's own cancellation: if raised, it would end the whole connection.
            reply = _internal(function, "The call was interrupted inside the server.")
        except Exception:
            # A bug must not end the connection, nor leak data through it.
            secrets = Secrets(arguments=secret_texts(arguments))
            log.exception(
                "unhandled exception in a call of %s", function.name, extra={SECRETS: secrets}
            )
            reply = _internal(function, "The server failed while it handled the call.")
        if anyio.current_effective_deadline() == -math.inf:
            # The client cancelled the call after a write was sent.
            fault = reply.outcome.fault
            end = "done" if fault is None else fault.kind.code
            log.warning("%s was cancelled by the client and ended: %s", function.name, end)
        context.audit(function, reply.outcome, start)
        return reply

    async def read(self, context: UserContext, name: str, arguments: Mapping[str, Any]) -> Any:
        """Call an allowed read and return Moodle's answer; None if it is withheld or fails."""
        function = context.registry.functions.find_allowed(name)
        if function is None or not function.reads_only:
            return None
        return (await self._read(context, function, arguments)).result

    async def zone(self, context: UserContext) -> tzinfo:
        """The user's time zone; UTC if it is unknown."""

        async def ask(name: str, arguments: Mapping[str, Any]) -> Outcome:
            # The server's own read: it is not audited, and the policy does not apply.
            function = context.registry.functions.catalogue.get(name)
            with anyio.move_on_after(OWN_READ_SECONDS):
                return await context.caller.call(function, arguments)
            return Outcome(fault=Fault(Kind.TIMEOUT, "The site did not answer in time."))

        if context.zone is None:
            # If the zone is unknown, the next call asks again.
            context.zone = await user_zone(ask, context.known_info)
        return context.zone or UTC

    async def _read(
        self, context: UserContext, function: Function, arguments: Mapping[str, Any]
    ) -> Outcome:
        """Run a read for internal use; it is audited too."""
        start = time.monotonic()
        outcome: Outcome | None = None
        try:
            outcome = await context.caller.call(function, arguments)
            return outcome
        finally:
            context.audit(function, outcome, start)

    async def _resolved(
        self, context: UserContext, function: Function, arguments: Mapping[str, Any]
    ) -> Request:
        """The call to run: `resume_batch` becomes a call of its function with the items left."""
        if function.name != RESUME.name:
            return Request(function, arguments)
        resumption = await context.resuming.find(arguments)
        function = context.registry.function(resumption.leftover.function)
        return Request(function, resumption.call(function), resumption)

    async def _run(
        self, context: UserContext, request: Request, consent: Consent, observer: Observer
    ) -> Reply:
        builtin = context.registry.builtins.get(request.function.name)
        if builtin is not None:
            return await self._run_builtin(context, builtin, request.arguments, observer)
        function, resumption = request.function, request.resumption
        context.policy.check(function)
        prepared = await context.caller.prepare(
            function, request.arguments, partial(self.zone, context)
        )
        run_if = context.session.background.run_if
        await run_if(prepared.is_large, refuse_marked, function, prepared.plan.arguments)
        view = await self._view(context, prepared)
        if not prepared.control.dry_run:
            if function.classification.access is Access.DESTRUCTIVE:
                await self._obtain(context, prepared, consent)
            if resumption is not None:
                await context.resuming.begin(resumption)
        outcome = await context.caller.run(prepared, observer)
        end = await run_if(prepared.is_large, ended, prepared, outcome, resumption)
        outcome = await context.resuming.end(end)

        def present() -> Paged:
            secrets = context.session.secrets.and_of(secret_texts(prepared.plan.arguments))
            return context.presenter.present(
                function, outcome.envelope, view, said=outcome.said, secrets=secrets
            )

        is_large = prepared.is_large or outcome.size > LARGE_TEXT
        return Reply(outcome, await _shown(context, await run_if(is_large, present)))

    async def _run_builtin(
        self,
        context: UserContext,
        builtin: BuiltinTool,
        arguments: Mapping[str, Any],
        observer: Observer,
    ) -> Reply:
        function = builtin.function
        # The policy comes first: correcting the arguments of a withheld tool is no use.
        if function.name in FILE_TOOLS:
            context.policy.check(function)
        size = checked_size(arguments)
        run_if = context.session.background.run_if
        check = context.process.checker.check
        checked = await run_if(size.is_large, check, function, arguments, size=size)
        await run_if(size.is_large, refuse_marked, function, checked)
        if builtin.run is None:
            raise NotImplementedError(f"{function.name} stands for another call")
        answer = await builtin.run(checked, observer)
        outcome = answer.outcome
        if answer.page is not None:
            return Reply(outcome, answer.page)
        if answer.rule is None:
            return await self._present_own(context, function, outcome)
        present = partial(
            context.presenter.present,
            function,
            outcome.envelope,
            context.presenter.view(function, None),
            rule=answer.rule,
            said=outcome.said,
            secrets=context.session.secrets,
        )
        shown = await _shown(context, await run_if(True, present))
        return Reply(outcome, shown, answer.pictures)

    async def _present_own(
        self, context: UserContext, function: Function, outcome: Outcome
    ) -> Reply:
        paged = context.presenter.present_own(function.name, outcome.envelope, outcome.said)
        return Reply(outcome, await _shown(context, paged))

    async def _view(self, context: UserContext, prepared: Prepared) -> ViewOptions:
        plan, control = prepared.plan, prepared.control
        view = context.presenter.view(
            plan.function,
            control.fields,
            raw=control.raw,
            chosen_in_moodle=chosen_in_moodle(plan.arguments),
        )
        if control.query is not None:
            view = replace(view, query=Query(plan.function, control.query))
        return replace(view, zone=await self.zone(context)) if control.times else view

    async def _obtain(self, context: UserContext, prepared: Prepared, consent: Consent) -> None:
        """Obtain consent for a destructive call in the way that the operator has set."""
        settings = context.process.settings
        if settings.confirm in (Confirm.HOST, Confirm.NEVER):
            return
        plan = prepared.plan
        name = plan.function.name
        read = partial(self.read, context)
        describe = describing(name, dict(plan.arguments), read, settings.confirm_items)
        request = ConsentRequest(name, describe, context.approvals, prepared.control.confirm)
        if settings.confirm is Confirm.TOKEN:
            consent = TokenConsent()
        await consent.obtain(request)


async def _shown(context: UserContext, paged: Paged) -> dict[str, Any]:
    """Keep the further pages and return the envelope."""
    if paged.rest is None or await context.pages.keep(paged.number, paged.rest):
        return paged.envelope
    return without_next(paged.envelope)


def _internal(function: Function, message: str) -> Reply:
    written = "nothing" if function.reads_only else "unknown"
    fault = Fault(Kind.INTERNAL, message, function=function.name, written=written)
    outcome = Outcome(fault=fault)
    return Reply(outcome, outcome.envelope)
