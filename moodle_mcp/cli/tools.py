"""`moodle-mcp tools`: the policy's decision on every function, and the size of the tool list."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import mcp_types as types

from moodle_mcp.catalogue.model import Function
from moodle_mcp.errors import CallError
from moodle_mcp.policy.exposure import Mode, shown_directly
from moodle_mcp.policy.policy import Policy
from moodle_mcp.server.tools import builtin_to_tool, to_tool
from moodle_mcp.service.registry import Registry
from moodle_mcp.settings import Settings
from moodle_mcp.site.connection import Connection
from moodle_mcp.wiring import make_context, make_policy, make_process

BYTES_PER_TOKEN: Final = 4
"""A rough estimate for JSON and English; `tools/tokens.py` counts with a model's tokenizer."""


@dataclass(frozen=True, slots=True)
class Row:
    """One function: its access, whether it is exposed, why, and the size of its tool.

    `size` is the bytes of what hosts send to a model (name, description, input schema); 0 for a
    function without a tool of its own.
    """

    name: str
    access: str
    exposed: bool
    reason: str
    size: int


@dataclass(frozen=True, slots=True)
class Report:
    """All functions, the sizes of the built-in tools by name, and why the site was not asked, if it
    was not.
    """

    rows: list[Row]
    own: dict[str, int]
    release: str
    note: str = ""

    @property
    def size(self) -> int:
        """Bytes of all listed tools."""
        return sum(self.own.values()) + sum(row.size for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        return {
            "release": self.release,
            "note": self.note,
            "bytes": self.size,
            "tokens": self.size // BYTES_PER_TOKEN,
            "own": self.own,
            "functions": [
                {
                    "name": row.name,
                    "access": row.access,
                    "exposed": row.exposed,
                    "reason": row.reason,
                    "bytes": row.size,
                }
                for row in self.rows
            ],
        }

    def lines(self, *, everything: bool) -> list[str]:
        """Return a table for people: the exposed functions, or all."""
        exposed = [row for row in self.rows if row.exposed]
        lines = [
            f"{row.size or '-':>6} {row.access:12} {row.name:60} {row.reason}".rstrip()
            for row in (self.rows if everything else exposed)
        ]
        lines += [f"{size:6} {'':12} {name:60} built-in tool" for name, size in self.own.items()]
        lines.append(
            f"{self.size:6} bytes, about {self.size // BYTES_PER_TOKEN} tokens; {len(exposed)} of "
            f"{len(self.rows)} functions exposed; catalogue of Moodle {self.release}"
        )
        return [*lines, *([f"note: {self.note}"] if self.note else [])]


async def listing(settings: Settings, connection: Connection) -> Report:
    """Return what a client of this server would see now."""
    process = make_process(settings, folder=settings.folder())
    context = make_context(process, connection, make_policy(settings))
    note = ""
    try:
        info = await context.session.info()
        if info.functions is None:
            note = "over RESTful the site does not report its functions; all named ones are shown"
    except CallError as error:
        note = f"the site did not answer ({error.fault.message}); all named functions are shown"
    finally:
        await process.aclose()
    return report(context.registry, settings.mode, note)


def report(registry: Registry, mode: Mode, note: str) -> Report:
    """Return the decisions and sizes for what one user may call."""
    functions = registry.functions
    direct = {function.name for function in shown_directly(mode, functions.allowed)}
    own = {tool.name: size_of([tool]) for tool in map(builtin_to_tool, registry.listed_builtins)}
    catalogue, offered = functions.catalogue, functions.offered
    rows = [
        _row(functions.policy, catalogue.get(name), name in offered, name in direct)
        for name in sorted({*catalogue, *offered})
    ]
    return Report(rows, own, catalogue.release, note)


def size_of(tools: Iterable[types.Tool]) -> int:
    """Return the bytes of what hosts send to a model for these tools."""
    shown = [[tool.name, tool.description, tool.input_schema] for tool in tools]
    texts = (json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in shown)
    return sum(len(text.encode()) for text in texts)


def _row(policy: Policy, function: Function, offered: bool, direct: bool) -> Row:
    decision = policy.decide(function)
    reason = decision.reason
    if decision.allowed and not offered:
        reason = "not in the token's service"
    elif function.classification.reason:
        reason = f"{reason} ({function.classification.reason})"
    exposed = decision.allowed and offered
    size = size_of([to_tool(function)]) if exposed and direct else 0
    return Row(function.name, function.classification.access.value, exposed, reason, size)
