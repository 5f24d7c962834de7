"""Reads that look values up: where they take the values, and where their answers have them.

They are the rows of `data/lookups.toml`, read when first asked.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any


@dataclass(frozen=True, slots=True)
class Lookup:
    """Where a read takes the values that it looks up, and where its answer has them.

    `values` is the path of the values in the arguments: `options.ids`, `criteria[].value`. If
    `joined`, they are one text with commas. `rows` is the path of the found rows in the answer,
    empty for the answer itself.

    A row has its value under `key`. If `key_in` is set, the argument of that name says under which
    key, and `keys` has the key where it differs from the argument. `only` are the values of that
    argument that make the call a look-up; empty for all.

    `no_case` are the keys whose values are compared without case. If `all_or_none`, the values are
    criteria that must all match: none is found unless there is a row.
    """

    values: str
    key: str = ""
    key_in: str = ""
    keys: Mapping[str, str] | None = None
    only: tuple[str, ...] = ()
    rows: str = ""
    joined: bool = False
    no_case: tuple[str, ...] = ()
    all_or_none: bool = False


class Lookups:
    """The look-ups of all functions."""

    def get(self, function: str) -> Lookup | None:
        """Return where a function looks values up; None if it does not."""
        return self._all.get(function)

    @cached_property
    def _all(self) -> Mapping[str, Lookup]:
        file = resources.files("moodle_mcp.catalogue") / "data" / "lookups.toml"
        data = tomllib.loads(file.read_text(encoding="utf-8"))
        return {name: _lookup(entry) for name, entry in data.items()}


def _lookup(entry: Mapping[str, Any]) -> Lookup:
    fields: dict[str, Any] = dict(entry)
    fields |= {name: tuple(entry[name]) for name in ("only", "no_case") if name in entry}
    return Lookup(**fields)
