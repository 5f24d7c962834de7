"""Puts the parts together as the settings say; the only place that knows all of them."""

from __future__ import annotations

from moodle_mcp import __version__
from moodle_mcp.answers.presenter import Style
from moodle_mcp.caller.caller import Caller
from moodle_mcp.catalogue.store import every_name
from moodle_mcp.gate.gate import Gate
from moodle_mcp.gate.whitelist import parse_whitelist
from moodle_mcp.server.app import App, Presentation, Transport
from moodle_mcp.server.file_tools import FileTools
from moodle_mcp.settings import Settings
from moodle_mcp.site.client import Connection, Site


def make_site(connection: Connection) -> Site:
    """The site at a connection; nothing is sent yet."""
    return Site(connection, user_agent=f"moodle-mcp/{__version__}")


def make_gate(settings: Settings) -> Gate:
    """The gate that the operator has set.

    Raises:
        SettingsError: the whitelist names what does not exist, or the catalogue file is wrong.
    """
    known = {*every_name(), *settings.additions.functions}
    return Gate(parse_whitelist(settings.tools, sorted(known)), settings.access)


def make_caller(settings: Settings, site: Site) -> Caller:
    """The guarded caller for a site."""
    return Caller(site, settings.call_settings)


def make_app(
    settings: Settings, connection: Connection, transport: Transport = Transport.STDIO
) -> App:
    """The MCP server's application for one site."""
    site = make_site(connection)
    presentation = Presentation(
        mode=settings.mode,
        confirm=settings.confirm,
        audit=settings.audit,
        style=Style(max_result=settings.max_result),
        transport=transport,
    )
    # Over HTTP another program of this machine could reach the operator's folder.
    folder = settings.folder() if transport is Transport.STDIO else None
    return App(
        site,
        make_caller(settings, site),
        make_gate(settings),
        presentation,
        FileTools(site, folder, settings.file_settings),
        settings.additions,
    )
