"""Runs a call: policy, arguments, plan, consent, execution, presentation."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, tzinfo
from functools import partial
from typing import Any, Final

import anyio

from moodle_mcp.caller.caller import Prepared
from moodle_mcp.caller.executor import Observer
from moodle_mcp.caller.guard import Guard
from moodle_mcp.caller.outcome import Outcome, failed
from moodle_mcp.catalogue.arguments import checked_size
from moodle_mcp.catalogue.control_arguments import CONFIRM
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.safe_options import said_of_safe_option
from moodle_mcp.errors import CallError, Fault, Kind
from moodle_mcp.jsontree import LARGE_TEXT
from moodle_mcp.logs import SECRETS
from moodle_mcp.policy.allowlist import FILE_TOOLS
from moodle_mcp.presentation.emptiness import ids_not_given, is_empty
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
from moodle_mcp.service.asking import Asking
from moodle_mcp.service.builtin_tools import BuiltinTool
from moodle_mcp.service.confirming import CONFIRM_TOOL
from moodle_mcp.service.consent import Consent, ConsentPending, TokenConsent
from moodle_mcp.service.context import UserContext
from moodle_mcp.service.dry_run import with_judgement, with_kept
from moodle_mcp.service.reply import Reply
from moodle_mcp.service.requested import Request, requested, unwrapped
from moodle_mcp.service.resuming import ended
from moodle_mcp.service.taken_values import with_taken_values
from moodle_mcp.service.upload.running import DELETE, UPDATE
from moodle_mcp.service.upload.tool import UPLOAD
from moodle_mcp.service.zone import Zones, find_zones
from moodle_mcp.site.info import SITE_INFO
from moodle_mcp.store.base import StoreError
from moodle_mcp.verification.guard import guard_of
from moodle_mcp.verification.reads import Reads

log = logging.getLogger(__name__)

SILENT: Final = Observer()
"""The observer that does nothing."""

OWN_READ_SECONDS: Final = 8.0
"""Most seconds for a read that the server makes for itself."""

_ASKED: Final = Fault(Kind.NEEDS_CONFIRMATION, "The user is asked first.")

_STORE_GONE: Final = Fault(
    Kind.INTERNAL,
    "Nothing was sent: the store of this server does not answer.",
    hint="Try again in a minute. If it stays so, the operator checks MOODLE_MCP_STORE.",
    retryable=True,
    written="nothing",
)


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
            function, arguments, token = await unwrapped(context, function, arguments)
            request = await requested(
                context, function, arguments, token, partial(self.zone, context)
            )
            function = request.function
            reply = await self._run(context, request, consent or TokenConsent(), observer)
        except ConsentPending:
            context.audit(function, Outcome(fault=_ASKED), start)
            raise
        except CallError as error:
            reply = await self._present_own(context, function, failed(function, error))
        except StoreError:
            # It is asked only before anything is sent; afterwards, nothing is kept instead.
            error = CallError.not_sent(_STORE_GONE)
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
        """Call an allowed read and return Moodle's answer; None if it is withheld or fails.

        A look-up that finds nothing answers an empty list.
        """
        function = context.registry.functions.find_allowed(name)
        if function is None or not function.reads_only:
            return None
        outcome = await context.run(function, arguments)
        nothing = outcome.fault is not None and outcome.fault.kind is Kind.NOT_FOUND
        return [] if nothing and function.lookup is not None else outcome.result

    async def zone(self, context: UserContext) -> tzinfo:
        """The user's time zone; UTC if it is unknown."""
        zones = await self._zones(context)
        return zones.user if zones else UTC

    async def _zones(self, context: UserContext) -> Zones | None:
        async def ask(name: str, arguments: Mapping[str, Any]) -> Outcome:
            # The server's own read: it is not audited, and the policy does not apply.
            function = context.registry.functions.catalogue.get(name)
            with anyio.move_on_after(OWN_READ_SECONDS):
                return await context.caller.call(function, arguments)
            return Outcome(fault=Fault(Kind.TIMEOUT, "The site did not answer in time."))

        if context.zones is None:
            # If the zone is unknown, the next call asks again.
            context.zones = await find_zones(ask, context.known_info)
        return context.zones

    async def _run(
        self, context: UserContext, request: Request, consent: Consent, observer: Observer
    ) -> Reply:
        builtin = context.registry.builtins.get(request.function.name)
        if request.function.name == UPLOAD:
            return await self._upload(context, request, consent)
        if builtin is not None:
            return await self._run_builtin(context, builtin, request.arguments, observer)
        function, resumption, bulk = request.function, request.resumption, request.bulk
        context.policy.check(function)
        if bulk is not None and bulk.refusal is not None:
            return await self._present_own(context, function, bulk.refusal)
        prepared = await context.caller.prepare(
            function, request.arguments, partial(self.zone, context)
        )
        run_if = context.session.background.run_if
        await run_if(prepared.is_large, refuse_marked, function, prepared.plan.arguments)
        view = await self._view(context, prepared)
        if prepared.control.dry_run:
            outcome = await self._dry_run(context, request, prepared)
            return await self._present_own(context, function, outcome)
        await self._asking(context, request, prepared).obtain(consent)
        if resumption is not None:
            await context.resuming.begin(resumption)
        read = partial(self.read, context)
        guard = await self._guard(context, prepared)
        outcome = await context.caller.run(prepared, observer, guard)
        outcome = await with_taken_values(function.name, prepared.plan.arguments, outcome, read)
        outcome = outcome.with_warning(
            "safe_default", said_of_safe_option(function, request.arguments)
        )
        end = await run_if(prepared.is_large, ended, prepared, outcome, resumption)
        outcome = await context.resuming.end(end)
        if bulk is not None:
            outcome = await bulk.end(outcome, end.ledger)
        if is_empty(outcome.result):
            view = replace(view, not_given=ids_not_given(function, prepared.plan.arguments))

        def present() -> Paged:
            secrets = context.session.secrets.and_of(secret_texts(prepared.plan.arguments))
            return context.presenter.present(
                function, outcome.envelope, view, said=outcome.said, secrets=secrets
            )

        # A short expression may take long on a short answer.
        is_large = prepared.is_large or outcome.size > LARGE_TEXT or view.query is not None
        return Reply(outcome, await _shown(context, await run_if(is_large, present)))

    async def _upload(self, context: UserContext, request: Request, consent: Consent) -> Reply:
        prepared = await context.uploads.prepare(request.arguments)
        if prepared.is_dry:
            outcome = prepared.planned()
        elif prepared.is_refused:
            outcome = prepared.refused()
        else:
            if prepared.harm:
                name = DELETE if "userids" in prepared.harm else UPDATE
                function = context.registry.function(name)
                token = request.arguments.get(CONFIRM)
                read = partial(self.read, context)
                asking = Asking(context, request, function, prepared.harm, token, read)
                await asking.obtain(consent)
            outcome = await prepared.run(context.part)
        return await self._present_own(context, request.function, outcome)

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
        if plan.function.name == SITE_INFO:
            zones = await self._zones(context)
            view = replace(view, time_zone=zones.text if zones else "")
        if control.query is not None:
            view = replace(view, query=Query(plan.function, control.query))
        return replace(view, zone=await self.zone(context)) if control.times else view

    def _asking(self, context: UserContext, request: Request, prepared: Prepared) -> Asking:
        plan, token = prepared.plan, prepared.control.confirm
        read = partial(self.read, context)
        return Asking(context, request, plan.function, plan.arguments, token, read)

    async def _dry_run(self, context: UserContext, request: Request, prepared: Prepared) -> Outcome:
        """The plan of a call; for a write also what it does, and a token that carries it out."""
        outcome = await context.caller.run(prepared)
        if request.bulk is not None:
            outcome = await request.bulk.end(outcome, None)
        if prepared.plan.function.reads_only or outcome.fault is not None:
            return outcome
        to_ask = self._asking(context, request, prepared).consent_request
        described = await to_ask.describer.describe()
        # Another process, such as the next command, could not find a call that is kept here.
        has_confirm = CONFIRM_TOOL.name in context.registry.builtins
        token = await to_ask.keep(described) if has_confirm else None
        # The plan of a table says already what is done.
        text = described.text if request.bulk is None else ""
        outcome = with_kept(outcome, text, described.unknown, token)
        return with_judgement(outcome, await self._guard(context, prepared))

    async def _guard(self, context: UserContext, prepared: Prepared) -> Guard:
        reads = Reads(partial(self.read, context), context.registry.allows)
        return await guard_of(prepared.plan, context.user_id, reads)


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
