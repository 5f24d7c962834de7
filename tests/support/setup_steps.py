"""Demo sites on which one step of the setup is missing."""

from __future__ import annotations

from collections.abc import Callable

from moodle_mcp.demo import STUDENT_TOKEN, InjectedFault
from moodle_mcp.diagnostics.gaps import Wanted
from moodle_mcp.diagnostics.lines import Line
from moodle_mcp.diagnostics.probe import observe
from moodle_mcp.diagnostics.verdicts import judge
from moodle_mcp.site.session import SiteSession
from tests.support.demo import Demo
from tests.support.serving import policy

Change = Callable[[Demo], None]


async def lines_of(site: SiteSession, tools: str = "student") -> list[Line]:
    try:
        return judge(await observe(site), Wanted(tools, policy(tools)))
    finally:
        await site.aclose()


def switch(name: str, value: object = True) -> Change:
    return lambda demo: setattr(demo.site.switches, name, value)


def blocked(state: str) -> Change:
    return switch("user_state", {"student1": state})


def answers(fault: InjectedFault) -> Change:
    return lambda demo: demo.site.faults.append(fault)


def no_token(demo: Demo) -> None:
    del demo.site.tokens[STUDENT_TOKEN]


UNDONE: dict[str, tuple[Change, str]] = {
    "web services off": (switch("web_services", False), "web services"),
    "REST off": (switch("rest", False), "protocol"),
    "token deleted": (no_token, "token"),
    "token expired": (switch("token_expired"), "token"),
    "token for another address": (switch("token_ip_restricted"), "IP restriction"),
    "maintenance": (switch("maintenance"), "maintenance"),
    "maintenance by the command line": (switch("maintenance_page"), "maintenance"),
    "suspended": (blocked("suspended"), "user"),
    "no login": (blocked("nologin"), "user"),
    "unconfirmed": (blocked("unconfirmed"), "user"),
    "deleted": (blocked("deleted"), "user"),
    "no capability": (switch("rest_capability", False), "role"),
    "service disabled": (switch("service_disabled"), "service"),
    "user not authorised": (switch("user_not_authorised"), "service"),
    "user for another address": (switch("user_ip_restricted"), "service"),
    "required capability": (switch("required_capability_missing"), "service"),
    "authorisation with an end": (switch("authorisation_ends"), "service"),
    "no site info": (switch("withheld", {"core_webservice_get_site_info"}), "service"),
    "something pending": (switch("user_pending", "User not fully set-up"), "account"),
    "another address": (switch("wwwroot", "https://moodle.school.example"), "address"),
    "captive portal": (
        answers(InjectedFault.answer(b"<html>Please log in to the hotel</html>")), "address",
    ),
    "server error": (answers(InjectedFault.status(500)), "entry"),
    "firewall": (answers(InjectedFault.status(406, b"<html>Not acceptable</html>")), "entry"),
}  # fmt: skip
