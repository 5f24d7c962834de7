"""The fixtures for the conformance suite, and what is said where it can't run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from inline_snapshot import snapshot
from mcp import Client

from moodle_mcp.demo import serving
from tools.conformance import __main__ as conformance
from tools.conformance.node import NodeMissingError
from tools.conformance.server import FixtureApp, fixture_app
from tools.conformance.site import FixtureSite

pytestmark = pytest.mark.anyio


@pytest.fixture
def app() -> Iterator[FixtureApp]:
    with serving(FixtureSite().app) as url:
        yield fixture_app(url)


async def test_a_fixture_is_answered_by_the_site_through_the_servers_own_way(
    app: FixtureApp,
) -> None:
    async with Client(app.server()) as client:
        result = await client.call_tool("test_image_content", {})
        assert result.structured_content == snapshot({"result": "test_image_content was called."})
        assert [block.type for block in result.content] == snapshot(["text", "image"])
        wrong = await client.call_tool("test_image_content", {"size": 1})
        assert wrong.structured_content is not None
        assert wrong.structured_content["error"]["kind"] == "invalid_arguments"


async def test_a_fixture_that_the_site_refuses_is_an_error_of_the_servers_kind(
    app: FixtureApp,
) -> None:
    async with Client(app.server()) as client:
        result = await client.call_tool("test_error_handling", {})
    assert result.is_error
    assert result.structured_content is not None
    assert result.structured_content["error"]["kind"] == "moodle_error"


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
