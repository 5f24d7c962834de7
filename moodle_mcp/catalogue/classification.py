"""Classify how much each function may change.

Every function of the catalogue is classified by us in `data/classification.tsv`. Moodle's own
labels are not enough: some functions labelled "read" copy courses, others hand out keys. A row has
the name, the class, flags, and a reason if we differ from Moodle's label, set a flag, or know more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from importlib import resources
from typing import Final


class Access(Enum):
    """What a function may do, in rising order; as a setting, the most that is allowed.

    `DESTRUCTIVE` functions remove or overwrite data irrecoverably, or send something to people.
    """

    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"

    def allows(self, needed: Access) -> bool:
        """Whether this setting allows a function that needs `needed`."""
        order = list(Access)
        return order.index(needed) <= order.index(self)

    @classmethod
    def highest(cls, accesses: Collection[Access]) -> Access:
        """The highest of one or more."""
        return max(accesses, key=list(cls).index)


BY_FULL_NAME_ONLY: Final = frozenset({"secret", "runs_others", "internal", "fetches"})
"""Flags of functions that globs and `all` do not include.

- `secret`: hands out keys, tokens or passwords.
- `runs_others`: runs any function named in its arguments.
- `internal`: made for Moodle's own pages.
- `fetches`: makes the site send requests to addresses from the arguments or from what users
  entered. `python -m tools.effects` finds such functions in Moodle's source. Functions that only
  contact a server from the site's settings don't have it.

The fifth flag, `logs_view`, marks functions that only record a view.
"""


@dataclass(frozen=True, slots=True)
class Classification:
    """The classification of a function."""

    access: Access
    flags: frozenset[str] = frozenset()
    reason: str = ""

    @property
    def hands_out_keys(self) -> bool:
        """Whether the function exists to return keys or tokens."""
        return "secret" in self.flags

    @property
    def by_full_name_only(self) -> bool:
        """Whether an operator must name the function itself to allow it."""
        return bool(self.flags & BY_FULL_NAME_ONLY)


UNCLASSIFIED: Final = Classification(
    Access.DESTRUCTIVE, reason="nobody has said yet what this function does"
)
"""For functions of plugins or newer releases: they may do anything until classified."""


class Classifications:
    """The classifications of every function of every release; the file is read on first use, each
    row when its function is looked up.
    """

    def __contains__(self, function: str) -> bool:
        return function in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __getitem__(self, function: str) -> Classification:
        row = self._rows.get(function)
        if row is None:
            return UNCLASSIFIED
        access, flags, reason = row.split("\t")
        return Classification(Access(access), frozenset(filter(None, flags.split(","))), reason)

    @cached_property
    def _rows(self) -> Mapping[str, str]:
        data = resources.files("moodle_mcp.catalogue") / "data" / "classification.tsv"
        rows = data.read_text(encoding="utf-8").splitlines()
        return dict(row.split("\t", 1) for row in rows)
