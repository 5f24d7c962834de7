"""The server before the first request that needs the application."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from inline_snapshot import snapshot
from mcp import Client

from moodle_mcp.server.factory import Served, ServerFactory
from tests.support.demo import Demo

Environment = Callable[..., dict[str, str]]

# What only calls need; each takes milliseconds to load.
LATER = (
    "httpcore2",
    "jsonschema_rs",
    "tenacity",
    "moodle_mcp.caller.executor",
    "moodle_mcp.server.handlers",
)


def unexpected() -> Served:
    """An application that must not be built."""
    raise NotImplementedError


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_that_asks_for_nothing_has_no_application_made(mode: str) -> None:
    async with Client(ServerFactory(unexpected).server(), mode=mode) as session:
        assert session.server_info is not None
        assert session.server_info.name == "moodle-mcp"


async def test_the_application_is_made_once_at_the_first_request(demo: Demo) -> None:
    made: list[Served] = []

    def make() -> Served:
        context = demo.context()
        made.append(Served(context, context.aclose))
        return made[-1]

    async with Client(ServerFactory(make).server()) as session:
        assert made == []
        await session.list_tools()
        await session.list_prompts()
    assert len(made) == 1


def test_a_start_loads_nothing_that_only_calls_need(environment: Environment) -> None:
    program = (
        "import sys; from moodle_mcp.wiring import make_server; "
        "from moodle_mcp.settings import load_settings; settings = load_settings(); "
        "make_server(settings, settings.connection()); "
        f"print([name for name in {LATER!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == snapshot("[]\n")


@pytest.mark.parametrize(
    ("setting", "value"),
    [("TOOLS", "core_nothing_at_all"), ("FILES", "relative"), ("AUDIT", "/nowhere/at/all/x")],
)
def test_a_wrong_setting_stops_the_start_and_not_the_first_request(
    environment: Environment, setting: str, value: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "moodle_mcp"],
        env=environment(**{f"MOODLE_MCP_{setting}": value}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"MOODLE_MCP_{setting}" in done.stderr
