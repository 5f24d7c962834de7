"""The demo site's HTTP endpoints: REST, RESTful, login, upload, download, and a front page."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from email.utils import formatdate
from functools import partial
from html import escape
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from moodle_mcp.demo.dropping import DROP
from moodle_mcp.demo.errors import MoodleError, moodle_error
from moodle_mcp.demo.faults import Hold, InjectedFault
from moodle_mcp.demo.moodle import Moodle, shown
from moodle_mcp.demo.php import parse_json, to_json, to_xml, xml_exception
from moodle_mcp.demo.receiving import Input, Received, receive, restful_function
from moodle_mcp.demo.records import SITE_COURSE

_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_REST: Final = "/webservice/rest/server.php"
_UPLOAD: Final = "/webservice/upload.php"
_PLUGINFILE: Final = "/webservice/pluginfile.php"
_HTML: Final = "text/html; charset=utf-8"
_JSON: Final = "application/json; charset=utf-8"
_PLAIN_JSON: Final = "application/json"

Script: TypeAlias = Callable[[Input, str], Response]
"""Answers a request in a protocol, for the site at an address."""


class Endpoints:
    """The endpoints of one site, with its queued faults and its received requests."""

    def __init__(
        self,
        moodle: Moodle,
        faults: deque[InjectedFault],
        requests: list[Received],
        date: Callable[[], float],
    ) -> None:
        self._moodle = moodle
        self._date = date
        self._faults = faults
        self._requests = requests
        self.app = Starlette(routes=[Route("/{path:path}", self._any, methods=[*_METHODS])])

    async def _any(self, request: Request) -> Response:
        try:
            response = await self._answered(request)
        except ClientDisconnect:
            # PHP too runs nothing before the whole request has arrived.
            return Response()
        # Answered by the web server, not by Moodle.
        response.headers["Date"] = formatdate(self._date(), usegmt=True)
        return response

    async def _answered(self, request: Request) -> Response:
        given = await receive(request, self._moodle.switches)
        self._requests.append(given.received)
        path: str = request.scope["path"]
        if path in self._moodle.switches.hidden:
            return _page("Forbidden", "<p>You don't have permission to access this.</p>", 403)
        if self._moodle.switches.maintenance_page:
            return _page("Demo under maintenance", "<p>The site is not available.</p>", 503)
        if path == _REST:
            work = partial(self._worked, request, given, self._rest)
            return await self._faulty(request, given.received.function, work)
        if restful_function(path) is not None and self._moodle.switches.restful_installed:
            work = partial(self._worked, request, given, self._restful)
            return await self._faulty(request, given.received.function, work)
        if path == _UPLOAD:
            work = partial(self._upload, request, given)
            return await self._faulty(request, "upload.php", work)
        if path == _PLUGINFILE or path.startswith(f"{_PLUGINFILE}/"):
            work = partial(self._download, request, given)
            return await self._faulty(request, "pluginfile.php", work)
        if moved := self._moved(request):
            return moved
        match path:
            case "/login/token.php":
                return self._login(given)
            case "/lib/ajax/service-nologin.php":
                return self._public_config(request)
            case "/":
                return self._front_page()
            case _:
                return _page("Not Found", "<p>The requested URL was not found.</p>", 404)

    async def _faulty(
        self, request: Request, function: str | None, work: Callable[[], Response]
    ) -> Response:
        """Do the work, or what a matching fault does instead."""
        fault = self._next_fault(function)
        if fault is None:
            return work()
        response = work() if fault.after_work else None
        match fault.kind:
            case "answer":
                return Response(fault.body, fault.code, headers=fault.headers)
            case "cut":
                return _cut_short(request, fault)
            case "drop":
                request.scope["extensions"][DROP]["drop"]()
                await _disconnected(request)
            case "hang":
                if await _released(request, fault.hold):
                    return response or work()
        # Nobody is there to read it.
        return Response()

    def _next_fault(self, function: str | None) -> InjectedFault | None:
        fault = next((each for each in self._faults if each.fits(function)), None)
        if fault is not None:
            self._faults.remove(fault)
        return fault

    def _worked(self, request: Request, given: Input, script: Script) -> Response:
        return self._moved(request) or script(given, self._wwwroot(request))

    def _rest(self, given: Input, wwwroot: str) -> Response:
        switches = self._moodle.switches
        if not (switches.web_services and switches.rest):
            return _forbidden()
        json = given.form.get("moodlewsrestformat") == "json"
        try:
            answer = self._moodle.call(given.form, wwwroot)
            body = to_json(answer) if json else to_xml(answer)
        except MoodleError as error:
            body = self._exception(error, json=json)
        return _formatted(body, json=json)

    def _restful(self, given: Input, wwwroot: str) -> Response:
        """Answer like the plugin's script: its own failures have statuses and the bodies of REST.

        Observed with webservice_restful on 4.5.6: only exactly `application/json` means JSON, for
        request and response. A body that is not JSON, or empty, counts as no arguments.
        """
        switches = self._moodle.switches
        if not (switches.web_services and switches.restful):
            return _forbidden()
        headers = given.received.headers
        json = headers.get("accept", _PLAIN_JSON) == _PLAIN_JSON
        status = 200
        try:
            if missing := _missing(given.received, authorization=switches.authorization_kept):
                status = missing.status
                raise missing.error
            arguments: Any = given.form
            if headers["content-type"] == _PLAIN_JSON:
                arguments = parse_json(given.received.body) or {}
            answer = self._moodle.call_restful(
                headers["authorization"], given.received.function or "", arguments, wwwroot
            )
            body = to_json(answer) if json else to_xml(answer)
        except MoodleError as error:
            status = max(status, 400)
            body = self._exception(error, json=True)
        return _formatted(body, json=json, status=status)

    def _exception(self, error: MoodleError, *, json: bool) -> str:
        message, debuginfo = shown(error, self._moodle.switches)
        if not json:
            return xml_exception(error.exception, error.errorcode, message, debuginfo)
        answer = {
            "exception": error.exception,
            "errorcode": error.errorcode,
            "message": message,
        }
        if not error.errorcode:
            del answer["errorcode"]
        if debuginfo is not None:
            answer["debuginfo"] = debuginfo
        return to_json(answer)

    def _login(self, given: Input) -> Response:
        try:
            return _json(to_json(self._moodle.login(given.form)))
        except MoodleError as error:
            return self._error(error)

    def _public_config(self, request: Request) -> Response:
        """Answer what Moodle's app asks before a sign-in; no other function is available there."""
        data = self._moodle.public_config(self._wwwroot(request))
        return _json(to_json([{"error": False, "data": data}]))

    def _upload(self, request: Request, given: Input) -> Response:
        if moved := self._moved(request):
            return moved
        # If the request has files, Moodle answers text/plain, for old browsers.
        kind = "text/plain; charset=utf-8" if given.files else _JSON
        try:
            return _json(to_json(self._moodle.upload(given.form, given.files)), kind)
        except MoodleError as error:
            return self._error(error, kind)

    def _download(self, request: Request, given: Input) -> Response:
        if moved := self._moved(request):
            return moved
        path = request.scope["path"].removeprefix(_PLUGINFILE) or str(given.form.get("file", ""))
        try:
            file = self._moodle.download(path, given.form)
        except MoodleError as error:
            return self._error(error)
        kind = file.mimetype
        # Moodle writes the name unescaped in UTF-8, and ignores `forcedownload` here.
        name = file.filename.encode().decode("latin-1")
        headers = {
            "Content-Type": f"{kind}; charset=utf-8" if "text/" in kind else kind,
            "Content-Disposition": f'inline; filename="{name}"',
        }
        return Response(file.content, headers=headers)

    def _error(self, error: MoodleError, kind: str = _JSON) -> Response:
        message, debuginfo = shown(error, self._moodle.switches)
        answer = {
            "error": message,
            "errorcode": error.errorcode,
            "stacktrace": None,
            "debuginfo": debuginfo,
            "reproductionlink": None,
        }
        status = 404 if error.errorcode == "filenotfound" else 200
        return _json(to_json(answer), kind, status)

    def _front_page(self) -> Response:
        courses = self._moodle.world.courses.values()
        names = [each.fullname for each in courses if each.id != SITE_COURSE and each.visible]
        items = "".join(f"<li>{escape(name)}</li>" for name in names)
        title = self._moodle.world.courses[SITE_COURSE].fullname
        text = "<p>A demonstration Moodle with invented people. It has web services only.</p>"
        return _page(title, f"{text}<ul>{items}</ul>")

    def _wwwroot(self, request: Request) -> str:
        return self._moodle.switches.wwwroot or f"http://{request.headers.get('host', '')}"

    def _moved(self, request: Request) -> Response | None:
        """Redirect requests for another address to the site's own, as Moodle does."""
        wwwroot = self._moodle.switches.wwwroot
        if wwwroot is None:
            return None
        own = urlsplit(wwwroot)
        if (own.scheme, own.netloc) == (request.url.scheme, request.headers.get("host")):
            return None
        target = f"{wwwroot}{request.url.path}"
        link = f'<p><a href="{escape(target)}">Continue</a></p>'
        response = _page("Redirect", link, 303)
        response.headers["Content-Type"] = "text/html; charset=UTF-8"
        response.headers["Location"] = target
        return response


class _Missing(NamedTuple):
    status: int
    error: MoodleError


def _missing(received: Received, *, authorization: bool) -> _Missing | None:
    """Return the first thing that the plugin requires and that is missing, in its order."""
    headers = received.headers
    if "authorization" not in headers or not authorization:
        return _Missing(401, moodle_error("noauthheader", "The Authorization header is missing."))
    for name, code in (("accept", "noacceptheader"), ("content-type", "notypeheader")):
        if name not in headers:
            return _Missing(400, moodle_error(code, f"The header {name} is missing."))
    if not received.function:
        return _Missing(400, moodle_error("nowsfunction", "The address names no function."))
    return None


def _forbidden() -> Response:
    return Response(status_code=403, headers={"Content-Type": _HTML})


def _formatted(body: str, *, json: bool, status: int = 200) -> Response:
    headers = {"Content-Type": _PLAIN_JSON}
    if not json:
        headers = {
            "Content-Type": "application/xml; charset=utf-8",
            "Content-Disposition": 'inline; filename="response.xml"',
        }
    return Response(body, status, headers=headers)


async def _released(request: Request, hold: Hold) -> bool:
    """Wait for the hold; return False if the client disconnects first."""
    gone = asyncio.ensure_future(_disconnected(request))
    await asyncio.wait({gone, hold.arrive()}, return_when=asyncio.FIRST_COMPLETED)
    if gone.done():
        hold.abandon()
        return False
    gone.cancel()
    return True


def _cut_short(request: Request, fault: InjectedFault) -> Response:
    async def body() -> AsyncGenerator[bytes]:
        yield fault.body
        request.scope["extensions"][DROP]["drop"]()
        await _disconnected(request)

    headers = {**fault.headers, "Content-Length": str(fault.declared)}
    return StreamingResponse(body(), fault.code, headers=headers)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _json(body: str, kind: str = _JSON, status: int = 200) -> Response:
    return Response(body, status, headers={"Content-Type": kind})


def _page(title: str, content: str, status: int = 200) -> Response:
    head = f'<!DOCTYPE html>\n<html lang="en"><head><title>{escape(title)}</title></head>'
    body = f"{head}<body><h1>{escape(title)}</h1>{content}</body></html>\n"
    return Response(body, status, headers={"Content-Type": _HTML})
