"""Servers and contexts for tests, made of parts that a test chooses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mcp.server import Server

from moodle_mcp.caller.caller import Caller
from moodle_mcp.catalogue.site_overrides import NO_OVERRIDES, SiteOverrides
from moodle_mcp.files.folder import Folder
from moodle_mcp.policy.policy import Policy
from moodle_mcp.server.factory import server_of
from moodle_mcp.service.audit import Audit
from moodle_mcp.service.context import UserContext
from moodle_mcp.service.process import Process, ServiceSettings
from moodle_mcp.site.session import Site

NOW: Final = 1_800_000_000
"""The demo site's clock in tests, in Unix seconds."""


def context_of(
    site: Site,
    caller: Caller,
    policy: Policy,
    settings: ServiceSettings | None = None,
    *,
    overrides: SiteOverrides = NO_OVERRIDES,
    audit: Audit | None = None,
    folder: Folder | None = None,
    clock: Callable[[], float] = lambda: NOW,
) -> UserContext:
    """The only user of a process."""
    process = Process(settings, overrides=overrides, audit=audit, folder=folder, clock=clock)
    return UserContext(process, site, policy, caller=caller)


def server_for(context: UserContext) -> Server[Any]:
    """The MCP server for that user, which closes all that is theirs at its end."""

    async def close() -> None:
        await context.aclose()
        await context.process.aclose()

    return server_of(context, close)
