"""What people say when they want a function, and what they want that no function does.

Data: `data/search/said.tsv` has a function a line, `data/search/unavailable.toml` the rest.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from moodle_mcp.catalogue.search_words import DATA


@dataclass(frozen=True, slots=True)
class Said:
    """How people ask for a function, and whether it is among those that they ask for most."""

    expressions: tuple[str, ...] = ()
    everyday: bool = False


@dataclass(frozen=True, slots=True)
class Unavailable:
    """What people ask for and no function does: how they ask, what the answer is, and `instead`
    the functions that help.

    `unless` are the beginnings of the names of functions that do it nevertheless, where a site or
    its operator has them.
    """

    name: str
    said: tuple[str, ...]
    text: str
    instead: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()

    def holds(self, allowed: Collection[str]) -> bool:
        """Whether none of the allowed functions does it."""
        return not any(name.startswith(self.unless) for name in allowed)


def said_of_functions() -> Mapping[str, Said]:
    """What people say, by the function's name."""
    lines = (DATA / "said.tsv").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines[1:])
    return {name: Said(tuple(said.split("; ")), everyday == "yes") for name, everyday, said in rows}


def unavailable() -> list[Unavailable]:
    """What no function does."""
    data: Mapping[str, Mapping[str, Any]] = tomllib.loads(
        (DATA / "unavailable.toml").read_text(encoding="utf-8")
    )
    return [
        Unavailable(
            name,
            tuple(entry["said"]),
            entry["text"],
            tuple(entry["instead"]),
            tuple(entry.get("unless", ())),
        )
        for name, entry in data.items()
    ]
