"""The guarded caller: runs one function and tells what became of it, whatever happens."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import anyio

from moodle_mcp.caller.limits import Limits, check_size
from moodle_mcp.caller.outcome import Outcome, failed
from moodle_mcp.caller.retry import OnWait, Sleep, repeating
from moodle_mcp.catalogue.arguments import ArgumentChecker
from moodle_mcp.catalogue.fit import fit
from moodle_mcp.catalogue.model import Function
from moodle_mcp.errors import CallError, Kind
from moodle_mcp.site.client import Site
from moodle_mcp.site.decoding import Answer
from moodle_mcp.site.encoding import Request, encode
from moodle_mcp.site.info import SITE_INFO

_LARGE_BODY: Final = 200_000

_ADD_FUNCTION: Final = (
    "An administrator adds it: Site administration > Server > Web services > External services > "
    "(the token's service) > Functions > Add functions: {function}."
)
_OTHER_CAUSES: Final = (
    "The token's service has this function, so another rule refuses it: the token's IP "
    "restriction or end date, or a capability that the service requires. An administrator looks "
    "at Site administration > Server > Web services > Manage tokens and External services."
)
_REFUSED_ALTOGETHER: Final = (
    "The site refuses this token for every function. An administrator checks under Site "
    "administration > Server > Web services > External services that the service is enabled, that "
    "the user is among its authorised users, that it has core_webservice_get_site_info, and under "
    "Manage tokens the token's IP restriction and end date."
)


@dataclass(frozen=True, slots=True)
class CallSettings:
    """How calls are made: the limits of one request and the seconds of a whole call."""

    limits: Limits = field(default_factory=Limits)
    timeout: float = 60.0


class Caller:
    """Calls functions of one site.

    This is where a call may become several requests: what `_run` does with one request, a plan
    does with many.
    """

    def __init__(
        self, site: Site, settings: CallSettings | None = None, *, sleep: Sleep = anyio.sleep
    ) -> None:
        self._site = site
        self._settings = settings or CallSettings()
        self._checker = ArgumentChecker()
        self._sleep = sleep

    async def call(
        self, function: Function, arguments: Mapping[str, Any], *, on_wait: OnWait | None = None
    ) -> Outcome:
        """Check, send and fit one call; every failure that is foreseen is an outcome too.

        `on_wait` is told of each wait before a request is repeated. Cancelling it cancels a
        read's request; a write that was sent goes on to its end.
        """
        try:
            checked = self._checker.check(function, arguments)
            request = encode(function.name, checked)
            check_size(request, self._settings.limits)
            answer = await self._run(function, request, on_wait)
        except CallError as error:
            return failed(function, await self._diagnosed(function, error))
        return _succeeded(function, answer)

    async def _run(self, function: Function, request: Request, on_wait: OnWait | None) -> Answer:
        start = time.monotonic()
        seconds = self._settings.timeout

        async def attempt() -> Answer:
            left = max(seconds - (time.monotonic() - start), 0.001)
            # A write is not cancelled once it is under way: its outcome must be known.
            async with _uninterrupted(not function.reads_only):
                return await self._site.send(request, timeout=left)

        try:
            return await repeating(
                attempt,
                reads_only=function.reads_only,
                seconds=seconds,
                on_wait=on_wait,
                sleep=self._sleep,
            )
        except CallError as error:
            raise _sized(request, error) from None

    async def _diagnosed(self, function: Function, error: CallError) -> CallError:
        """An `access_denied` with the cause that the site can be asked for.

        Moodle has one answer, `accessexception`, for six causes.
        """
        if error.fault.errorcode != "accessexception":
            return error
        if function.name == SITE_INFO:
            return error.but(hint=_REFUSED_ALTOGETHER)
        try:
            info = await self._site.info(fresh=True)
        except CallError as asked:
            hint = _REFUSED_ALTOGETHER if asked.fault.kind is Kind.ACCESS_DENIED else None
            return error.but(hint=hint)
        if function.name in info.functions:
            return error.but(hint=_OTHER_CAUSES)
        return error.but(
            message=f"The function {function.name} is not in the token's service.",
            hint=_ADD_FUNCTION.format(function=function.name),
        )


@asynccontextmanager
async def _uninterrupted(shield: bool) -> AsyncGenerator[None]:
    with anyio.CancelScope(shield=shield):
        yield


def _sized(request: Request, error: CallError) -> CallError:
    """An `invalid_token` with its other cause, where the request was large.

    PHP drops a body over `post_max_size` whole, the token with it.
    """
    if error.fault.kind is not Kind.INVALID_TOKEN or request.sent_bytes < _LARGE_BODY:
        return error
    return error.but(
        hint=f"Either the token is not valid, or PHP dropped this request of {request.sent_bytes} "
        "bytes because post_max_size is smaller: try a small call; if that works, lower "
        "MOODLE_MCP_MAX_BODY."
    )


def _succeeded(function: Function, answer: Answer) -> Outcome:
    fitted = fit(function, answer.value)
    oddities = [{"warningcode": "odd_answer", "message": text} for text in answer.warnings]
    return Outcome(result=fitted.result, warnings=[*oddities, *fitted.warnings])
