"""The server with the fixtures, over HTTP, for the conformance suite.

    python -m tools.conformance.server [PORT]

It prints its address and serves until it is told to stop.
"""

from __future__ import annotations

import sys
from typing import Any, Final

import mcp_types as types
from mcp.server import Server, ServerRequestContext
from pydantic import SecretStr

from moodle_mcp.caller.caller import Caller
from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.model import Function
from moodle_mcp.demo import serving
from moodle_mcp.policy.allowlist import parse_allowlist
from moodle_mcp.policy.exposure import Mode
from moodle_mcp.policy.policy import Policy
from moodle_mcp.server.app import App, Presentation
from moodle_mcp.server.builtin_tools import ToolReply
from moodle_mcp.server.facade import Facade
from moodle_mcp.server.factory import server_of
from moodle_mcp.server.resuming import Resumption
from moodle_mcp.server.toolset import Toolset
from moodle_mcp.server.transports.http import Listener, serve_http
from moodle_mcp.site.address import parse_address
from moodle_mcp.site.connection import Connection
from moodle_mcp.wiring import make_site
from tools.conformance.fixtures import FIXTURES
from tools.conformance.offered import offer
from tools.conformance.probes import BLOCKS, PROBES
from tools.conformance.site import TOKEN, FixtureSite

QUICK: Final = CallSettings(rate=1000)
"""The busy site slows the caller down, as it should, from a pace at which that does no harm."""


class FixtureToolset(Toolset):
    """The fixtures in place of the catalogue's functions."""

    @property
    def functions(self) -> list[Function]:
        return list(FIXTURES.values())

    def exposed(self, name: str) -> Function | None:
        return FIXTURES.get(name)

    def withheld(self, name: str) -> Function | None:
        return None


class FixtureApp(App):
    """The application as it is, with the probes put in before a call and behind its answer."""

    def _current(self) -> tuple[Toolset, Facade]:
        toolset, facade = super()._current()
        if not isinstance(toolset, FixtureToolset):
            toolset = FixtureToolset(self._policy, toolset.info)
            facade = Facade(toolset)
            self._made = toolset, facade
        return toolset, facade

    async def _answered(
        self,
        ctx: ServerRequestContext[Any],
        params: types.CallToolRequestParams,
        function: Function,
        arguments: dict[str, Any],
        resumption: Resumption | None = None,
    ) -> ToolReply | types.InputRequiredResult:
        probe = PROBES.get(function.name)
        if probe is not None:
            self._policy.check(function)
            question = await probe(ctx, params)
            if question is not None:
                return question
        return await super()._answered(ctx, params, function, arguments, resumption)

    async def call_tool(
        self, ctx: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        result = await super().call_tool(ctx, params)
        if isinstance(result, types.CallToolResult) and not result.is_error:
            result.content.extend(BLOCKS.get(params.name, []))
        return result


def fixture_server(url: str) -> Server[Any]:
    """The server of that application, with resources and prompts of the suite's beside its own."""
    server = server_of(fixture_app(url))
    offer(server)
    return server


def fixture_app(url: str) -> FixtureApp:
    """The application in front of a fixture site at an address."""
    site = make_site(Connection(parse_address(url), SecretStr(TOKEN)))
    policy = Policy(parse_allowlist(",".join(FIXTURES), list(FIXTURES)), Access.DESTRUCTIVE)
    presentation = Presentation(Mode.DIRECT)
    return FixtureApp(site, Caller(site, QUICK), policy, presentation)


def main(port: str) -> None:
    """Serve the fixtures on a loopback port; 0 takes any free one."""
    with serving(FixtureSite().app) as url, Listener.of(port) as listener:
        print(listener.url, flush=True)
        serve_http(fixture_server(url), listener)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "0")
