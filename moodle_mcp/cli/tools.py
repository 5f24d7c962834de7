"""`moodle-mcp tools`: what would be exposed, and what the list costs a client's context."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from moodle_mcp.assembly import make_gate, make_site
from moodle_mcp.errors import CallError
from moodle_mcp.server.toolset import Toolset, to_tool
from moodle_mcp.settings import Settings
from moodle_mcp.site.client import Connection

BYTES_PER_TOKEN: Final = 4
"""A rough rule for JSON and English; a tokenizer of a model gives its own number."""


@dataclass(frozen=True, slots=True)
class ToolSize:
    """One tool: what hosts put before a model (name, description, input schema), in bytes."""

    name: str
    access: str
    size: int


@dataclass(frozen=True, slots=True)
class Report:
    """All tools, and why the site was not asked if it was not."""

    sizes: list[ToolSize]
    release: str
    note: str = ""

    @property
    def size(self) -> int:
        """Bytes of all tools together."""
        return sum(tool.size for tool in self.sizes)

    def as_dict(self) -> dict[str, Any]:
        return {
            "release": self.release,
            "note": self.note,
            "bytes": self.size,
            "tokens": self.size // BYTES_PER_TOKEN,
            "tools": [
                {"name": tool.name, "access": tool.access, "bytes": tool.size}
                for tool in self.sizes
            ],
        }

    def lines(self) -> list[str]:
        """A table for people."""
        rows = [f"{tool.size:7} {tool.access:12} {tool.name}" for tool in self.sizes]
        total = (
            f"{self.size:7} bytes in {len(rows)} tools, about {self.size // BYTES_PER_TOKEN} "
            f"tokens; catalogue of Moodle {self.release}"
        )
        return [*rows, total, *([f"note: {self.note}"] if self.note else [])]


async def listing(settings: Settings, connection: Connection) -> Report:
    """The tools that a client of this server would see now."""
    gate = make_gate(settings)
    site = make_site(connection)
    info, note = None, ""
    try:
        info = await site.info()
    except CallError as error:
        note = f"the site did not say what it offers ({error.fault.message}); all named are shown"
    finally:
        await site.aclose()
    return report(Toolset(gate, info), note)


def report(toolset: Toolset, note: str = "") -> Report:
    """The sizes of a toolset."""
    sizes: list[ToolSize] = []
    for tool in map(to_tool, toolset.functions):
        shown = {
            "name": tool.name,
            "description": tool.description,
            "input_schema": tool.input_schema,
        }
        size = len(json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode())
        hints = tool.annotations
        access = "write"
        if hints is not None and hints.read_only_hint:
            access = "read"
        elif hints is not None and hints.destructive_hint:
            access = "destructive"
        sizes.append(ToolSize(tool.name, access, size))
    return Report(sizes, toolset.catalogue.release, note)
