"""The command as a person runs it, against the demo site."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from inline_snapshot import snapshot

from moodle_mcp import __version__
from moodle_mcp.demo import ADMIN_TOKEN, SMALL_TOKEN
from moodle_mcp.site.protocol import PROTOCOLS
from tests.conftest import Demo

Environment = Callable[..., dict[str, str]]


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str


def run(*arguments: str, environment: dict[str, str], input: str = "") -> Ran:  # noqa: A002
    kept = {name: value for name, value in os.environ.items() if "MOODLE" not in name}
    done = subprocess.run(
        [sys.executable, "-m", "moodle_mcp", *arguments],
        env={**kept, **environment},
        input=input,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def test_the_version_is_the_packages() -> None:
    assert run("--version", environment={}).out.strip().endswith(__version__)


@pytest.mark.parametrize("command", ["serve", "check", "tools", "call"])
def test_a_wrong_setting_is_one_line_on_stderr_and_status_2(command: str) -> None:
    more = ["core_webservice_get_site_info"] if command == "call" else []
    ran = run(command, *more, environment={"MOODLE_TOKEN": ADMIN_TOKEN})
    assert ran == Ran(2, "", "moodle-mcp: MOODLE_URL is missing\n")


def test_a_token_is_not_an_argument() -> None:
    ran = run("--token", ADMIN_TOKEN, environment={})
    assert ran.status == 2
    assert "No such option" in ran.err


def test_check_says_that_all_is_well(environment: Environment) -> None:
    ran = run("check", environment=environment())
    assert ran.status == 0
    assert [line.split()[0] for line in ran.out.splitlines()] == ["ok"] * 8


@pytest.mark.parametrize(
    ("protocol", "named", "told"),
    [("rest", "REST", True), ("restful", "RESTful", False), ("auto", "RESTful", True)],
)
def test_check_names_the_protocol_in_use(
    environment: Environment, protocol: str, named: str, told: bool
) -> None:
    ran = run("check", "--json", environment=environment(MOODLE_PROTOCOL=protocol))
    assert ran.status == 0
    lines = {line["step"]: line for line in json.loads(ran.out)}
    assert lines["web services"]["found"] == f"web services and {named} are on"
    assert lines["service"]["verdict"] == ("ok" if told else "warning")
    assert lines["functions"]["verdict"] == "ok"


def test_a_call_over_restful_answers_as_one_over_rest(environment: Environment) -> None:
    call = ("call", "core_course_get_courses_by_field", '{"field": "id", "value": "2"}')
    outs = [run(*call, environment=environment(MOODLE_PROTOCOL=name)).out for name in PROTOCOLS]
    assert json.loads(outs[0])["result"]["courses"][0]["id"] == 2
    assert outs == [outs[0]] * 3


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_at_the_lowest_level_of_the_log_the_token_is_nowhere(
    environment: Environment, protocol: str
) -> None:
    settings = environment(MOODLE_PROTOCOL=protocol, MOODLE_MCP_LOG_LEVEL="debug")
    ran = run("call", "core_webservice_get_site_info", environment=settings)
    assert ran.status == 0
    assert ADMIN_TOKEN not in ran.out + ran.err


def test_tools_says_that_over_restful_the_site_does_not_tell_its_functions(
    environment: Environment,
) -> None:
    ran = run("tools", environment=environment(MOODLE_PROTOCOL="restful"))
    assert "note: over RESTful the site does not say which functions it has" in ran.out


def test_check_names_the_functions_that_the_service_lacks(environment: Environment) -> None:
    ran = run(
        "check",
        "--json",
        environment=environment(
            MOODLE_TOKEN=SMALL_TOKEN,
            MOODLE_MCP_TOOLS="core_course_get_contents,core_course_get_courses",
        ),
    )
    assert ran.status == 0
    assert json.loads(ran.out)[-1] == snapshot(
        {
            "step": "functions",
            "verdict": "warning",
            "found": "1 exposed as tools, 1 not in the token's service: core_course_get_contents",
            "todo": "An administrator adds them under Site administration > Server > Web services > External services > (the token's service) > Functions: core_course_get_contents.",
        }
    )


def web_services_off(demo: Demo) -> None:
    demo.site.switches.web_services = False


def rest_off(demo: Demo) -> None:
    demo.site.switches.rest = False


def restful_off(demo: Demo) -> None:
    demo.site.switches.restful = False


def no_plugin(demo: Demo) -> None:
    demo.site.switches.restful_installed = False


def header_lost(demo: Demo) -> None:
    demo.site.switches.authorization_kept = False


def service_disabled(demo: Demo) -> None:
    demo.site.switches.service_disabled = True


def another_address(demo: Demo) -> None:
    demo.site.switches.wwwroot = "https://moodle.school.example"


@pytest.mark.parametrize(
    ("change", "environment_changes"),
    [
        (web_services_off, {}),
        (rest_off, {}),
        (service_disabled, {}),
        (another_address, {}),
        (restful_off, {"MOODLE_PROTOCOL": "restful"}),
        (no_plugin, {"MOODLE_PROTOCOL": "restful"}),
        (header_lost, {"MOODLE_PROTOCOL": "restful"}),
        (another_address, {"MOODLE_PROTOCOL": "restful"}),
        (None, {"MOODLE_TOKEN": "0" * 32}),
        (None, {"MOODLE_URL": "http://127.0.0.1:9"}),
        (None, {"MOODLE_URL": "http://nosuch.invalid", "MOODLE_MCP_UNSAFE_PLAIN_HTTP": "1"}),
        (None, {"MOODLE_URL": "wrong path"}),
        (None, {"MOODLE_URL": "https instead of http"}),
    ],
    ids=[
        "web services off", "REST off", "service disabled", "another address",
        "RESTful off", "RESTful not installed", "no Authorization header",
        "another address in RESTful", "wrong token", "nothing there", "unknown host", "wrong path", "no TLS",
    ],
)  # fmt: skip
def test_check_names_the_step_that_fails_and_what_to_do_next(
    demo: Demo,
    environment: Environment,
    change: Callable[[Demo], None] | None,
    environment_changes: dict[str, str],
    request: pytest.FixtureRequest,
) -> None:
    if change is not None:
        change(demo)
    addresses = {
        "wrong path": f"{demo.url}/moodle",
        "https instead of http": demo.url.replace("http:", "https:"),
    }
    changes = {name: addresses.get(value, value) for name, value in environment_changes.items()}
    ran = run("check", "--json", environment=environment(**changes))
    assert ran.status == 1
    failed = [line for line in json.loads(ran.out) if line["verdict"] == "failed"]
    assert [(line["step"], line["found"], line["todo"]) for line in failed] == snapshot(
        {
            "web services off": [
                (
                    "web services",
                    "The site refuses web-service requests: web services or REST are switched off.",
                    "An administrator must switch on web services (Site administration > Advanced features > Enable web services) and REST (Site administration > Server > Web services > Manage protocols).",
                )
            ],
            "REST off": [
                (
                    "web services",
                    "The site refuses web-service requests: web services or REST are switched off.",
                    "An administrator must switch on web services (Site administration > Advanced features > Enable web services) and REST (Site administration > Server > Web services > Manage protocols).",
                )
            ],
            "service disabled": [
                (
                    "service",
                    "Access control exception",
                    "The site refuses this token for every function. An administrator checks under Site administration > Server > Web services > External services that the service is enabled, that the user is among its authorised users, that it has core_webservice_get_site_info, and under Manage tokens the token's IP restriction and end date; and that a role gives the user the capability webservice/rest:use.",
                )
            ],
            "another address": [
                (
                    "address",
                    "The site answered with a redirect to https://moodle.school.example/webservice/rest/server.php, which is not followed with the token.",
                    "The operator sets MOODLE_URL to https://moodle.school.example.",
                )
            ],
            "RESTful off": [
                (
                    "web services",
                    "The site refuses web-service requests: web services or RESTful are switched off.",
                    "An administrator must switch on web services (Site administration > Advanced features > Enable web services) and RESTful (Site administration > Server > Web services > Manage protocols); or the operator sets MOODLE_PROTOCOL to rest or auto.",
                )
            ],
            "RESTful not installed": [
                (
                    "address",
                    "There is no Moodle web-service entry at this address.",
                    "An administrator must install the plugin webservice_restful, or the operator sets MOODLE_PROTOCOL to rest or auto. If the plugin is there, the operator sets MOODLE_URL to the site's own address, as the browser shows it on the front page.",
                )
            ],
            "no Authorization header": [
                (
                    "web services",
                    "The Authorization header is missing.",
                    "The web server, or a proxy before it, keeps a part of the request from PHP: RESTful needs the Authorization header (Apache with FastCGI: CGIPassAuth On), the Accept and Content-Type headers, and the path behind server.php. Or the operator sets MOODLE_PROTOCOL to rest.",
                )
            ],
            "another address in RESTful": [
                (
                    "address",
                    "The site answered with a redirect to https://moodle.school.example/webservice/restful/server.php/core_webservice_get_site_info, which is not followed with the token.",
                    "The operator sets MOODLE_URL to https://moodle.school.example.",
                )
            ],
            "wrong token": [
                (
                    "token",
                    "Invalid token - token not found",
                    "The token is unknown, expired or deleted. An administrator makes a new one under Site administration > Server > Web services > Manage tokens; the operator sets it as MOODLE_TOKEN, or signs in again with `moodle-mcp login`.",
                )
            ],
            "nothing there": [
                (
                    "address",
                    "The site refused the connection, or nothing is there.",
                    "The site can't be reached. The operator checks MOODLE_URL, the network, a proxy or firewall, and whether the site is up.",
                )
            ],
            "unknown host": [
                (
                    "address",
                    "The site's host name is not known (DNS).",
                    "The operator checks the host name in MOODLE_URL and this machine's network.",
                )
            ],
            "wrong path": [
                (
                    "address",
                    "There is no Moodle web-service entry at this address.",
                    "The operator must set MOODLE_URL to the site's own address, as the browser shows it on the site's front page (https, host and path).",
                )
            ],
            "no TLS": [
                (
                    "TLS",
                    "The site does not speak TLS at this address.",
                    "The operator checks the scheme (https) and the port in MOODLE_URL.",
                )
            ],
        }
    )[request.node.callspec.id]


def test_tools_shows_each_tool_with_its_size(environment: Environment) -> None:
    ran = run("tools", "--json", environment=environment(MOODLE_MCP_TOOLS="core_course_get_c*"))
    report = json.loads(ran.out)
    assert [each["name"] for each in report["functions"] if each["exposed"]] == [
        "core_course_get_categories",
        "core_course_get_contents",
        "core_course_get_course_module",
        "core_course_get_course_module_by_instance",
        "core_course_get_courses",
        "core_course_get_courses_by_field",
    ]
    functions = sum(each["bytes"] for each in report["functions"])
    assert report["bytes"] == functions + sum(report["own"].values())


def test_tools_says_of_every_function_what_was_decided_and_why(environment: Environment) -> None:
    settings = environment(
        MOODLE_TOKEN=SMALL_TOKEN,
        MOODLE_MCP_TOOLS="core_*,-core_course_*,core_webservice_get_site_info",
    )
    report = json.loads(run("tools", "--json", environment=settings).out)
    reasons = {each["name"]: each["reason"] for each in report["functions"]}
    assert len(reasons) == 759
    asked = (
        "core_webservice_get_site_info",
        "core_course_get_courses",
        "core_enrol_get_enrolled_users",
        "core_user_delete_users",
        "core_get_fragment",
        "mod_quiz_get_user_attempts",
    )
    assert {name: reasons[name] for name in asked} == snapshot(
        {
            "core_webservice_get_site_info": "included by core_webservice_get_site_info",
            "core_course_get_courses": "excluded by -core_course_*",
            "core_enrol_get_enrolled_users": "not in the token's service",
            "core_user_delete_users": "needs MOODLE_MCP_ACCESS=destructive (Deletes accounts; enrolments and personal data go with them)",
            "core_get_fragment": "internal, runs_others: only by its full name in MOODLE_MCP_TOOLS (Calls any plugin's page-fragment callback; some prepare drafts)",
            "mod_quiz_get_user_attempts": "not in MOODLE_MCP_TOOLS",
        }
    )


def test_tools_shows_the_whitelist_when_the_site_does_not_answer() -> None:
    ran = run(
        "tools", environment={"MOODLE_URL": "http://127.0.0.1:9", "MOODLE_TOKEN": ADMIN_TOKEN}
    )
    assert ran.status == 0
    assert "the site did not say what it offers" in ran.out


def test_call_prints_the_envelope(environment: Environment) -> None:
    ran = run(
        "call", "core_course_get_courses_by_field", '{"field": "id", "value": 2}',
        environment=environment(),
    )  # fmt: skip
    assert ran.status == 0
    assert json.loads(ran.out)["result"]["courses"][0]["id"] == 2


def test_call_reads_its_arguments_from_standard_input(environment: Environment) -> None:
    ran = run(
        "call", "core_course_get_courses_by_field", "-", environment=environment(),
        input='{"field": "id", "value": "2"}',
    )  # fmt: skip
    assert ran.status == 0


def test_call_fails_with_status_1_and_the_error(demo: Demo, environment: Environment) -> None:
    ran = run("call", "core_course_delete_courses", '{"courseids": [2]}', environment=environment())
    assert ran.status == 1
    assert json.loads(ran.out)["error"]["kind"] == "not_allowed"
    assert demo.site.requests == []


@pytest.mark.parametrize("arguments", ["{", "[1]"])
def test_call_refuses_what_is_no_json_object(environment: Environment, arguments: str) -> None:
    ran = run("call", "core_course_get_courses", arguments, environment=environment())
    assert ran.status == 2


def test_demo_shows_the_main_job() -> None:
    ran = run("demo", environment={})
    assert ran.status == 0
    headings = [line for line in ran.out.splitlines() if line.startswith("== ")]
    assert headings == snapshot(
        [
            "== tools/list: 42 tools",
            "== A read, typed by the catalogue",
            "== A write: two people into course 3 as students",
            "== A misspelt argument: refused before anything is sent",
            "== A user who does not exist: Moodle's one transaction, nothing was written",
            "== A function that the operator withholds",
        ]
    )
    assert ran.err == ""
