"""What the server says to the calls that Moodle accepts silently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from moodle_mcp.caller.caller import Caller
from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.policy.approvals import Confirm
from moodle_mcp.service.process import ServiceSettings
from moodle_mcp.service.service import CallService
from tests.support.serving import connection, context_of, policy
from tools.probes.place import TIMEOUT, Place
from tools.probes.probe import AGAIN, Probe

_TOOLS: Final = "all,core_user_get_user_preferences"
"""Reads of preferences are allowed only by name."""


async def said_by_product(place: Place, url: str, probe: Probe) -> str:
    """Make a probe's call through the server; return what its answer says of the item.

    The result begins with `failed`, a code of the warnings, or `success` if nothing is said.
    """
    if probe.sql:
        place.database.run(probe.sql)
    if probe.kind == AGAIN:
        await place.ask(probe.who, probe.function, probe.arguments)
    session = type(place.sites[probe.who])(connection(url, place.tokens[probe.who]))
    calls = CallSettings(timeout=TIMEOUT)
    settings = ServiceSettings(confirm=Confirm.NEVER)
    context = context_of(session, Caller(session, calls), policy(_TOOLS), settings)
    try:
        reply = await CallService().call(context, probe.function, probe.arguments)
    finally:
        await context.aclose()
        await context.process.aclose()
    return _said(reply.envelope)


def _said(envelope: Mapping[str, Any]) -> str:
    batch: Mapping[str, Any] = envelope.get("batch") or {}
    if "error" in envelope:
        error = envelope["error"]
        return f"failed, written {error['written']}: {error['message']}"
    warnings = [*batch.get("warnings", ()), *envelope.get("warnings", ())]
    told = [f"{each['warningcode']}: {each['message']}" for each in warnings]
    return "; ".join(told) or "success"
