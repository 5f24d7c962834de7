"""What Moodle's errorcodes mean: a table in `data/errorcodes.tsv`, read when a call has failed.

A row has an errorcode, the kind of its fault, when Moodle raises it, and the name of its hint in
`data/hints.tsv`; the last two may be missing. `tools/errorcodes` finds the errorcodes in Moodle's
source.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib import resources

from moodle_mcp.errors import Kind


class When(StrEnum):
    """When a function's work is refused, which decides what may have been written."""

    BEFORE = "before"
    """Before the function is run: the token, the service and the user are checked."""
    CHECKING = "checking"
    """While the function checks what it was given, before it changes that item."""
    ANY_TIME = ""
    """It may also come after a part of the work was done."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a failure means; `hint` is None where the kind's own is right."""

    kind: Kind
    when: When = When.ANY_TIME
    hint: str | None = None


def meaning_of(errorcode: str) -> Meaning | None:
    """Return what an errorcode means, or None if it is not in the table."""
    # Nothing is kept between failures: a table of some 600 short lines is read in a millisecond.
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
    """What stands behind a name in a table."""
    start = f"{name}\t"
    data = resources.files("moodle_mcp.site") / "data" / table
    with data.open(encoding="utf-8") as rows:
        row = next((row for row in rows if row.startswith(start)), None)
    return None if row is None else row.removeprefix(start).rstrip("\n")
