"""Format the lines as JSON, and as a report that can be published. Pure."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Sequence
from typing import Any

from moodle_mcp import __version__
from moodle_mcp.diagnostics.facts import Facts, Greeting
from moodle_mcp.diagnostics.lines import Line, succeeded


def as_json(facts: Facts, lines: Sequence[Line]) -> dict[str, Any]:
    """Return one object with the lines and the measured numbers (seconds, fields)."""
    return {
        "version": __version__,
        "ok": succeeded(lines),
        "protocol": facts.protocol.name,
        "measured": _measured(facts),
        "lines": [line.as_dict() for line in lines],
    }


def as_report(lines: Sequence[Line]) -> str:
    """Return Markdown for an issue, with the public part of each line only."""
    rows = "\n".join(f"| {line.step} | {line.verdict} | {line.public} |" for line in lines)
    return (
        f"moodle-mcp {__version__}, Python {platform.python_version()}, {platform.system()}\n\n"
        f"| step | verdict | found |\n|---|---|---|\n{rows}"
    )


def _measured(facts: Facts) -> dict[str, Any]:
    found = facts.found
    if not isinstance(found, Greeting):
        return {}
    limit, trips = found.fields, found.round_trips
    return {
        "form_fields": limit.fields if limit else None,
        "form_fields_exact": limit.exact if limit else None,
        "advised_max_fields": limit.advised if limit else None,
        "clock_ahead": round(found.ahead) if found.ahead is not None else None,
        "certificate_end": found.certificate_end,
        "round_trip": round(statistics.median(trips), 4) if trips else None,
    }
