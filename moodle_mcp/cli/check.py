"""`moodle-mcp check`: print the results for people, for programs or for an issue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from moodle_mcp.diagnostics.facts import Facts
from moodle_mcp.diagnostics.gaps import Wanted
from moodle_mcp.diagnostics.lines import Line, Verdict
from moodle_mcp.diagnostics.probe import observe
from moodle_mcp.diagnostics.verdicts import judge
from moodle_mcp.settings import Settings
from moodle_mcp.site.connection import Connection
from moodle_mcp.terminal import Cell, is_terminal, one_line, say, say_table
from moodle_mcp.wiring import make_policy, make_site

_STYLES: Final[dict[Verdict, str]] = {
    "ok": "green",
    "warning": "yellow",
    "failed": "bold red",
    "skipped": "dim",
}


async def check(settings: Settings, connection: Connection) -> tuple[Facts, list[Line]]:
    """Observe a site and judge it.

    Raises:
        SettingsError: the allowlist names unknown functions, or the catalogue file is invalid.
    """
    policy = make_policy(settings)
    wanted = Wanted(settings.tools, policy, settings.max_fields, settings.overrides)
    site = make_site(connection)
    try:
        facts = await observe(site)
    finally:
        await site.aclose()
    return facts, judge(facts, wanted)


def show(lines: Sequence[Line]) -> None:
    """Print a table on a terminal; elsewhere one line each, with what to do next below it."""
    if not is_terminal():
        for line in lines:
            say(f"{line.verdict:8} {line.step:15} {line.found}".rstrip())
            if line.todo:
                say(f"{'':23}-> {line.todo}")
        return
    say_table([_row(line) for line in lines])


def _row(line: Line) -> list[Cell]:
    todo = f"-> {line.todo}" if line.todo else ""
    shown = "\n".join(one_line(text) for text in (line.found, todo) if text)
    return [(line.verdict, _STYLES[line.verdict]), (line.step, ""), (shown, "")]
