"""Calls of the tool `bulk_call` on the demo site."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from mcp import Client

from moodle_mcp.files.folder import Folder
from moodle_mcp.policy.approvals import Confirm
from moodle_mcp.policy.exposure import Mode
from moodle_mcp.service.process import ServiceSettings
from tests.support.demo import Demo
from tests.support.serving import server_for

ENROL = "enrol_manual_enrol_users"
BIO101 = 2


def client(demo: Demo, tools: str = "all", folder: Path | None = None, **options: Any) -> Client:
    roles: dict[str, int] = options.pop("roles", {})
    confirm = options.pop("confirm", Confirm.NEVER)
    settings = ServiceSettings(Mode.FACADE, confirm, roles=roles)
    files = None if folder is None else Folder(folder)
    return Client(server_for(demo.context(tools, settings=settings, folder=files, **options)))


async def bulk(demo: Demo, function: str = ENROL, **arguments: Any) -> dict[str, Any]:
    options = {
        name: arguments.pop(name)
        for name in ("tools", "folder", "confirm", "roles")
        if name in arguments
    }
    async with client(demo, **options) as session:
        answer = await session.call_tool("bulk_call", {"function": function, **arguments})
    assert answer.structured_content is not None
    shown = without_notice(answer.structured_content)
    # The token of a dry run is random.
    shown.get("batch", {}).pop("confirm", None)
    return shown


def without_notice(envelope: dict[str, Any]) -> dict[str, Any]:
    return {key: each for key, each in envelope.items() if key != "notice"}


def written(demo: Demo) -> Counter[str | None]:
    return Counter(
        each.function for each in demo.site.requests if "_get_" not in (each.function or "")
    )
