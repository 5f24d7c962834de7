"""The command as a person runs it, against the demo site."""

from __future__ import annotations

import json

import pytest
from inline_snapshot import snapshot

from moodle_mcp import __version__
from moodle_mcp.demo import ADMIN_TOKEN, SMALL_TOKEN
from moodle_mcp.site.protocol import PROTOCOLS
from tests.support.command import Environment, Ran, run
from tests.support.demo import Demo


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
    assert "note: over RESTful the site does not report its functions" in ran.out


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
        "core_block_get_dashboard_blocks",
        "mod_quiz_get_user_attempts",
    )
    assert {name: reasons[name] for name in asked} == snapshot(
        {
            "core_webservice_get_site_info": "included by core_webservice_get_site_info",
            "core_course_get_courses": "excluded by -core_course_*",
            "core_enrol_get_enrolled_users": "not in the token's service",
            "core_user_delete_users": "needs MOODLE_MCP_ACCESS=destructive (Deletes accounts; enrolments and personal data go with them)",
            "core_get_fragment": "internal, runs_others: only by its full name in MOODLE_MCP_TOOLS (Calls any plugin's page-fragment callback; some prepare drafts)",
            "core_block_get_dashboard_blocks": "fetches: only by its full name in MOODLE_MCP_TOOLS (With returncontents, RSS and Flickr blocks ask addresses that users entered)",
            "mod_quiz_get_user_attempts": "not in MOODLE_MCP_TOOLS",
        }
    )


def test_tools_shows_the_allowlist_when_the_site_does_not_answer() -> None:
    ran = run(
        "tools", environment={"MOODLE_URL": "http://127.0.0.1:9", "MOODLE_TOKEN": ADMIN_TOKEN}
    )
    assert ran.status == 0
    assert "the site did not answer" in ran.out


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
            "== tools/list: 36 tools",
            "== A read, typed by the catalogue",
            "== A write: two people into course 3 as students",
            "== A list with e-mail addresses and a course's short name: nothing is looked up by hand",
            "== A misspelt argument: refused before anything is sent",
            "== A user who does not exist: Moodle's one transaction, nothing was written",
            "== A function that the operator withholds",
        ]
    )
    assert ran.err == ""


def test_a_function_that_does_not_exist_is_not_called_withheld(environment: Environment) -> None:
    ran = run("call", "core_course_serch_courses", environment=environment())
    assert ran == Ran(
        2,
        "",
        "moodle-mcp: core_course_serch_courses is not a Moodle function; did you mean "
        "core_course_search_courses or core_course_get_course_module or "
        "core_course_get_courses_by_field?\n",
    )


def test_check_stops_where_the_server_would(environment: Environment) -> None:
    ran = run("check", environment=environment(MOODLE_MCP_AUDIT="/nowhere/at/all"))
    assert (ran.status, ran.out) == (2, "")
    assert "MOODLE_MCP_AUDIT can't be written" in ran.err


def test_demo_tells_nobody_to_connect_to_a_port_that_is_taken(demo: Demo) -> None:
    ran = run("demo", "--serve", "--port", demo.url.rpartition(":")[2], environment={})
    assert ran.status == 1
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert "can't be opened" in ran.err.splitlines()[-1]


def test_demo_refuses_a_port_that_none_is() -> None:
    ran = run("demo", "--serve", "--port", "99999", environment={})
    assert (ran.status, ran.out) == (2, "")
