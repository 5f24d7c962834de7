"""Refusals of writes after which nothing was written, though the function is no transaction.

They are the rows of `data/refusals.tsv`: a function, an errorcode, and whether it comes before any
item is written or only before the item that it is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from importlib import resources
from typing import Final

_ENDING: Final = "*"
"""Marks the end of a sentence that some functions throw in place of an errorcode."""


class Refused(StrEnum):
    """When a function refuses."""

    BEFORE = "before"
    """Before any item is written."""
    ITEM = "item"
    """Before the item that it is about is written; earlier ones may have been."""


class Refusals:
    """The refusals of all functions, by errorcode; read when first asked."""

    def of(self, function: str) -> Mapping[str, Refused]:
        """Return a function's refusals."""
        return self._all.get(function, {})

    @cached_property
    def _all(self) -> Mapping[str, Mapping[str, Refused]]:
        found: dict[str, dict[str, Refused]] = {}
        data = resources.files("moodle_mcp.catalogue") / "data" / "refusals.tsv"
        with data.open(encoding="utf-8") as rows:
            for row in rows:
                if not row.startswith("#"):
                    function, errorcode, when, _ = row.rstrip("\n").split("\t")
                    found.setdefault(function, {})[errorcode] = Refused(when)
        return found


def refused_by(refusals: Mapping[str, Refused], errorcode: str) -> Refused | None:
    """Return when a function refuses with this errorcode or sentence; None if that is not known."""
    if errorcode in refusals:
        return refusals[errorcode]
    endings = (code for code in refusals if code.startswith(_ENDING))
    end = next((code for code in endings if errorcode.endswith(code[1:])), None)
    return None if end is None else refusals[end]
