"""Limits on what a client may send: values, bytes, sessions, connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import anyio
import httpx2
import pytest
import uvicorn
from inline_snapshot import snapshot
from mcp_types import INVALID_REQUEST, ErrorData, JSONRPCError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from moodle_mcp.server.transports import bodies as bodies_module
from moodle_mcp.server.transports.bodies import MAX_BODY, Bodies
from moodle_mcp.server.transports.connections import MAX_HEAD, Connection
from moodle_mcp.server.transports.jsonrpc_lines import MAX_VALUES, UnreadableError, parse_line
from tests.support.http_server import ping, serving_http

pytestmark = pytest.mark.anyio

Environment = Callable[..., dict[str, str]]
MANY = b"[" + b"1," * MAX_VALUES + b"1]"


@pytest.mark.parametrize(
    ("line", "number"),
    [
        (b'{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"a":%s}}', 5),
        (b'{"id": "x" , "jsonrpc":"2.0","method":"tools/call","params":{"a":%s}}', "x"),
        (b'{"method":"tools/call","params":{"a":%s},"jsonrpc":"2.0","id":"x"}', "x"),
        (b'{"method":"tools/call","params":{"a":%s}, "id": 7, "jsonrpc":"2.0"}\n', 7),
        (b'{"method":"tools/call","params":{"a":%s,"id":7}}', None),
        (b'{"params":{"id":7,"a":%s},"method":"tools/call"}', None),
    ],
)
def test_a_message_of_too_many_values_is_refused_under_its_id(line: bytes, number: Any) -> None:
    with pytest.raises(UnreadableError) as refused:
        parse_line(line % MANY)
    reply = refused.value.reply
    assert reply is not None
    assert reply.id == number
    assert reply.error.message == snapshot(
        "Nothing was done: a message may have 100,000 values; pass fewer items in one call."
    )


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


def app_of(body_time: float = 20.0) -> Bodies:
    return Bodies(Starlette(routes=[Route("/", echo, methods=["POST"])]), body_time)


async def reply(
    app: Bodies, body: Any, headers: Mapping[str, str] | None = None
) -> tuple[int, str]:
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://x") as client:
        response = await client.post("/", content=body, headers=headers)
        return response.status_code, response.text


async def test_a_body_is_passed_on_or_refused() -> None:
    app = app_of()
    assert await reply(app, b"x" * MAX_BODY) == (200, str(MAX_BODY))
    assert await reply(app, b"x" * (MAX_BODY + 1)) == snapshot(
        (413, "A request may have at most 4,194,304 bytes.\n")
    )
    status, text = await reply(app, b'{"jsonrpc":"2.0","id":3,"a":' + MANY + b"}")
    assert (status, json.loads(text)) == snapshot(
        (
            413,
            {
                "jsonrpc": "2.0",
                "id": 3,
                "error": {
                    "code": -32600,
                    "message": "Nothing was done: a message may have 100,000 values; pass fewer items in one call.",
                    "data": None,
                },
            },
        )
    )


@pytest.mark.parametrize("number", ["null", "1.0", "true", "[1]", "{}", "1e3"])
async def test_a_request_whose_id_can_not_be_answered_is_refused(number: str) -> None:
    request = '{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"id":%s}}'
    status, text = await reply(app_of(), request % (number, number))
    assert (status, json.loads(text)["error"]["code"]) == (400, -32600)
    assert (await reply(app_of(), request % (7, number)))[0] == 200
    assert (await reply(app_of(), request % ('"x"', number)))[0] == 200


async def test_a_request_whose_id_is_under_way_is_refused() -> None:
    arrived, go_on = anyio.Event(), anyio.Event()

    async def hold(request: Request) -> PlainTextResponse:
        if b"first" in await request.body():
            arrived.set()
            await go_on.wait()
        return PlainTextResponse("done")

    app = Bodies(Starlette(routes=[Route("/", hold, methods=["POST"])]))
    request = b'{"jsonrpc":"2.0","id":%b,"method":"%b"}'
    one = {"Mcp-Session-Id": "one"}
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reply, app, request % (b"7", b"first"), one)
        await arrived.wait()
        for number in (b"7", b'"7"'):
            status, text = await reply(app, request % (number, b"second"), one)
            assert (status, json.loads(text)["error"]["message"]) == snapshot(
                (400, "Nothing was done: a request with this id is under way in this session.")
            )
        for number, headers in ((b"8", one), (b"7", {"Mcp-Session-Id": "two"}), (b"7", {})):
            assert await reply(app, request % (number, b"second"), headers) == (200, "done")
        answer = b'{"jsonrpc":"2.0","id":7,"result":{}}'
        assert await reply(app, answer, one) == (200, "done")
        go_on.set()
    assert await reply(app, request % (b"7", b"second"), one) == (200, "done")


@pytest.mark.parametrize(
    "answer", ['"result":[]', '"result":"yes"', '"result":null', '"error":"no"', '"error":{}']
)
async def test_an_answer_that_can_not_be_read_reaches_the_call_as_an_error(answer: str) -> None:
    line = f'{{"jsonrpc":"2.0","id":3,{answer}}}'.encode()
    expected = JSONRPCError(
        jsonrpc="2.0",
        id=3,
        error=ErrorData(
            code=INVALID_REQUEST, message="Nothing was done: the answer can't be read."
        ),
    )
    assert parse_line(line) == expected

    async def body(request: Request) -> PlainTextResponse:
        return PlainTextResponse((await request.body()).decode())

    app = Bodies(Starlette(routes=[Route("/", body, methods=["POST"])]))
    assert JSONRPCError.model_validate_json((await reply(app, line))[1]) == expected


async def test_a_body_that_does_not_come_is_refused() -> None:
    async def slow(_: Any = None) -> Any:
        await anyio.sleep_forever()

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await app_of(body_time=0)({"type": "http", "method": "POST", "path": "/"}, slow, send)
    assert sent[0]["status"] == 408


async def test_a_body_whose_client_has_gone_before_its_end_is_not_passed_on() -> None:
    came = [
        {"type": "http.request", "body": b"{}", "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return came.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await app_of()({"type": "http", "method": "POST", "path": "/"}, receive, send)
    assert sent[0]["status"] == 400


async def test_bodies_of_all_requests_are_bounded_together(monkeypatch: Any) -> None:
    monkeypatch.setattr(bodies_module, "MAX_HELD", 100)
    arrived, go_on = anyio.Event(), anyio.Event()

    async def hold(request: Request) -> PlainTextResponse:
        arrived.set()
        await go_on.wait()
        return PlainTextResponse("held")

    app = Bodies(Starlette(routes=[Route("/", hold, methods=["POST"])]))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reply, app, b"x" * 80)
        await arrived.wait()
        assert (await reply(app, b"x" * 30))[0] == 503
        go_on.set()
    assert (await reply(app, b"x" * 30))[0] == 200


class Few(Connection):
    """Connections with limits that a test can reach."""

    max_connections = 3


class Impatient(Connection):
    """Connections that wait for no request."""

    head_time = 0.0


async def served(protocol: type[Connection]) -> tuple[uvicorn.Server, asyncio.Task[None], int]:
    config = uvicorn.Config(
        Starlette(routes=[Route("/", echo, methods=["POST"])]),
        port=0,
        http=protocol,
        h11_max_incomplete_event_size=MAX_HEAD,
        lifespan="off",
        log_config=None,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await anyio.lowlevel.checkpoint()
    return server, task, server.servers[0].sockets[0].getsockname()[1]


POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok"


async def test_the_connection_that_waited_longest_makes_room() -> None:
    server, task, port = await served(Few)
    opened = [await anyio.connect_tcp("127.0.0.1", port) for _ in range(3)]
    await opened[0].send(POST)
    assert b"200 OK" in await opened[0].receive()
    # It has just been of use; the other two have sent nothing yet.
    opened.append(await anyio.connect_tcp("127.0.0.1", port))
    with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
        await opened[1].receive()
    for stream in (opened[0], opened[2], opened[3]):
        await stream.send(POST)
        assert b"200 OK" in await stream.receive()
    server.should_exit = True
    for stream in opened:
        await stream.aclose()
    await task


async def test_headers_that_do_not_come_end_the_connection() -> None:
    server, task, port = await served(Impatient)
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(POST[:20])
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await stream.receive()
    server.should_exit = True
    await task


async def test_sessions_are_bounded_and_refused_requests_have_none(
    environment: Environment, monkeypatch: Any
) -> None:
    with serving_http(environment()) as served:
        async with httpx2.AsyncClient(trust_env=False) as client:
            for _ in range(210):
                refused = await client.post(served.url, **ping(Host="moodle.example"))
                assert refused.status_code == 421
            statuses = [(await client.post(served.url, **ping())).status_code for _ in range(201)]
    assert statuses == [200] * 200 + [503]
