"""The fixtures of the conformance suite, and the message if it can't run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mcp_types as types
import pytest
from inline_snapshot import snapshot
from mcp import Client
from mcp.server import Server

from moodle_mcp.demo import serving
from tools.conformance import __main__ as conformance
from tools.conformance.node import NodeMissingError
from tools.conformance.offered import offer
from tools.conformance.server import fixture_server
from tools.conformance.site import FixtureSite

pytestmark = pytest.mark.anyio


@pytest.fixture
def server() -> Iterator[Server[Any]]:
    with serving(FixtureSite().app) as url:
        yield fixture_server(url)


async def test_a_fixture_is_answered_by_the_site_through_the_servers_own_way(
    server: Server[Any],
) -> None:
    async with Client(server) as client:
        result = await client.call_tool("test_image_content", {})
        assert result.structured_content is not None
        assert result.structured_content["result"] == "test_image_content was called."
        assert [block.type for block in result.content] == snapshot(["text", "image"])
        wrong = await client.call_tool("test_image_content", {"size": 1})
        assert wrong.structured_content is not None
        assert wrong.structured_content["error"]["kind"] == "invalid_arguments"


async def test_a_fixture_that_the_site_refuses_is_an_error_of_the_servers_kind(
    server: Server[Any],
) -> None:
    async with Client(server) as client:
        result = await client.call_tool("test_error_handling", {})
    assert result.is_error
    assert result.structured_content is not None
    assert result.structured_content["error"]["kind"] == "moodle_error"


async def test_fixtures_stand_beside_the_prompts_that_a_server_has() -> None:
    async def list_prompts(_: Any, __: Any) -> types.ListPromptsResult:
        return types.ListPromptsResult(prompts=[types.Prompt(name="own")])

    async def get_prompt(_: Any, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        return types.GetPromptResult(messages=[], description=f"the server's {params.name}")

    server: Server[Any] = Server("own", on_list_prompts=list_prompts, on_get_prompt=get_prompt)
    offer(server)
    async with Client(server) as client:
        names = [prompt.name for prompt in (await client.list_prompts()).prompts]
        assert names[:2] == ["own", "test_simple_prompt"]
        assert (await client.get_prompt("own")).description == "the server's own"
        assert (await client.get_prompt("test_simple_prompt")).messages


@pytest.mark.parametrize(("arguments", "status"), [([], 0), (["--required"], 1)])
def test_without_node_it_is_said_that_the_checks_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
) -> None:
    def missing() -> None:
        raise NodeMissingError("there is no Node")

    monkeypatch.setattr(conformance, "installed", missing)
    assert conformance.main(arguments) == status
    assert capsys.readouterr().out == snapshot(
        "LEFT OUT: the protocol conformance checks, since there is no Node\n"
    )
