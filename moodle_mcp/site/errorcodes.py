"""Look up Moodle's errorcodes in `data/errorcodes.tsv`, which is read when a call has failed.

A row has an errorcode, the kind of error, when Moodle raises it, and the name of a hint in
`data/hints.tsv`; the last two may be missing. `tools/errorcodes` collects the errorcodes from
Moodle's source.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib import resources

from moodle_mcp.errors import Kind


class When(StrEnum):
    """When Moodle refuses a call, which decides what may have been written."""

    BEFORE = "before"
    """Before the function runs: Moodle checks the token, the service and the user."""
    CHECKING = "checking"
    """While the function checks an item, before it changes that item."""
    ANY_TIME = ""
    """Possibly after part of the work was done."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an errorcode means; `hint` is None if the kind's default hint fits."""

    kind: Kind
    when: When = When.ANY_TIME
    hint: str | None = None


def meaning_of(errorcode: str) -> Meaning | None:
    """Return what an errorcode means, or None if it is not in the table."""
    # Not cached: reading a table of about 600 short lines takes a millisecond.
    row = _row("errorcodes.tsv", errorcode)
    if row is None:
        return None
    kind, when, hint = (*row.split("\t"), "", "")[:3]
    return Meaning(_kind(kind), When(when), hint_of(hint) if hint else None)


def hint_of(name: str) -> str:
    """Return a hint by its name."""
    hint = _row("hints.tsv", name)
    if hint is None:
        raise KeyError(name)
    return hint


def _kind(code: str) -> Kind:
    return next(kind for kind in Kind if kind.code == code)


def _row(table: str, name: str) -> str | None:
    """Return what follows a name in a table."""
    start = f"{name}\t"
    data = resources.files("moodle_mcp.site") / "data" / table
    with data.open(encoding="utf-8") as rows:
        row = next((row for row in rows if row.startswith(start)), None)
    return None if row is None else row.removeprefix(start).rstrip("\n")
