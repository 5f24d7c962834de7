"""Build connections, policies, user contexts and servers for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mcp.server import Server
from pydantic import SecretStr

from moodle_mcp.caller.caller import Caller
from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.loading import every_name
from moodle_mcp.catalogue.site_overrides import NO_OVERRIDES, SiteOverrides
from moodle_mcp.demo import ADMIN_TOKEN
from moodle_mcp.files.folder import Folder
from moodle_mcp.policy.allowlist import parse_allowlist
from moodle_mcp.policy.policy import Policy
from moodle_mcp.server.factory import server_of
from moodle_mcp.service.audit import Audit
from moodle_mcp.service.context import UserContext
from moodle_mcp.service.process import Process, ServiceSettings
from moodle_mcp.site.address import parse_address
from moodle_mcp.site.connection import Connection
from moodle_mcp.site.protocol import REST, Protocol
from moodle_mcp.site.session import SiteSession

NOW: Final = 1_800_000_000
"""The demo site's clock in tests, in Unix seconds."""


def context_of(
    site: SiteSession,
    caller: Caller,
    policy: Policy,
    settings: ServiceSettings | None = None,
    *,
    overrides: SiteOverrides = NO_OVERRIDES,
    audit: Audit | None = None,
    folder: Folder | None = None,
    clock: Callable[[], float] = lambda: NOW,
) -> UserContext:
    """Return a user context in a process of its own."""
    process = Process(settings, overrides=overrides, audit=audit, folder=folder, clock=clock)
    return UserContext(process, site, policy, caller=caller)


def server_for(context: UserContext) -> Server[Any]:
    """Return an MCP server for a user context, which closes the context when it ends."""

    async def close() -> None:
        await context.aclose()
        await context.process.aclose()

    return server_of(context, close)


async def no_wait(_: float) -> None:
    """Replacement for `sleep` that returns at once, for code that waits before a retry."""


def connection(
    url: str, token: str = ADMIN_TOKEN, protocols: tuple[Protocol, ...] = (REST,)
) -> Connection:
    """Return a connection to a site on this machine."""
    return Connection(parse_address(url), SecretStr(token), protocols)


def policy(tools: str = "all", access: Access = Access.DESTRUCTIVE) -> Policy:
    """Return a policy as the settings would make it; by default it allows everything."""
    return Policy(parse_allowlist(tools, every_name()), access)
