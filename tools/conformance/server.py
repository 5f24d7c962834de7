"""The server with the fixtures, over HTTP, for the conformance suite.

    python -m tools.conformance.server [PORT]

It prints its address and serves until a signal stops it.
"""

from __future__ import annotations

import sys
from functools import cached_property
from typing import Any, Final

import mcp_types as types
from mcp.server import Server, ServerRequestContext
from pydantic import SecretStr

from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.model import Function
from moodle_mcp.demo import serving
from moodle_mcp.policy.allowlist import parse_allowlist
from moodle_mcp.policy.exposure import Mode
from moodle_mcp.policy.policy import Policy
from moodle_mcp.server.factory import Served, ServerFactory
from moodle_mcp.server.handlers import Handlers
from moodle_mcp.server.transports.http import Listener, serve_http
from moodle_mcp.service.context import UserContext
from moodle_mcp.service.process import Process, ServiceSettings
from moodle_mcp.service.registry import Functions, Registry
from moodle_mcp.site.address import parse_address
from moodle_mcp.site.connection import Connection
from moodle_mcp.site.info import SiteInfo
from moodle_mcp.site.session import SiteSession
from tools.conformance.fixtures import FIXTURES
from tools.conformance.offered import offer
from tools.conformance.probes import BLOCKS, PROBES
from tools.conformance.site import TOKEN, FixtureSite

QUICK: Final = CallSettings(rate=1000)
"""Rate limit so high that the tests stay fast although the busy site slows the caller down."""


class FixtureFunctions(Functions):
    """A registry with the fixtures in place of the catalogue's functions."""

    @property
    def allowed(self) -> list[Function]:
        return list(FIXTURES.values())

    def find(self, name: str) -> Function | None:
        return FIXTURES.get(name)

    def find_allowed(self, name: str) -> Function | None:
        return FIXTURES.get(name)


class FixtureContext(UserContext):
    """The user context, with the fixtures in its registry."""

    def _registry_for(self, info: SiteInfo | None) -> Registry:
        registry = super()._registry_for(info)
        functions = FixtureFunctions(self.policy, registry.functions.catalogue, info)
        return Registry(functions, registry.builtins.values(), info)


class FixtureHandlers(Handlers):
    """The handlers, with the probes before a call and after its answer."""

    async def call_tool(
        self, ctx: ServerRequestContext[Any, Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        probe = PROBES.get(params.name)
        if probe is not None:
            question = await probe(ctx, params)
            if question is not None:
                return question
        result = await super().call_tool(ctx, params)
        if isinstance(result, types.CallToolResult) and not result.is_error:
            result.content.extend(BLOCKS.get(params.name, []))
        return result


class FixtureFactory(ServerFactory):
    """The server factory, with those handlers."""

    @cached_property
    def handlers(self) -> Handlers:
        return FixtureHandlers(lambda _: self.served.context)


def fixture_server(url: str) -> Server[Any]:
    """Build the server in front of a fixture site, with the suite's resources and prompts."""
    process = Process(ServiceSettings(mode=Mode.DIRECT, calls=QUICK))
    connection = Connection(parse_address(url), SecretStr(TOKEN))
    policy = Policy(parse_allowlist(",".join(FIXTURES), list(FIXTURES)), Access.DESTRUCTIVE)
    shared = process.shared(connection.address)
    session = SiteSession(connection, transport=shared.transport, background=shared.background)
    context = FixtureContext(process, session, policy)
    server = FixtureFactory(lambda: Served(context, process.aclose)).server()
    offer(server)
    return server


def main(port: str) -> None:
    """Serve the fixtures on a loopback port; 0 means any free one."""
    with serving(FixtureSite().app) as url, Listener.of(port) as listener:
        print(listener.url, flush=True)
        serve_http(fixture_server(url), listener)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "0")
