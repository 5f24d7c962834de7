"""What the ids among a function's parameters identify."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from importlib import resources
from typing import Final


class Thing(StrEnum):
    """A kind of thing that has ids of its own.

    A module's id is that of the activity in its course (cmid); an instance's id is the one that the
    functions of its module take.
    """

    USER = "user"
    COURSE = "course"
    CATEGORY = "category"
    SECTION = "section"
    MODULE = "module"
    INSTANCE = "instance"
    GROUP = "group"
    GROUPING = "grouping"
    COHORT = "cohort"
    ROLE = "role"
    EVENT = "event"
    SCALE = "scale"
    BADGE = "badge"


@dataclass(frozen=True, slots=True)
class Reference:
    """What an id identifies; `module` is the module of an instance, such as `assign`."""

    thing: Thing
    module: str = ""


_NONE: Final = "none"
_THINGS: Final = frozenset(Thing)


class References:
    """What the ids among parameters identify; the table is read on first use.

    A row is for a key wherever it occurs, or for the path of one function, which counts first. The
    kinds of things that can't be named, such as attempts, are `none`.
    """

    def find(self, function: str, path: str) -> Reference | None:
        """Return what the id at a path (`enrolments[].userid`) identifies; None if unknown."""
        rules = self._rules
        key = path.removesuffix("[]").rpartition(".")[2]
        return rules.get(f"{function}:{path}", rules.get(key))

    def knows(self, function: str, path: str) -> bool:
        """Whether the table has a row for a path, even one that says `none`."""
        key = path.removesuffix("[]").rpartition(".")[2]
        return f"{function}:{path}" in self._rules or key in self._rules

    @property
    def rows(self) -> frozenset[str]:
        """The keys and function paths in the table."""
        return frozenset(self._rules)

    @cached_property
    def _rules(self) -> dict[str, Reference | None]:
        file = resources.files("moodle_mcp.catalogue") / "data" / "references.tsv"
        lines = file.read_text(encoding="utf-8").splitlines()
        rows = (line.split("\t") for line in lines if not line.startswith("#"))
        return {key: _reference(kind) for key, kind in rows}


def _reference(kind: str) -> Reference | None:
    if kind == _NONE:
        return None
    return Reference(Thing(kind)) if kind in _THINGS else Reference(Thing.INSTANCE, kind)
