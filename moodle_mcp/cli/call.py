"""`moodle-mcp call`: one call through the same gate and caller as an agent's."""

from __future__ import annotations

from typing import Any

from moodle_mcp.assembly import make_caller, make_gate, make_site
from moodle_mcp.caller.outcome import failed
from moodle_mcp.catalogue.store import load, release_for
from moodle_mcp.errors import CallError
from moodle_mcp.settings import Settings
from moodle_mcp.site.client import Connection, Site


async def call_once(
    settings: Settings, connection: Connection, name: str, arguments: dict[str, Any]
) -> dict[str, Any]:
    """The envelope of one call."""
    gate = make_gate(settings)
    site = make_site(connection)
    try:
        release = await _release(site) if gate.whitelist.names(name) else None
        function = load(release_for(release)).get(name)
        try:
            gate.check(function)
        except CallError as error:
            return failed(function, error).envelope
        outcome = await make_caller(settings, site).call(function, arguments)
        return outcome.envelope
    finally:
        await site.aclose()


async def _release(site: Site) -> str | None:
    """The site's release; unknown where it does not tell, which the call itself may explain."""
    try:
        return (await site.info()).release
    except CallError:
        return None
