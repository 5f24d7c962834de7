"""How many requests of a client run at once, how many wait, and when one is refused."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from mcp import MCPError
from mcp.server import ServerRequestContext
from starlette.requests import Request

from moodle_mcp.server.concurrency import Turns
from moodle_mcp.server.elicitation import MODERN

pytestmark = pytest.mark.anyio


def context(
    method: str, session: str | None = None, version: str = "2025-11-25"
) -> ServerRequestContext[Any]:
    headers = [] if session is None else [(b"mcp-session-id", session.encode())]
    request = Request({"type": "http", "headers": headers}) if session else None
    fields: dict[str, Any] = {"session": None, "lifespan_context": None, "request": request}
    return ServerRequestContext(**fields, protocol_version=version, method=method, request_id=1)


async def test_requests_wait_for_their_turn_and_too_many_are_refused() -> None:
    turns, go_on = Turns(at_once=2, waiting=1), anyio.Event()
    most = under_way = 0

    async def call(_: Any) -> None:
        nonlocal most, under_way
        under_way += 1
        most = max(most, under_way)
        await go_on.wait()
        under_way -= 1

    async def answer(_: Any) -> dict[str, Any]:
        return {}

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(turns, context("tools/call"), call)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(MCPError, match="Nothing was done: 3 requests are under way"):
            await turns(context("tools/call"), answer)
        # Another client, and what must always be answered.
        assert await turns(context("tools/call", "another"), answer) == {}
        assert await turns(context("ping"), answer) == {}
        go_on.set()
    assert most == 2
    assert await turns(context("tools/call"), answer) == {}


async def test_no_turns_are_won_with_a_session_that_does_not_exist() -> None:
    turns, go_on = Turns(at_once=1, waiting=0), anyio.Event()

    async def call(_: Any) -> None:
        await go_on.wait()

    async def answer(_: Any) -> dict[str, Any]:
        return {}

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(turns, context("tools/call", "made up", MODERN), call)
        await anyio.wait_all_tasks_blocked()
        try:
            with pytest.raises(MCPError, match="Nothing was done: 1 requests are under way"):
                await turns(context("tools/call", "another", MODERN), answer)
        finally:
            go_on.set()


async def test_who_sends_many_at_once_waits_and_nobody_else_does() -> None:
    begun: list[str] = []

    def client_of(ctx: ServerRequestContext[Any, Any]) -> str:
        assert ctx.request is not None
        return ctx.request.headers["mcp-session-id"]

    async def call(ctx: Any) -> dict[str, Any]:
        begun.append(client_of(ctx))
        return {}

    turns = Turns(at_once=100, client_of=client_of, rate=0.001)
    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(turns, context("tools/call", "greedy"), call)
        await anyio.wait_all_tasks_blocked()
        # What the burst allows; the others would go on in the next quarters of an hour.
        assert begun == ["greedy"]
        await turns(context("tools/call", "another"), call)
        assert begun == ["greedy", "another"]
        tasks.cancel_scope.cancel()
