"""Ask a site what the check needs to know, with reads only; most requests run no function."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final, cast

import httpx2

from moodle_mcp.diagnostics.facts import Facts, FieldLimit, Greeting, Refusal, field_limit
from moodle_mcp.errors import CallError, Kind
from moodle_mcp.site.address import TOKEN_ENTRY
from moodle_mcp.site.encoding import form_body
from moodle_mcp.site.files import UPLOAD
from moodle_mcp.site.info import SiteInfo
from moodle_mcp.site.protocol import REST, Cost, Post, Protocol, Request
from moodle_mcp.site.session import Form, SiteSession

HOME_CONTENTS: Final = "core_course_get_contents"
"""Shows whether the token's user gets into any course; every profile has it."""
SITE_HOME: Final = 1
"""A course that every site has and that everyone may enter."""

_NO_SUCH: Final = "moodle_mcp_no_such"
_NO_FILE: Final = "/webservice/pluginfile.php/1/core/none/0/x"
_NOT_FOUND: Final = "invalidrecord"
_DROPPED: Final = frozenset({"invalidparameter", "missingparam"})
_TIMEOUT: Final = 15.0
_ROUNDS: Final = 3
_MOST_OF_AN_ERROR: Final = 64 * 1024


async def observe(site: SiteSession) -> Facts:
    """Ask a site about itself, and then for what its answer leaves open."""
    try:
        info = await site.info(fresh=True)
    except CallError as error:
        protocol = await _protocol(site, error)
        found = await _refusal(site, protocol, error)
    else:
        protocol = await site.protocol()
        found = await _greeting(site, protocol, info)
    proxy = site.transport.proxy
    return Facts(
        site.address.base,
        protocol,
        time.time(),
        found,
        proxy=proxy.label if proxy else "",
        had_token=site.address.had_token,
    )


async def _protocol(site: SiteSession, error: CallError) -> Protocol:
    # With several protocols allowed, Site.protocol would ask again and might wait for a timeout.
    return REST if error.stage is not None else await site.protocol()


async def _refusal(site: SiteSession, protocol: Protocol, error: CallError) -> Refusal:
    absent = error.fault.http_status == 404 and protocol is not REST
    if error.fault.kind is Kind.WEB_SERVICES_OFF or absent:
        return Refusal(error, web_services=await _web_services(site))
    if error.fault.errorcode == "accessexception":
        # This request comes first, because Moodle deletes an expired token when it is used.
        no_such = await _errorcode(site.send(protocol.encode(_NO_SUCH, {}), timeout=_TIMEOUT))
        return Refusal(error, no_such, await _by_files(site))
    return Refusal(error)


async def _greeting(site: SiteSession, protocol: Protocol, info: SiteInfo) -> Greeting:
    file = await _file(site)
    home = await _home(site, protocol, info)
    return Greeting(
        info,
        downloads=_lets_in(file.answer),
        home=home.fault.errorcode or "" if home else "",
        home_message=home.fault.message if home else "",
        fields=await _fields(site) if protocol is REST else None,
        ahead=file.ahead,
        certificate_end=file.certificate_end,
        round_trips=tuple([await _round_trip(site, protocol) for _ in range(_ROUNDS)]),
    )


async def _by_files(site: SiteSession) -> bool | None:
    """Whether the file scripts accept the token; each also checks if the service allows files."""
    # Without a file the upload script stores nothing and answers an empty list (seen on 4.5.6).
    answers = [_lets_in((await _file(site, path)).answer) for path in (_NO_FILE, UPLOAD)]
    return True if True in answers else False if False in answers else None


async def _errorcode(asked: Awaitable[Any]) -> str:
    try:
        await asked
    except CallError as error:
        return error.fault.errorcode or ""
    return ""


async def _web_services(site: SiteSession) -> bool | None:
    """Whether web services are enabled, as `login/token.php` tells Moodle's app without a token."""
    body = form_body([("appsitecheck", "1")])
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        sent = Post(f"{site.address.base}{TOKEN_ENTRY}", headers, body)
        response = await site.transport.post(sent, timeout=_TIMEOUT)
    except CallError:
        return None
    match _json(response.body):
        case {"errorcode": "enablewsdescription"}:
            return False
        case {"appsitecheck": "ok"} | {"errorcode": _}:
            return True
        case _:
            return None


async def _home(site: SiteSession, protocol: Protocol, info: SiteInfo) -> CallError | None:
    """Return the error if the site home is refused; also None if the service can't ask."""
    if info.lacks(HOME_CONTENTS):
        return None
    arguments = {
        "courseid": SITE_HOME,
        "options": [{"name": "excludemodules", "value": "1"}],
    }
    try:
        await site.send(protocol.encode(HOME_CONTENTS, arguments), timeout=_TIMEOUT)
    except CallError as error:
        return error
    return None


async def _fields(site: SiteSession) -> FieldLimit | None:
    """Find how many form fields reach Moodle.

    The last field names a function that does not exist. PHP keeps the first fields and, of fields
    with the same name, the last. So if that field arrives, Moodle answers that the function is
    unknown, else that no function was named.
    """

    async def arrives(fields: int) -> bool | None:
        names = [("wsfunction", "")] * (fields - 2)
        body = form_body([*names, ("wsfunction", _NO_SUCH)])
        request = Request(REST, _NO_SUCH, body, Cost(fields, len(body)))
        code = await _errorcode(site.send(request, timeout=_TIMEOUT))
        return True if code == _NOT_FOUND else False if code in _DROPPED else None

    return await field_limit(arrives)


async def _round_trip(site: SiteSession, protocol: Protocol) -> float:
    """Return the seconds for the cheapest request with the token: looking up a function."""
    request = protocol.encode(_NO_SUCH, {})
    start = time.perf_counter()
    await _errorcode(site.send(request, timeout=_TIMEOUT))
    return time.perf_counter() - start


@dataclass
class _File:
    """A file script's answer, and what else the response shows."""

    answer: Any = None
    ahead: float | None = None
    certificate_end: float | None = None


async def _file(site: SiteSession, path: str = _NO_FILE) -> _File:
    found = _File()
    body = b""
    try:
        async with site.post(Form(path, {}), silence=_TIMEOUT) as response:
            found.ahead = _ahead(response)
            found.certificate_end = _certificate_end(response)
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > _MOST_OF_AN_ERROR:
                    break
    except CallError:
        return found
    found.answer = _json(body)
    return found


def _lets_in(answer: Any) -> bool | None:
    """Whether a file script accepts the token, judged by its answer."""
    match answer:
        case {"errorcode": "accessexception"}:
            return False
        case {"errorcode": "filenotfound"} | []:
            return True
        case _:
            return None


def _ahead(response: httpx2.Response) -> float | None:
    """Return how many seconds the web server's clock is ahead of ours."""
    try:
        # The header has whole seconds: on average half a second is cut off.
        return parsedate_to_datetime(response.headers["date"]).timestamp() + 0.5 - time.time()
    except (KeyError, ValueError):
        return None


def _certificate_end(response: httpx2.Response) -> float | None:
    """Return when the site's certificate expires, in Unix seconds; None without TLS."""
    stream: Any = response.extensions.get("network_stream")
    tls: Any = stream.get_extra_info("ssl_object") if stream is not None else None
    certificate = cast("dict[str, Any]", (tls and tls.getpeercert()) or {})
    end = certificate.get("notAfter")
    return float(ssl.cert_time_to_seconds(end)) if isinstance(end, str) else None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
