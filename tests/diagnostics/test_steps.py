"""Each setup step undone alone on the demo site: exactly that step fails."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from moodle_mcp.demo import STUDENT_TOKEN
from moodle_mcp.diagnostics.lines import Line, succeeded
from moodle_mcp.diagnostics.steps import STEPS
from moodle_mcp.site.protocol import PROTOCOLS, REST, RESTFUL, Protocol
from moodle_mcp.site.session import SiteSession
from tests.support.demo import Demo
from tests.support.serving import connection
from tests.support.setup_steps import UNDONE, Change, lines_of, switch


async def failed(demo: Demo, protocol: Protocol = REST) -> Line:
    """The one line that fails."""
    lines = await lines_of(SiteSession(connection(demo.url, STUDENT_TOKEN, (protocol,))))
    (line,) = [line for line in lines if line.verdict == "failed"]
    return line


async def test_nothing_fails_where_nothing_is_undone(demo: Demo) -> None:
    lines = await lines_of(SiteSession(connection(demo.url, STUDENT_TOKEN)))
    assert succeeded(lines)
    assert [line.step for line in lines] == [
        *STEPS,
        "account", "release", "downloads", "uploads", "form fields", "clock", "round trip",
        "profile student", "functions",
    ]  # fmt: skip


@pytest.mark.parametrize("undone", UNDONE)
async def test_the_step_that_is_undone_is_the_one_that_fails(demo: Demo, undone: str) -> None:
    change, step = UNDONE[undone]
    change(demo)
    line = await failed(demo)
    assert line.step == step
    assert line.found
    assert line.todo
    assert line.public


RESTFUL_UNDONE: dict[str, tuple[Change, str]] = {
    "web services off": (switch("web_services", False), "web services"),
    "RESTful off": (switch("restful", False), "protocol"),
    "not installed": (switch("restful_installed", False), "protocol"),
    "header lost": (switch("authorization_kept", False), "entry"),
    "no capability": (switch("restful_capability", False), "role"),
    "token for another address": (switch("token_ip_restricted"), "IP restriction"),
    "service disabled": (switch("service_disabled"), "service"),
}


@pytest.mark.parametrize("undone", RESTFUL_UNDONE)
async def test_over_restful_too(demo: Demo, undone: str) -> None:
    change, step = RESTFUL_UNDONE[undone]
    change(demo)
    assert (await failed(demo, RESTFUL)).step == step


@pytest.mark.parametrize("name", PROTOCOLS)
async def test_the_protocol_in_use_is_named(demo: Demo, name: str) -> None:
    site = SiteSession(connection(demo.url, STUDENT_TOKEN, PROTOCOLS[name]))
    lines = {line.step: line for line in await lines_of(site)}
    assert lines["protocol"].found == ("REST is on" if name == "rest" else "RESTful is on")
    assert lines["service"].verdict == ("warning" if name == "restful" else "ok")


async def test_before_the_failed_step_all_is_right_and_after_it_nothing_is_known(
    demo: Demo,
) -> None:
    demo.site.switches.token_ip_restricted = True
    lines = await lines_of(SiteSession(connection(demo.url, STUDENT_TOKEN)))
    assert [f"{line.verdict} {line.step}" for line in lines] == snapshot(
        [
            "ok environment",
            "ok proxy",
            "ok host name",
            "ok connection",
            "ok TLS",
            "ok address",
            "ok entry",
            "ok web services",
            "ok protocol",
            "ok token",
            "failed IP restriction",
            "skipped maintenance",
            "skipped user",
            "skipped role",
            "skipped service",
        ]
    )


async def test_under_the_command_lines_maintenance_nothing_of_moodle_is_known(demo: Demo) -> None:
    demo.site.switches.maintenance_page = True
    lines = await lines_of(SiteSession(connection(demo.url, STUDENT_TOKEN)))
    assert [f"{line.verdict} {line.step}" for line in lines] == snapshot(
        [
            "ok environment",
            "ok proxy",
            "ok host name",
            "ok connection",
            "ok TLS",
            "ok address",
            "ok entry",
            "skipped web services",
            "skipped protocol",
            "skipped token",
            "skipped IP restriction",
            "failed maintenance",
            "skipped user",
            "skipped role",
            "skipped service",
        ]
    )


@pytest.mark.parametrize("switched_off", ["web_services", "rest"])
async def test_where_a_firewall_hides_the_second_answer_both_switches_are_named(
    demo: Demo, switched_off: str
) -> None:
    setattr(demo.site.switches, switched_off, False)
    demo.site.switches.hidden.add("/login/token.php")
    line = await failed(demo)
    assert line.step == "web services"
    assert "Advanced features" in line.todo
    assert "Manage protocols" in line.todo


async def test_what_moodle_answers_alike_is_a_short_list_of_places(demo: Demo) -> None:
    demo.site.switches.service_disabled = True
    assert (await failed(demo)).todo == snapshot(
        "Moodle gives the same answer to each of these, all under Site administration > Server > Web services > External services: the service is disabled (Edit > Enabled); the user is not among its users (Authorised users); the user's authorisation is for another IP address (Authorised users > the user); the user lacks the capability that the service requires (Edit > Required capability); or downloads and uploads are off (Edit) and the service lacks core_webservice_get_site_info (Functions). On the Moodle host, the program that `moodle-mcp admin-script provision` prints tells the exact cause: php provision.php --moodle=FOLDER --user=NAME --profile=NAME --dry-run (with --service=NAME for a service by another name)."
    )


@pytest.mark.parametrize("undone", ["no capability", "token for another address", "no site info"])
async def test_a_service_without_downloads_hides_no_step(demo: Demo, undone: str) -> None:
    change, step = UNDONE[undone]
    found: list[Line] = []
    for downloads in (True, False):
        demo.site.switches.downloads = downloads
        change(demo)
        found.append(await failed(demo))
    assert found[0].step == step
    assert found == [found[0]] * 2
    assert not [file for file in demo.site.world.files.values() if file.filearea == "draft"]
