"""How much a function may change.

Every function of the catalogue is classified by us in `data/classification.tsv`: Moodle's own
label says read of some that copy courses, and hands out keys in others. A row has the name, the
class, flags, and a reason wherever we differ from Moodle's label, set a flag, or there is more to
know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from importlib import resources
from typing import Final


class Access(Enum):
    """What a function may do, in rising order; as a setting, the most that is allowed.

    `DESTRUCTIVE` removes or overwrites what can't be brought back, or sends something to people.
    """

    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"

    def allows(self, needed: Access) -> bool:
        """Whether an operator who set this allows a function that needs `needed`."""
        order = list(Access)
        return order.index(needed) <= order.index(self)


BY_FULL_NAME_ONLY: Final = frozenset({"secret", "runs_others", "internal", "fetches"})
"""Flags of functions that a glob or `all` does not include.

- `secret` hands out keys, tokens or passwords.
- `runs_others` runs any function it is told to.
- `internal` is made for Moodle's own pages.
- `fetches` makes the site send requests to addresses from the arguments or from what users entered.
  `python -m tools.effects` finds such functions in Moodle's source. A function that asks only a
  server in the site's settings is not among them.

The fifth flag, `logs_view`, only records a view.
"""


@dataclass(frozen=True, slots=True)
class Classification:
    """What we say of a function."""

    access: Access
    flags: frozenset[str] = frozenset()
    reason: str = ""

    @property
    def hands_out_keys(self) -> bool:
        """Whether keys and tokens in its answer are what it is called for."""
        return "secret" in self.flags

    @property
    def by_full_name_only(self) -> bool:
        """Whether an operator must name the function itself to allow it."""
        return bool(self.flags & BY_FULL_NAME_ONLY)


UNCLASSIFIED: Final = Classification(
    Access.DESTRUCTIVE, reason="nobody has said yet what this function does"
)
"""A plugin's function or a newer release's: it may do anything until somebody has looked."""


class Classifications:
    """The classification of every function of every release; the file is read when the first one
    is asked for, and a row when its function is.
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
