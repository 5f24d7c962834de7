"""Puts the parts together as the settings say; the only place that knows all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp.server import Server

from moodle_mcp import __version__
from moodle_mcp.catalogue.store import every_name
from moodle_mcp.policy.allowlist import parse_allowlist
from moodle_mcp.policy.approvals import Confirm
from moodle_mcp.policy.policy import Policy
from moodle_mcp.server.factory import Served, ServerFactory, server_of
from moodle_mcp.service.audit import Audit
from moodle_mcp.settings import Settings
from moodle_mcp.site.connection import Connection

if TYPE_CHECKING:
    from moodle_mcp.files.folder import Folder
    from moodle_mcp.service.context import UserContext
    from moodle_mcp.service.process import Process
    from moodle_mcp.site.session import Site


def make_policy(settings: Settings) -> Policy:
    """The policy that the operator has set.

    Raises:
        SettingsError: the allowlist names what does not exist, or the catalogue file is wrong.
    """
    known = {*every_name(), *settings.overrides.functions}
    return Policy(parse_allowlist(settings.tools, sorted(known)), settings.access)


def make_process(
    settings: Settings,
    audit: Audit | None = None,
    folder: Folder | None = None,
    *,
    for_agents: bool = True,
) -> Process:
    """What the users of a process share.

    Without `for_agents` answers are whole and as Moodle wrote them, and whoever calls is taken for
    the person who would be asked.
    """
    from moodle_mcp.presentation.presenter import PresentationSettings
    from moodle_mcp.service.process import Process, ServiceSettings

    max_result = settings.max_result if for_agents else None
    return Process(
        ServiceSettings(
            mode=settings.mode,
            confirm=settings.confirm if for_agents else Confirm.NEVER,
            confirm_items=settings.confirm_items,
            presentation=PresentationSettings(max_result, for_agents),
            calls=settings.call_settings,
            files=settings.file_settings,
        ),
        overrides=settings.overrides,
        audit=audit,
        folder=folder,
        user_agent=f"moodle-mcp/{__version__}",
    )


def make_context(
    process: Process, connection: Connection, policy: Policy, *, has_builtins: bool = True
) -> UserContext:
    """The context of a connection's user."""
    from moodle_mcp.service.context import UserContext
    from moodle_mcp.site.session import Site

    shared = process.shared(connection.address)
    session = Site(connection, transport=shared.transport, background=shared.background)
    return UserContext(process, session, policy, has_builtins=has_builtins)


def make_site(connection: Connection) -> Site:
    """A session of its own with the site at a connection; nothing is sent yet."""
    from moodle_mcp.site.session import Site

    return Site(connection, user_agent=f"moodle-mcp/{__version__}")


def make_server(
    settings: Settings, connection: Connection, *, is_shared: bool = False
) -> Server[Any]:
    """The MCP server for one site and user.

    One that several clients share does not use the operator's folder, and loads everything at once.

    Raises:
        SettingsError: a setting is wrong. What can be wrong is looked at now, and the rest is
            loaded when a client asks for something.
    """
    policy = make_policy(settings)
    audit = Audit(settings.audit)
    folder = None if is_shared else settings.folder()

    def make() -> Served:
        process = make_process(settings, audit, folder)
        return Served(make_context(process, connection, policy), process.aclose)

    if is_shared:
        served = make()
        return server_of(served.context, served.close)
    return ServerFactory(make).server()
