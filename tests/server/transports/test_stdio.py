"""The server over stdio: a process and its pipes, in every revision of the protocol."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from inline_snapshot import snapshot

from moodle_mcp import __version__
from moodle_mcp.catalogue.coercion import coerce
from moodle_mcp.catalogue.loading import load
from moodle_mcp.catalogue.naming import tool_name
from moodle_mcp.demo import ADMIN_TOKEN, SMALL_TOKEN, InjectedFault, serving
from moodle_mcp.policy.allowlist import profile
from moodle_mcp.presentation.presenter import PresentationSettings, Presenter
from moodle_mcp.redaction.values import without_secrets
from moodle_mcp.site.info import SITE_INFO
from tests.support.demo import Demo
from tests.support.recordings import Exchange, calls
from tests.support.replay import Replay
from tests.support.stdio import ERAS, MODERN, serving_stdio

CATALOGUE = load()
OPEN = {
    "MOODLE_MCP_TOOLS": ",".join(CATALOGUE),
    "MOODLE_MCP_ACCESS": "destructive",
    "MOODLE_MCP_RATE": "1000",
    "MOODLE_MCP_MODE": "direct",
    "MOODLE_MCP_CONFIRM": "never",
}
UNCAPPED = {**OPEN, "MOODLE_MCP_MAX_RESULT": "10000000"}
OWN = ["more_results", "confirm", "resolve", "bulk_call", "resume_batch"]
FOR_READS = ["more_results", "resolve", "resume_batch"]
BOTH = pytest.mark.parametrize("era", [ERAS[-2], MODERN])

Environment = Callable[..., dict[str, str]]


def unmarked(value: Any) -> Any:
    """Return the value without the number in its marks, which differs in each process."""
    return json.loads(re.sub(r"moodle-text [0-9a-f]{8}", "moodle-text", json.dumps(value)))


@pytest.mark.parametrize("era", ERAS)
def test_every_revision_of_the_protocol_is_served(environment: Environment, era: str) -> None:
    with serving_stdio(environment(), era) as wire:
        assert "instructions" in wire.greeting["result"]
        names = [tool["name"] for tool in wire.ask("tools/list")["result"]["tools"]]
        own = [*FOR_READS, "download_file"]
        assert names == [*own, *sorted(names[len(own) :])]
        assert "core_course_get_contents" in names
        result = wire.call("core_webservice_get_site_info", {})
        assert result["structuredContent"]["result"]["userid"] == 2
        assert wire.close()[0] == 0


@BOTH
def test_recorded_answers_come_back_as_recorded_and_valid_against_their_schema(era: str) -> None:
    """All of them, among them every read, as this server presents them; what a batch says beside
    them is tested elsewhere.
    """
    replayed = unique(calls(faults=False))
    with (
        serving(Replay(replayed, list(CATALOGUE)).app) as url,
        serving_stdio({**UNCAPPED, "MOODLE_URL": url, "MOODLE_TOKEN": ADMIN_TOKEN}, era) as wire,
    ):
        reply = [
            (exchange, wire.call(tool_name(exchange.function or ""), exchange.params))
            for exchange in sorted(replayed, key=lambda each: each.function != SITE_INFO)
        ]
        tools = wire.ask("tools/list")["result"]["tools"]
    schemas = {tool["name"]: tool["outputSchema"] for tool in tools}
    assert len(schemas) == len({*CATALOGUE, *OWN, "upload_users"})
    presenter = Presenter(PresentationSettings(max_result=None))
    for exchange, result in reply:
        function = CATALOGUE.get(exchange.function or "")
        structured = result["structuredContent"]
        hands_out_keys = function.classification.hands_out_keys
        clean = without_secrets(exchange.json, hands_out_keys=hands_out_keys)
        coerced = {"result": coerce(function, clean).result}
        expected = presenter.present(function, coerced, presenter.view(function, None)).envelope
        assert unmarked(structured["result"]) == unmarked(expected["result"]), exchange.id
        assert json.loads(result["content"][0]["text"]) == structured
        assert bool(result.get("isError")) == bool(structured.get("batch", {}).get("failed"))
        keys = {"result", "notice", "fields", "empty", "time_zone", "not_found"}
        assert function.label == "write" or structured.keys() <= keys
        jsonschema_rs.validate(schemas[tool_name(function.name)], structured)


@BOTH
def test_recorded_faults_come_back_as_errors_without_debuginfo(era: str) -> None:
    """Our argument check comes first, so some calls never reach the site."""
    faults = [each for each in calls(faults=True) if each.function in CATALOGUE]
    faults.sort(key=lambda each: each.function != SITE_INFO)
    seen: dict[str, str] = {}
    with (
        serving(Replay(faults, list(CATALOGUE)).app) as url,
        serving_stdio({**OPEN, "MOODLE_URL": url, "MOODLE_TOKEN": ADMIN_TOKEN}, era) as wire,
    ):
        for exchange in faults:
            # One recorded request for each: isolating would ask for more.
            batching = CATALOGUE.get(exchange.function or "").batching
            once = {"_on_error": "stop"} if batching else {}
            result = wire.call(exchange.function or "", {**exchange.params, **once})
            assert result["isError"], exchange.id
            text = result["content"][0]["text"]
            assert "debuginfo" not in text
            assert "SELECT" not in text
            seen[exchange.id] = result["structuredContent"]["error"]["kind"]
    assert seen == snapshot(
        {
            "setup:bad_token": "invalid_token",
            "setup:token_with_bad_characters": "invalid_token",
            "setup:rest_protocol_disabled": "web_services_off",
            "setup:web_services_disabled": "web_services_off",
            "setup:maintenance": "maintenance",
            "setup:service_disabled": "access_denied",
            "setup:user_not_authorised_in_restricted_service": "access_denied",
            "setup:token_ip_restricted": "access_denied",
            "setup:user_suspended": "account_blocked",
            "setup:user_nologin": "account_blocked",
            "setup:user_deleted": "account_blocked",
            "setup:user_not_confirmed": "account_blocked",
            "setup:http_url_on_wrong_host": "wrong_address",
            "setup:function_not_in_service": "access_denied",
            "params:missing_required": "invalid_arguments",
            "params:wrong_type": "invalid_arguments",
            "params:unexpected_key": "invalid_arguments",
            "params:scalar_for_list": "invalid_arguments",
            "params:list_for_scalar": "invalid_arguments",
            "params:nested_missing": "invalid_arguments",
            "params:nested_wrong_type": "invalid_arguments",
            "params:bad_enum": "invalid_arguments",
            "params:bad_alpha": "invalid_arguments",
            "params:bool_as_word": "invalid_arguments",
            "params:empty_list": "invalid_arguments",
            "params:course_missing": "not_found",
            "params:user_missing": "not_found",
            "params:no_permission": "no_permission",
            "params:not_enrolled": "no_permission",
            "params:duplicate_username": "invalid_parameter",
            "params:weak_password": "invalid_parameter",
            "params:duplicate_shortname": "conflict",
            "params_debug:missing_required": "invalid_arguments",
            "params_debug:wrong_type": "invalid_arguments",
            "params_debug:unexpected_key": "invalid_arguments",
            "params_debug:scalar_for_list": "invalid_arguments",
            "params_debug:list_for_scalar": "invalid_arguments",
            "params_debug:nested_missing": "invalid_arguments",
            "params_debug:nested_wrong_type": "invalid_arguments",
            "params_debug:bad_enum": "invalid_arguments",
            "params_debug:bad_alpha": "invalid_arguments",
            "params_debug:bool_as_word": "invalid_arguments",
            "params_debug:empty_list": "invalid_arguments",
            "params_debug:course_missing": "not_found",
            "params_debug:user_missing": "not_found",
            "params_debug:no_permission": "no_permission",
            "params_debug:not_enrolled": "no_permission",
            "params_debug:duplicate_username": "invalid_parameter",
            "params_debug:weak_password": "invalid_parameter",
            "params_debug:duplicate_shortname": "conflict",
            "params_debug:debugdisplay_on_error": "not_found",
            "atomicity:create_users_2nd_bad": "invalid_parameter",
            "atomicity:enrol_2nd_bad": "not_found",
            "atomicity:create_courses_2nd_bad": "conflict",
            "atomicity:groups_create_2nd_dup": "invalid_parameter",
            "atomicity:cohorts_create_dup": "invalid_parameter",
            "atomicity:messages_partial": "invalid_parameter",
            "atomicity:events_create": "not_found",
            "atomicity:delete_users_some_missing": "not_found",
        }
    )


@BOTH
def test_unknown_tools_are_a_protocol_error_and_withheld_ones_a_result(
    environment: Environment, era: str
) -> None:
    with serving_stdio(environment(), era) as wire:
        unknown = wire.ask("tools/call", {"name": "core_course_get_content", "arguments": {}})
        assert unknown["error"] == snapshot(
            {
                "code": -32602,
                "message": "Unknown tool: core_course_get_content; did you mean core_course_get_contents or core_course_get_course_module or core_course_search_courses?",
            }
        )
        withheld = wire.call("core_course_delete_courses", {"courseids": [2]})
        assert withheld["isError"]
        assert withheld["structuredContent"]["error"] == snapshot(
            {
                "kind": "not_allowed",
                "message": "core_course_delete_courses is withheld by the operator: not in MOODLE_MCP_TOOLS.",
                "hint": "The operator of this server has not allowed this function. Use another tool, or ask the operator to add it to MOODLE_MCP_TOOLS (and to raise MOODLE_MCP_ACCESS for writes).",
                "function": "core_course_delete_courses",
                "retryable": False,
                "written": "nothing",
            }
        )


@BOTH
def test_a_lone_surrogate_from_the_site_does_not_end_the_process(
    demo: Demo, environment: Environment, era: str
) -> None:
    demo.site.faults.append(
        InjectedFault.answer(
            b'[{"id":1,"name":"half \\ud83d"}]', function="core_group_get_course_groups"
        )
    )
    with serving_stdio(environment(), era) as wire:
        result = wire.call("core_group_get_course_groups", {"courseid": 2})
        assert result["structuredContent"]["result"] == [{"id": 1, "name": "half \ufffd"}]
        assert not wire.call("core_webservice_get_site_info", {}).get("isError")


@BOTH
def test_an_unreachable_site_gives_the_whole_allowlist_and_errors(era: str) -> None:
    environment = {"MOODLE_URL": "http://127.0.0.1:9", "MOODLE_TOKEN": ADMIN_TOKEN}
    with serving_stdio(environment, era) as wire:
        listed = {tool["name"] for tool in wire.ask("tools/list")["result"]["tools"]}
        assert listed == {*map(tool_name, profile("default")), *FOR_READS}
        result = wire.call("core_enrol_get_users_courses", {"userid": True})
        assert result["structuredContent"]["error"]["kind"] == "invalid_arguments"


def test_tools_are_the_allowlist_that_the_tokens_service_offers(
    demo: Demo, environment: Environment
) -> None:
    with serving_stdio(environment(MOODLE_TOKEN=SMALL_TOKEN)) as wire:
        tools = wire.ask("tools/list")["result"]["tools"]
        names = [tool["name"] for tool in tools]
        assert names == ["more_results", "download_file", "core_webservice_get_site_info"]
    # The site was asked once, and only when the list was wanted.
    assert [received.function for received in demo.site.requests] == [
        "core_webservice_get_site_info"
    ]


def test_initialize_does_not_wait_for_the_site(demo: Demo, environment: Environment) -> None:
    with serving_stdio(environment()) as wire:
        assert wire.greeting["result"]["serverInfo"]["version"] == __version__
        assert demo.site.requests == []


def test_the_token_is_in_no_line_of_output_or_log(demo: Demo, environment: Environment) -> None:
    echo = f"<html>{ADMIN_TOKEN}</html>".encode()
    demo.site.faults.append(InjectedFault.answer(echo, function="core_course_get_categories"))
    with serving_stdio(environment(MOODLE_MCP_LOG_LEVEL="debug")) as wire:
        text = json.dumps(wire.ask("tools/list"))
        text += json.dumps(wire.call("core_course_get_categories", {}))
        text += json.dumps(wire.call("core_webservice_get_site_info", {}))
        status, log = wire.close()
    assert status == 0
    assert ADMIN_TOKEN not in text + log


def test_garbage_on_the_input_is_survived(environment: Environment) -> None:
    with serving_stdio(environment()) as wire:
        for garbage in (b"not json", b"[]", b'{"jsonrpc":"2.0"}', b"\xff\xfe", b"", b"[1,2]"):
            wire.send(garbage)
        assert not wire.call("core_webservice_get_site_info", {}).get("isError")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=str)
def test_a_signal_ends_the_process_cleanly(environment: Environment, number: int) -> None:
    with serving_stdio(environment()) as wire:
        wire.process.send_signal(number)
        assert wire.process.wait(timeout=20) == 0


@BOTH
def test_cancelling_a_read_frees_the_server(demo: Demo, environment: Environment, era: str) -> None:
    demo.site.faults.append(InjectedFault.hang(function="core_course_get_categories"))
    with serving_stdio(environment(), era) as wire:
        wire.ask("tools/list")
        hanging = wire.request(
            "tools/call", {"name": "core_course_get_categories", "arguments": {}}
        )
        wire.send(
            {
                "jsonrpc": "2.0",
                "method": "notifications/cancelled",
                "params": {"requestId": hanging},
            }
        )
        assert not wire.call("core_webservice_get_site_info", {}).get("isError")


@BOTH
def test_progress_is_reported_when_a_call_waits_to_repeat(
    demo: Demo, environment: Environment, era: str
) -> None:
    demo.site.faults.append(
        InjectedFault.status(503, retry_after=0, function="core_group_get_course_groups")
    )
    with serving_stdio(environment(), era) as wire:
        params: dict[str, Any] = {
            "name": "core_group_get_course_groups",
            "arguments": {"courseid": 2},
            "_meta": {"progressToken": "p"},
        }
        assert not wire.ask("tools/call", params)["result"].get("isError")
        progress = [each["params"] for each in wire.notifications]
        assert progress == snapshot(
            [
                {
                    "progressToken": "p",
                    "progress": 0.001,
                    "message": "The site answered with status 503. Trying again in 0.0 s.",
                }
            ]
        )


def unique(exchanges: list[Exchange]) -> list[Exchange]:
    """One exchange for each request: the last one recorded for the same fields."""
    return list({(each.function, json.dumps(each.params)): each for each in exchanges}.values())


def test_a_byte_order_mark_before_the_first_message_is_passed_over(
    environment: Environment,
) -> None:
    with serving_stdio(environment()) as wire:
        wire.send(b'\xef\xbb\xbf{"jsonrpc": "2.0", "id": "first", "method": "ping"}')
        assert wire.read() == {"jsonrpc": "2.0", "id": "first", "result": {}}


@pytest.mark.parametrize(
    ("codec", "said"),
    [
        ("utf-16", "the line is UTF-16, which"),
        ("cp1252", "the line is not UTF-8 (byte 27, in line 1); messages must be UTF-8"),
    ],
)
def test_a_message_in_another_encoding_is_answered_with_its_name(
    environment: Environment, codec: str, said: str
) -> None:
    with serving_stdio(environment(), MODERN) as wire:
        wire.send('{"jsonrpc": "2.0", "id": "\xfc", "method": "ping"}'.encode(codec))
        assert said in wire.read()["error"]["message"]


def test_a_byte_order_mark_is_passed_over_where_a_file_is_the_input(
    environment: Environment, tmp_path: Path
) -> None:
    client = {"name": "test", "version": "1"}
    params = {"protocolVersion": ERAS[0], "capabilities": {}, "clientInfo": client}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    lines = tmp_path / "lines"
    lines.write_text(f"{json.dumps(message)}\n", encoding="utf-8-sig")
    kept = {name: value for name, value in os.environ.items() if "MOODLE" not in name}
    with lines.open("rb") as source:
        done = subprocess.run(
            [sys.executable, "-m", "moodle_mcp"],
            env={**kept, **environment()}, stdin=source, capture_output=True, check=True,
        )  # fmt: skip
    assert json.loads(done.stdout)["id"] == 1
