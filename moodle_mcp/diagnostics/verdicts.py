"""Turn observations into the lines of the check. Pure."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable
from typing import Final

from moodle_mcp.catalogue.loading import RELEASES, catalogue_for, neighbours, numbered
from moodle_mcp.diagnostics.facts import Facts, Greeting, Refusal
from moodle_mcp.diagnostics.gaps import Wanted, gaps
from moodle_mcp.diagnostics.lines import Line
from moodle_mcp.diagnostics.steps import SERVICES, STEPS, passed, refused
from moodle_mcp.site.address import RESET_ADVICE
from moodle_mcp.site.info import SiteInfo
from moodle_mcp.site.protocol import REST

_RELEASE: Final = re.compile(r"[0-9]+(\.[0-9]+)*\+?(dev)?( \(Build: [0-9]+\))?")
_DAY: Final = 86_400
_CERTIFICATE_DAYS: Final = 14
_MOST_AHEAD: Final = 30
_SLOW: Final = 1.0


def judge(facts: Facts, wanted: Wanted) -> list[Line]:
    """Return all lines: reaching the site, the site itself, and what the operator gets from it."""
    match facts.found:
        case Refusal() as refusal:
            way = refused(refusal, facts.base, facts.protocol, facts.proxy)
            return [*way, *_pasted_token(facts)]
        case Greeting() as greeting:
            way = [_WAY.get(step, _right)(facts, greeting, step) for step in STEPS]
            site = [
                _account(greeting),
                _release(greeting, wanted),
                _files("downloads", greeting),
                _files("uploads", greeting),
                _fields(facts, greeting, wanted),
                _clock(greeting),
                _round_trip(greeting),
            ]
            return [*way, *_pasted_token(facts), *site, *gaps(wanted, greeting.info)]


def _pasted_token(facts: Facts) -> list[Line]:
    """Warn if the operator's address contained a token."""
    if not facts.had_token:
        return []
    found = "the configured address contains a token"
    todo = f"Set it to {facts.base}. {RESET_ADVICE}"
    return [Line("pasted token", "warning", found, todo, found)]


def _right(facts: Facts, _: Greeting, step: str) -> Line:
    return Line(step, "ok", passed(step, facts.base))


def _proxy(facts: Facts, _: Greeting, step: str) -> Line:
    public = "used" if facts.proxy else "not used"
    return Line(step, "ok", passed(step, facts.base, facts.proxy), public=public)


def _tls(facts: Facts, greeting: Greeting, step: str) -> Line:
    end, found = greeting.certificate_end, passed(step, facts.base)
    if end is None:
        return Line(step, "ok", found, public=found)
    days = int((end - facts.now) // _DAY)
    day = time.strftime("%Y-%m-%d", time.gmtime(end))
    public = f"{found}, ends in {days} days"
    found = f"{found}, ends on {day}"
    if days >= _CERTIFICATE_DAYS:
        return Line(step, "ok", found, public=public)
    todo = "An administrator of the web server renews it: after that day connections fail."
    return Line(step, "warning", found, todo, public)


def _address(facts: Facts, greeting: Greeting, step: str) -> Line:
    own = greeting.info.site_url.rstrip("/")
    if own == facts.base:
        return Line(step, "ok", own, public="the site's own")
    found = f"{facts.base}, but the site's own address is {own}"
    return Line(step, "warning", found, f"Set MOODLE_URL to {own}.", "not the site's own")


def _protocol(facts: Facts, _: Greeting, step: str) -> Line:
    found = f"{facts.protocol.name} is on"
    return Line(step, "ok", found, public=found)


def _token(_: Facts, __: Greeting, step: str) -> Line:
    found = (
        "valid; Moodle does not report when it expires (one from a login after 12 weeks, unless an "
        "administrator has changed that)"
    )
    return Line(step, "ok", found, public="valid")


def _user(_: Facts, greeting: Greeting, step: str) -> Line:
    info = greeting.info
    return Line(step, "ok", f"{info.user_full_name} ({info.user_name}, id {info.user_id})")


def _role(facts: Facts, _: Greeting, step: str) -> Line:
    return Line(step, "ok", facts.protocol.capability, public=facts.protocol.capability)


def _service(_: Facts, greeting: Greeting, step: str) -> Line:
    functions = greeting.info.functions
    if functions is not None:
        found = f"{len(functions)} functions"
        return Line(step, "ok", found, public=found)
    found = "over RESTful the site does not report its functions and release"
    todo = "MOODLE_PROTOCOL=auto asks for them over REST, if REST is enabled too."
    return Line(step, "warning", found, todo, found)


_WAY: Final[dict[str, Callable[[Facts, Greeting, str], Line]]] = {
    "proxy": _proxy,
    "TLS": _tls,
    "address": _address,
    "protocol": _protocol,
    "token": _token,
    "user": _user,
    "role": _role,
    "service": _service,
}


def _account(greeting: Greeting) -> Line:
    """Check for tasks that Moodle asks of the user at login, which site info does not show."""
    if greeting.home != "errorcoursecontextnotvalid":
        return Line("account", "ok")
    found = f"No course lets the user in, not even the site home: {greeting.home_message}"
    todo = (
        "The user logs in to the site in a browser once and does what it asks: change the "
        "password, agree to the policy, or complete the profile."
    )
    public = f"the site home is refused, errorcode {greeting.home}"
    return Line("account", "failed", found, todo, public)


def _release(greeting: Greeting, wanted: Wanted) -> Line:
    info = greeting.info
    if not info.release:
        return Line("release", "skipped", f"{info.site_name}, of unknown release")
    known = neighbours(info.release)
    # Only the part that Moodle writes itself: the rest of the text is the site's own.
    version = _RELEASE.match(info.release)
    public = f"Moodle {version[0] if version else 'of unknown release'}, catalogue of {known}"
    found = f"{info.site_name}, Moodle {info.release}, catalogue of {known}"
    if wanted.overrides.release == info.release:
        return Line("release", "ok", f"{found} and the site's own", public=public)
    site = numbered(info.release)
    if site == numbered(known.older):
        return Line("release", "ok", found, public=public)
    todo = (
        "New functions and parameters are unknown, and removed ones are refused. "
        "MOODLE_MCP_CATALOGUE takes the site's own: `moodle-mcp admin-script catalogue`."
    )
    if site is not None and site < (numbered(RELEASES[0]) or site):
        found, public = f"{found}: too old", f"{public}: too old"
        todo = _too_old(info)
    elif known.older != known.newer:
        todo = (
            "Parameters that only one of these two releases has are marked, because the site may "
            "refuse them. MOODLE_MCP_CATALOGUE takes the site's own functions: "
            "`moodle-mcp admin-script catalogue`."
        )
    return Line("release", "warning", found, todo, public)


def _too_old(info: SiteInfo) -> str:
    """Say what works on a site that is older than all releases with data."""
    oldest = RELEASES[0]
    described = catalogue_for(info.release)
    here = info.functions or frozenset[str]()
    works = f"{sum(name in described for name in here)} of the site's {len(here)} functions are"
    if info.functions is None:
        works = "Functions are"
    return (
        f"This server is made for Moodle {oldest} and newer: upgrade the site. {works} used as "
        f"Moodle {oldest} declares them. A call works if the site takes its parameters; else the "
        "site refuses the whole call as invalidparameter and writes nothing: leave out optional "
        "parameters. What is newer than the site is not offered."
    )


def _files(step: str, greeting: Greeting) -> Line:
    info = greeting.info
    allowed = info.may_download if step == "downloads" else info.may_upload
    if info.functions is None:
        # Not reported over RESTful; the download script shows it.
        if step == "uploads" or greeting.downloads is None:
            return Line(step, "skipped", "over RESTful the site does not report it")
        allowed = greeting.downloads
    if allowed:
        return Line(step, "ok", "allowed", public="allowed")
    can = "Can download files" if step == "downloads" else "Can upload files"
    todo = f"An administrator allows them: {SERVICES} > (the service) > Edit > Show more > {can}."
    return Line(step, "warning", "not allowed by the service", todo, "not allowed")


def _fields(facts: Facts, greeting: Greeting, wanted: Wanted) -> Line:
    step, limit = "form fields", greeting.fields
    if facts.protocol is not REST:
        found = f"not limited over {facts.protocol.name}"
        return Line(step, "ok", found, public=found)
    if limit is None:
        return Line(step, "skipped", "how many arrive could not be determined")
    some = "" if limit.exact else "at least "
    found = (
        f"{some}{limit.fields:,} of one request arrive; MOODLE_MCP_MAX_FIELDS is "
        f"{wanted.max_fields:,}"
    )
    if limit.exact and wanted.max_fields > limit.fields:
        todo = f"Set MOODLE_MCP_MAX_FIELDS={limit.advised}: PHP silently drops the rest."
        return Line(step, "failed", found, todo, found)
    if wanted.max_fields < limit.advised:
        todo = f"MOODLE_MCP_MAX_FIELDS={limit.advised} would be safe, for fewer and larger requests"
        return Line(step, "ok", found, f"{todo}.", found)
    return Line(step, "ok", found, public=found)


def _clock(greeting: Greeting) -> Line:
    if greeting.ahead is None:
        return Line("clock", "skipped", "the web server does not report the time")
    seconds = round(greeting.ahead)
    way = "ahead of" if seconds > 0 else "behind"
    unit = "second" if abs(seconds) == 1 else "seconds"
    found = f"{abs(seconds):,} {unit} {way} this machine" if seconds else "the same as here"
    if abs(seconds) <= _MOST_AHEAD:
        return Line("clock", "ok", found, public=found)
    todo = "Synchronise the wrong clock by NTP: Moodle judges due dates and end dates by its own."
    return Line("clock", "warning", found, todo, found)


def _round_trip(greeting: Greeting) -> Line:
    if not greeting.round_trips:
        return Line("round trip", "skipped")
    seconds = statistics.median(greeting.round_trips)
    found = f"{seconds * 1000:,.0f} ms, the median of {len(greeting.round_trips)}"
    if seconds <= _SLOW:
        return Line("round trip", "ok", found, public=found)
    todo = "Every request takes that long before any work is done: check the network, or its load"
    return Line("round trip", "warning", found, f"{todo}.", found)
