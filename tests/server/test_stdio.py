"""The server as a client runs it: a process, its pipes, every revision of the protocol."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest
from inline_snapshot import snapshot

from moodle_mcp import __version__
from moodle_mcp.catalogue.fit import fit
from moodle_mcp.catalogue.naming import tool_name
from moodle_mcp.catalogue.store import load
from moodle_mcp.demo import ADMIN_TOKEN, Fault, serving
from tests.conftest import Demo
from tests.recordings import Exchange, calls
from tests.replay import Replay
from tests.server.wire import ERAS, MODERN, serving_stdio

CATALOGUE = load()
OPEN = {"MOODLE_MCP_TOOLS": "all", "MOODLE_MCP_ACCESS": "destructive"}
BOTH = pytest.mark.parametrize("era", [ERAS[-2], MODERN])

Environment = Callable[..., dict[str, str]]


@pytest.mark.parametrize("era", ERAS)
def test_every_revision_of_the_protocol_is_served(environment: Environment, era: str) -> None:
    with serving_stdio(environment(), era) as wire:
        assert "instructions" in wire.greeting["result"]
        names = [tool["name"] for tool in wire.ask("tools/list")["result"]["tools"]]
        assert names == sorted(names)
        assert "core_course_get_contents" in names
        result = wire.call("core_webservice_get_site_info", {})
        assert result["structuredContent"]["result"]["username"] == "admin"
        assert wire.close()[0] == 0


@BOTH
def test_recorded_reads_come_back_as_recorded_and_valid_against_their_schema(era: str) -> None:
    replayed = unique(calls(faults=False))
    with (
        serving(Replay(replayed, list(CATALOGUE)).app) as url,
        serving_stdio({**OPEN, "MOODLE_URL": url, "MOODLE_TOKEN": ADMIN_TOKEN}, era) as wire,
    ):
        tools = wire.ask("tools/list")["result"]["tools"]
        schemas = {tool["name"]: tool["outputSchema"] for tool in tools}
        assert len(schemas) == len(CATALOGUE)
        for exchange in replayed:
            assert exchange.function is not None
            name = tool_name(exchange.function)
            result = wire.call(name, exchange.params)
            expected = fit(CATALOGUE.get(exchange.function), exchange.json).result
            assert result["structuredContent"] == {"result": expected}, exchange.id
            assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
            assert not result.get("isError")
            jsonschema_rs.validate(schemas[name], result["structuredContent"])


@BOTH
def test_recorded_faults_come_back_as_errors_without_debuginfo(era: str) -> None:
    """Those whose arguments our own check lets pass; the others never reach the site."""
    seen: dict[str, str] = {}
    for exchange in calls(faults=True):
        assert exchange.function is not None
        with serving(Replay([exchange], list(CATALOGUE)).app) as url:
            environment = {**OPEN, "MOODLE_URL": url, "MOODLE_TOKEN": ADMIN_TOKEN}
            if exchange.function in CATALOGUE:
                with serving_stdio(environment, era) as wire:
                    result = wire.call(exchange.function, exchange.params)
                    assert result["isError"], exchange.id
                    text = result["content"][0]["text"]
                    assert "debuginfo" not in text
                    assert "SELECT" not in text
                    seen[exchange.id] = result["structuredContent"]["error"]["kind"]
    assert seen == snapshot()


@BOTH
def test_unknown_tools_are_a_protocol_error_and_withheld_ones_a_result(
    environment: Environment, era: str
) -> None:
    with serving_stdio(environment(), era) as wire:
        unknown = wire.ask("tools/call", {"name": "core_course_get_content", "arguments": {}})
        assert unknown["error"] == snapshot()
        withheld = wire.call("core_course_delete_courses", {"courseids": [2]})
        assert withheld["isError"]
        assert withheld["structuredContent"]["error"] == snapshot()


@BOTH
def test_a_lone_surrogate_from_the_site_does_not_end_the_process(
    demo: Demo, environment: Environment, era: str
) -> None:
    demo.site.faults.append(
        Fault.answer(b'[{"id":1,"name":"half \\ud83d"}]', function="core_course_get_categories")
    )
    with serving_stdio(environment(), era) as wire:
        result = wire.call("core_course_get_categories", {})
        assert result["structuredContent"] == {"result": [{"id": 1, "name": "half \ufffd"}]}
        assert not wire.call("core_webservice_get_site_info", {}).get("isError")


@BOTH
def test_an_unreachable_site_gives_the_whole_whitelist_and_errors(era: str) -> None:
    environment = {"MOODLE_URL": "http://127.0.0.1:9", "MOODLE_TOKEN": ADMIN_TOKEN}
    with serving_stdio(environment, era) as wire:
        assert len(wire.ask("tools/list")["result"]["tools"]) == 36
        result = wire.call("core_enrol_get_users_courses", {"userid": True})
        assert result["structuredContent"]["error"]["kind"] == "invalid_arguments"


def test_tools_are_the_whitelist_that_the_tokens_service_offers(
    demo: Demo, environment: Environment
) -> None:
    from moodle_mcp.demo import SMALL_TOKEN

    with serving_stdio(environment(MOODLE_TOKEN=SMALL_TOKEN)) as wire:
        tools = wire.ask("tools/list")["result"]["tools"]
        assert [tool["name"] for tool in tools] == ["core_webservice_get_site_info"]
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
    demo.site.faults.append(Fault.answer(echo, function="core_course_get_categories"))
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_a_signal_ends_the_process_cleanly(environment: Environment, number: int) -> None:
    with serving_stdio(environment()) as wire:
        wire.process.send_signal(number)
        assert wire.process.wait(timeout=20) == 0


@BOTH
def test_cancelling_a_read_frees_the_server(demo: Demo, environment: Environment, era: str) -> None:
    demo.site.faults.append(Fault.hang(function="core_course_get_categories"))
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
    demo.site.faults.append(Fault.status(503, retry_after=0, function="core_course_get_categories"))
    with serving_stdio(environment(), era) as wire:
        params: dict[str, Any] = {
            "name": "core_course_get_categories",
            "arguments": {},
            "_meta": {"progressToken": "p"},
        }
        assert not wire.ask("tools/call", params)["result"].get("isError")
        progress = [each["params"] for each in wire.notifications]
        assert progress == snapshot()


def unique(exchanges: list[Exchange]) -> list[Exchange]:
    """One exchange for each request: the last one recorded for the same fields."""
    return list({(each.function, json.dumps(each.params)): each for each in exchanges}.values())
