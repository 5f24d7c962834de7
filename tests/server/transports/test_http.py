"""The server over streamable HTTP: a process on a loopback port, older and newer clients."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import httpx2
import mcp_types as types
import pytest
import uvicorn
from inline_snapshot import snapshot
from mcp import Client
from sse_starlette.sse import (
    AppStatus,
    _get_uvicorn_server,  # pyright: ignore[reportPrivateUsage]
)
from starlette.applications import Starlette

from moodle_mcp.demo import ADMIN_TOKEN, Hold, InjectedFault
from moodle_mcp.errors import SettingsError
from moodle_mcp.policy.allowlist import profile
from moodle_mcp.server.transports.bodies import MAX_BODY
from moodle_mcp.server.transports.http import HttpServer, Listener, asgi
from moodle_mcp.service.audit import Audit
from tests.support.demo import Demo
from tests.support.http_server import ping, serving_http

pytestmark = pytest.mark.anyio

BOTH = pytest.mark.parametrize("mode", ["legacy", "auto"])
SITE_INFO = "core_webservice_get_site_info"
DELETE = "core_course_delete_courses"
CREATE = "core_course_create_categories"

Environment = Callable[..., dict[str, str]]


async def no_longer_listening(url: str) -> None:
    """Wait until the server accepts no more connections."""
    port = httpx2.URL(url).port
    assert port is not None
    with anyio.fail_after(20):
        while True:
            try:
                stream = await anyio.connect_tcp("127.0.0.1", port)
            except OSError:
                return
            await stream.aclose()


@BOTH
async def test_both_generations_of_clients_list_and_call(
    environment: Environment, mode: Any
) -> None:
    with serving_http(environment()) as served:
        async with Client(served.url, mode=mode) as client:
            assert len((await client.list_tools()).tools) == len(profile("default")) + 3
            result = await client.call_tool(SITE_INFO, {})
            assert result.structured_content is not None
            assert result.structured_content["result"]["userid"] == 2
        assert served.end() == (0, "")


async def test_the_ipv6_loopback_is_served_too(environment: Environment) -> None:
    with serving_http(environment(), "[::1]:0") as served:
        assert served.url.startswith("http://[::1]:")
        async with Client(served.url) as client:
            assert not (await client.call_tool(SITE_INFO, {})).is_error


@BOTH
async def test_a_person_is_asked_before_a_destructive_call(
    demo: Demo, environment: Environment, mode: Any
) -> None:
    questions: list[str] = []

    async def agree(context: Any, params: Any) -> types.ElicitResult:
        questions.append(params.message)
        return types.ElicitResult(action="accept", content={"confirm": True})

    settings = environment(MOODLE_MCP_TOOLS=DELETE, MOODLE_MCP_ACCESS="destructive")
    with serving_http(settings) as served:
        async with Client(served.url, mode=mode, elicitation_callback=agree) as client:
            assert not (await client.call_tool(DELETE, {"courseids": [2]})).is_error
    assert len(questions) == 1
    assert demo.calls_of(DELETE) == 1


@BOTH
async def test_progress_reaches_the_client(demo: Demo, environment: Environment, mode: Any) -> None:
    told: list[str | None] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        told.append(message)

    with serving_http(environment(MOODLE_MCP_TOOLS=SITE_INFO)) as served:
        async with Client(served.url, mode=mode) as client:
            # The first question about the site is the server's own.
            await client.list_tools()
            demo.site.faults.append(InjectedFault.status(503, retry_after=0, function=SITE_INFO))
            await client.call_tool(SITE_INFO, {}, progress_callback=on_progress)
    assert told == ["The site answered with status 503. Trying again in 0.0 s."]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:{port}"}, 200),
        ({"Origin": "http://127.0.0.1:{port}"}, 200),
        ({"Host": "moodle.example:{port}"}, 421),
        ({"Host": "127.0.0.1.moodle.example:{port}"}, 421),
        ({"Origin": "https://moodle.example"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 400),
    ],
    ids=str,
)
def test_only_what_a_client_on_this_machine_would_send_is_answered(
    environment: Environment, headers: dict[str, str], status: int
) -> None:
    with serving_http(environment()) as served:
        port = str(httpx2.URL(served.url).port)
        filled = {name: value.format(port=port) for name, value in headers.items()}
        answer = httpx2.post(served.url, **ping(**filled), trust_env=False)
        assert answer.status_code == status
        modern = {**filled, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "initialize"}
        if status != 200:
            answer = httpx2.post(served.url, **ping(**modern), trust_env=False)
            assert answer.status_code == status
        assert "access-control-allow-origin" not in answer.headers


def test_a_body_over_the_limit_is_refused(environment: Environment) -> None:
    with serving_http(environment()) as served:
        request = ping()
        request["json"]["params"]["clientInfo"]["name"] = "x" * MAX_BODY
        assert httpx2.post(served.url, **request, trust_env=False).status_code == 413


def test_there_is_no_stream_to_open_and_no_other_path(environment: Environment) -> None:
    with serving_http(environment()) as served:
        assert httpx2.get(served.url, trust_env=False).status_code == 405
        assert httpx2.get(served.url.removesuffix("/mcp"), trust_env=False).status_code == 404


@BOTH
async def test_a_call_under_way_is_answered_before_the_end(
    demo: Demo, environment: Environment, mode: Any
) -> None:
    name, hold = "core_course_get_categories", Hold()
    results: list[types.CallToolResult] = []
    with serving_http(environment(MOODLE_MCP_TOOLS=f"{name},{SITE_INFO}")) as served:
        async with Client(served.url, mode=mode) as client:
            await client.list_tools()
            demo.site.faults.append(InjectedFault.hang(hold, function=name))

            async def call() -> None:
                results.append(await client.call_tool(name, {}))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call)
                await hold.arrived()
                served.process.send_signal(signal.SIGTERM)
                await no_longer_listening(served.url)
                hold.release()
        assert served.process.wait(30) == 0
    assert [result.is_error for result in results] == [False]


async def test_a_call_that_outlasts_the_serving_is_recorded(demo: Demo, tmp_path: Path) -> None:
    hold, record = Hold(), tmp_path / "record"
    demo.site.faults.append(InjectedFault.hang(hold, function=CREATE))
    server = demo.server(audit=Audit(str(record)))
    with Listener.of("0") as listener:
        app = asgi(server, listener)
        async with anyio.create_task_group() as tasks:
            async with app.router.lifespan_context(app):
                tasks.start_soon(create, app, listener)
                await hold.arrived()
                hold.release()
            assert record.read_text().count(CREATE) == 1


async def create(app: Starlette, listener: Listener) -> None:
    """Call a function that writes, in the protocol without sessions."""
    meta: dict[str, Any] = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    arguments = {"categories": [{"name": "Late"}]}
    request = ping(
        **{"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": CREATE}
    )
    request["json"]["method"] = "tools/call"
    request["json"]["params"] = {"name": CREATE, "arguments": arguments, "_meta": meta}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as client:
        await client.post(listener.url, **request)


def test_a_signal_does_not_cut_off_answers_under_way() -> None:
    """sse-starlette's signal handler would end them half a second later."""
    server = HttpServer(uvicorn.Config(Starlette()))
    server.handle_exit(signal.SIGTERM, None)
    assert (server.should_exit, server.force_exit, AppStatus.should_exit) == (True, False, False)
    server.handle_exit(signal.SIGINT, None)
    assert (server.should_exit, server.force_exit, AppStatus.should_exit) == (True, True, False)


def test_nobody_finds_the_server_by_the_signals_handler() -> None:
    """sse-starlette looks there for a server that ends, and cuts off its answers under way."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    server = HttpServer(uvicorn.Config(Starlette()))
    try:
        server.take_signals()
        assert _get_uvicorn_server() is None
        signal.raise_signal(signal.SIGTERM)
        assert server.should_exit
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
async def test_a_signal_ends_the_process_though_a_client_is_connected(
    environment: Environment, number: int
) -> None:
    with serving_http(environment()) as served:
        async with Client(served.url, mode="legacy") as client:
            await client.list_tools()
            served.process.send_signal(number)
            assert await anyio.to_thread.run_sync(served.process.wait, 30) == 0


async def test_the_token_is_in_no_answer_and_no_log(demo: Demo, environment: Environment) -> None:
    name = "core_course_get_categories"
    demo.site.faults.append(InjectedFault.answer(f"<b>{ADMIN_TOKEN}</b>".encode(), function=name))
    with serving_http(environment(MOODLE_MCP_LOG_LEVEL="debug")) as served:
        # What is logged is read when all is over: it fits the pipe.
        async with Client(served.url) as client:
            text = (await client.list_tools()).model_dump_json()
            text += (await client.call_tool(name, {})).model_dump_json()
        status, log = served.end()
    assert status == 0
    assert ADMIN_TOKEN not in text + log


@pytest.mark.parametrize(
    "listen",
    ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "moodle.example:0", "", "x", "99999", "::1:0", "-1"],
)
def test_no_other_address_than_a_loopback_one_is_listened_on(listen: str) -> None:
    with pytest.raises(SettingsError, match=r"^--http: "):
        Listener.of(listen)


def test_a_port_that_is_taken_stops_the_start_with_one_line(environment: Environment) -> None:
    with Listener.of("0") as taken:
        done = subprocess.run(
            [sys.executable, "-m", "moodle_mcp", "serve", "--http", str(taken.port)],
            env={**os.environ, **environment()},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert done.stderr.replace(str(taken.port), "PORT") == snapshot(
            "moodle-mcp: --http: can't listen on PORT: [Errno 98] Address already in use\n"
        )
