"""Puts the parts together as the settings say; the only place that knows all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp.server import Server

from moodle_mcp import __version__
from moodle_mcp.catalogue.store import every_name
from moodle_mcp.policy.allowlist import parse_allowlist
from moodle_mcp.policy.policy import Policy
from moodle_mcp.server.audit import Audit
from moodle_mcp.server.factory import ServerFactory, server_of
from moodle_mcp.settings import Settings
from moodle_mcp.site.connection import Connection

if TYPE_CHECKING:
    from moodle_mcp.caller.caller import Caller
    from moodle_mcp.server.app import App
    from moodle_mcp.site.session import Site


def make_site(connection: Connection) -> Site:
    """The site at a connection; nothing is sent yet."""
    from moodle_mcp.site.session import Site

    return Site(connection, user_agent=f"moodle-mcp/{__version__}")


def make_policy(settings: Settings) -> Policy:
    """The policy that the operator has set.

    Raises:
        SettingsError: the allowlist names what does not exist, or the catalogue file is wrong.
    """
    known = {*every_name(), *settings.overrides.functions}
    return Policy(parse_allowlist(settings.tools, sorted(known)), settings.access)


def make_caller(settings: Settings, site: Site) -> Caller:
    """The guarded caller for a site."""
    from moodle_mcp.caller.caller import Caller

    return Caller(site, settings.call_settings)


def make_server(
    settings: Settings, connection: Connection, *, is_shared: bool = False
) -> Server[Any]:
    """The MCP server for one site.

    One that is shared does not use the operator's folder, and loads everything at once.

    Raises:
        SettingsError: a setting is wrong. What can be wrong is looked at now, and the rest is
            loaded when a client asks for something.
    """
    policy = make_policy(settings)
    folder = None if is_shared else settings.folder()
    audit = Audit(settings.audit)

    def make() -> App:
        from moodle_mcp.presentation.presenter import PresentationSettings
        from moodle_mcp.server.app import App, Presentation
        from moodle_mcp.server.file_tools import FileTools

        site = make_site(connection)
        presentation = Presentation(
            mode=settings.mode,
            confirm=settings.confirm,
            confirm_items=settings.confirm_items,
            audit=audit,
            style=PresentationSettings(max_result=settings.max_result),
        )
        return App(
            site,
            make_caller(settings, site),
            policy,
            presentation,
            FileTools(site, folder, settings.file_settings),
            settings.overrides,
        )

    return server_of(make()) if is_shared else ServerFactory(make).server()
