"""Builds the application from the settings; the only module that knows all parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp.server import Server

from moodle_mcp import __version__
from moodle_mcp.catalogue.loading import every_name
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
    from moodle_mcp.service.metrics import Metrics
    from moodle_mcp.service.process import Process
    from moodle_mcp.site.session import OnRejection, SiteSession
    from moodle_mcp.store.base import Store


def make_policy(settings: Settings) -> Policy:
    """Build the policy from the settings.

    Raises:
        SettingsError: the allowlist names an unknown function, or the catalogue file is wrong.
    """
    known = {*every_name(), *settings.overrides.functions}
    return Policy(parse_allowlist(settings.tools, sorted(known)), settings.access)


def make_process(
    settings: Settings,
    audit: Audit | None = None,
    folder: Folder | None = None,
    *,
    for_agents: bool = True,
    store: Store | None = None,
    metrics: Metrics | None = None,
) -> Process:
    """Build what the users of a process share.

    Without `for_agents`, answers are complete and as Moodle wrote them, and destructive calls need
    no confirmation, because the caller is the person who would be asked.
    """
    from moodle_mcp.presentation.presenter import PresentationSettings
    from moodle_mcp.service.process import Process, ServiceSettings

    max_result = settings.max_result if for_agents else None
    return Process(
        ServiceSettings(
            mode=settings.mode,
            confirm=settings.confirm if for_agents else Confirm.NEVER,
            confirm_items=settings.confirm_items,
            roles=settings.role_ids,
            presentation=PresentationSettings(max_result, for_agents),
            calls=settings.call_settings,
            files=settings.file_settings,
        ),
        overrides=settings.overrides,
        audit=audit,
        folder=folder,
        store=store,
        metrics=metrics,
        user_agent=f"moodle-mcp/{__version__}",
    )


def make_context(
    process: Process, connection: Connection, policy: Policy, *, has_builtins: bool = True
) -> UserContext:
    """Build the context of a connection's user."""
    from moodle_mcp.service.context import UserContext
    from moodle_mcp.site.session import SiteSession

    shared = process.shared(connection.address)
    session = SiteSession(connection, transport=shared.transport, background=shared.background)
    return UserContext(process, session, policy, has_builtins=has_builtins)


def make_user_context(
    process: Process,
    connection: Connection,
    policy: Policy,
    *,
    owner: str,
    subject: str,
    grant: str,
    on_rejection: OnRejection,
) -> UserContext:
    """Build the context of one of several users. `subject` and `grant` are for the audit log."""
    from moodle_mcp.service.context import UserContext
    from moodle_mcp.site.session import SiteSession

    shared = process.shared(connection.address)
    session = SiteSession(
        connection,
        transport=shared.transport,
        background=shared.background,
        on_rejection=on_rejection,
    )
    return UserContext(process, session, policy, owner=owner, subject=subject, grant=grant)


def make_site(connection: Connection) -> SiteSession:
    """Build a separate session with a connection's site; nothing is sent yet."""
    from moodle_mcp.site.session import SiteSession

    return SiteSession(connection, user_agent=f"moodle-mcp/{__version__}")


def make_server(
    settings: Settings, connection: Connection, *, is_shared: bool = False
) -> Server[Any]:
    """Build the MCP server for one site and user.

    A server that several clients share does not use the operator's folder, and loads everything at
    start.

    Raises:
        SettingsError: a setting is wrong. Settings are checked now; the rest is loaded at the
            first request that needs it.
    """
    policy = make_policy(settings)
    _ = settings.role_ids  # A wrong one stops the start instead of the first call.
    audit = Audit(settings.audit)
    folder = None if is_shared else settings.folder()

    def make() -> Served:
        process = make_process(settings, audit, folder)
        return Served(make_context(process, connection, policy), process.aclose)

    if is_shared:
        served = make()
        return server_of(served.context, served.close)
    return ServerFactory(make).server()
