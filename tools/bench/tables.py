"""Enrolments from a table with names: tokens and time, compared with ids."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, Final

from moodle_mcp.demo import DemoSite, serving
from tools.bench.figures import Figure, Goal
from tools.bench.wire import OURS, Wire, connected, settings
from tools.tokens import counter

ENROL: Final = "enrol_manual_enrol_users"
USERS: Final = "core_user_get_users_by_field"
ROWS: Final = 1_000
_FEW: Final = 100
_COURSE: Final = 12
_MOST_TOKENS: Final = 1_500
_RUNS: Final = 5
_COLUMNS: Final = ["E-Mail=user.email", "Kurs=course", "Rolle=role"]


def tables() -> Iterator[Figure]:
    """Measure enrolling 1,000 people from a file, and 100 from text, by names and by ids."""
    site = DemoSite(students=ROWS)
    users = [each for each in site.world.people() if each.username.startswith("student")][:ROWS]
    course = site.world.courses[_COURSE].shortname
    lines = ["E-Mail;Kurs;Rolle", *(f"{each.email};{course};student" for each in users)]
    enrolments = [{"roleid": 5, "userid": each.id, "courseid": _COURSE} for each in users]
    by_id = {"enrolments": enrolments}
    count = counter()
    with tempfile.TemporaryDirectory() as folder, serving(site.app) as url:
        (Path(folder) / "list.csv").write_text("\n".join(lines), encoding="utf-8")
        named = {"function": ENROL, "file": "list.csv", "columns": _COLUMNS}
        text = "\n".join(lines[: _FEW + 1])
        tools = f"default,{ENROL}"
        environment = settings(
            url, tools=tools, access="write", files=folder, roles="student=5", max_result="1000000"
        )
        with connected(OURS, environment) as wire:
            ours = _tokens(wire, "bulk_call", {**named, "_dry_run": True}, count)
            ours += _tokens(wire, "bulk_call", named, count)
            emails = [each.email for each in users]
            lookup = {"field": "email", "values": emails, "_fields": ["id", "email"]}
            other = _tokens(wire, USERS, lookup, count) + _tokens(wire, ENROL, by_id, count)
            table = {"function": ENROL, "csv": text, "columns": _COLUMNS}
            of_text = _tokens(wire, "bulk_call", table, count)
            pairs = [
                (_timed(wire, "bulk_call", named), _timed(wire, ENROL, by_id)) for _ in range(_RUNS)
            ]
    what = f"{ROWS:,} enrolments from a file, dry run included"
    limit = Goal(_MOST_TOKENS, "itself")
    yield Figure(what, "tokens", ours, "look-up and ids written by the agent", other, limit)
    few = f"{_FEW} enrolments from text"
    yield Figure(few, "tokens", of_text, "the text itself", count(text), Goal(2, "ratio"))
    what = f"{ROWS:,} enrolments by names"
    with_names, with_ids = (median(times) for times in zip(*pairs, strict=True))
    yield Figure(what, "ms", with_names, "the same by ids", with_ids)


def _tokens(wire: Wire, tool: str, arguments: dict[str, Any], count: Any) -> int:
    """The tokens of a call: its request, and the text of its answer."""
    result = wire.ask("tools/call", {"name": tool, "arguments": arguments})
    if result.get("isError"):
        raise ValueError(f"{tool} failed: {result}")
    request = json.dumps({"name": tool, "arguments": arguments}, separators=(",", ":"))
    return count(request) + sum(count(each["text"]) for each in result["content"])


def _timed(wire: Wire, tool: str, arguments: dict[str, Any]) -> float:
    return wire.timed("tools/call", {"name": tool, "arguments": arguments})
