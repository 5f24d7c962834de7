"""`moodle-mcp check`: printing what the check found, for people, for programs and for an issue."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from moodle_mcp.assembly import make_gate, make_site
from moodle_mcp.checking.asking import observe
from moodle_mcp.checking.facts import Facts
from moodle_mcp.checking.gaps import Wanted
from moodle_mcp.checking.lines import Line, Verdict
from moodle_mcp.checking.verdicts import judge
from moodle_mcp.settings import Settings
from moodle_mcp.site.connection import Connection

_STYLES: Final[dict[Verdict, str]] = {
    "ok": "green",
    "warning": "yellow",
    "failed": "bold red",
    "skipped": "dim",
}


async def check(settings: Settings, connection: Connection) -> tuple[Facts, list[Line]]:
    """What is found of a site, and what is made of it.

    Raises:
        SettingsError: the whitelist names what does not exist, or the catalogue file is wrong.
    """
    gate = make_gate(settings)
    wanted = Wanted(settings.tools, gate, settings.max_fields, settings.additions)
    site = make_site(connection)
    try:
        facts = await observe(site)
    finally:
        await site.aclose()
    return facts, judge(facts, wanted)


def show(lines: Sequence[Line]) -> None:
    """A table on a terminal; elsewhere a line each, with what to do next below it."""
    if not sys.stdout.isatty():
        for line in lines:
            todo = f"\n{'':23}-> {line.todo}" if line.todo else ""
            click.echo(f"{line.verdict:8} {line.step:15} {line.found}{todo}".rstrip())
        return
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for line in lines:
        # Text, not markup: a site's name may have brackets in it.
        found = Text(line.found)
        if line.todo:
            found.append(f"\n-> {line.todo}" if line.found else f"-> {line.todo}", style="italic")
        table.add_row(Text(line.verdict, style=_STYLES[line.verdict]), Text(line.step), found)
    Console().print(table)
