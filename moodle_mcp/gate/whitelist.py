"""Which functions an operator has named: profiles, names, globs and exclusions.

Exclusion beats inclusion, in whatever order they stand.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import resources
from typing import Final

from moodle_mcp.catalogue.store import component_of
from moodle_mcp.errors import SettingsError

ALL: Final = "all"
PROFILES: Final = ("default",)

# The type and name of a plugin and what the function does: `local_shop_get_orders`, `local_*`.
_PLUGIN = re.compile(r"[a-z0-9]+_([a-z0-9]+_|.*[*?])")
_ENTRY = re.compile(r"-?[a-z0-9_*?\[\]]+")


@dataclass(frozen=True, slots=True)
class Whitelist:
    """Names and globs that are included and excluded."""

    included: frozenset[str]
    excluded: frozenset[str]

    def names(self, function: str) -> bool:
        """Whether the operator has named this function; upper case or spaces never match."""
        return _matches(function, self.included) and not _matches(function, self.excluded)


def parse_whitelist(text: str, known: Collection[str]) -> Whitelist:
    """The whitelist that `MOODLE_MCP_TOOLS` says; entries are parted by commas or spaces.

    `known` are the catalogue's functions. A name of a component that the catalogue does not know
    is taken to be a plugin's.

    Raises:
        SettingsError: an entry is malformed, or names nothing.
    """
    entries = text.replace(",", " ").split()
    included: set[str] = set()
    excluded: set[str] = set()
    components = {component_of(name) for name in known}
    for entry in entries:
        if not _ENTRY.fullmatch(entry):
            raise SettingsError(f"MOODLE_MCP_TOOLS: {entry!r} is not a function name or glob")
        name = entry.removeprefix("-")
        target = excluded if entry.startswith("-") else included
        if name == ALL:
            target.add("*")
        elif name in PROFILES:
            target |= profile(name)
        else:
            _check_known(name, known, components)
            target.add(name)
    if not included:
        raise SettingsError("MOODLE_MCP_TOOLS includes nothing: name a profile, functions or all")
    return Whitelist(frozenset(included), frozenset(excluded))


def profile(name: str) -> frozenset[str]:
    """The functions of one of `PROFILES`."""
    data = resources.files("moodle_mcp.gate") / "profiles" / f"{name}.txt"
    return frozenset(data.read_text(encoding="utf-8").split())


def _check_known(name: str, known: Collection[str], components: Collection[str]) -> None:
    if name in known or (_PLUGIN.match(name) and component_of(name) not in components):
        return
    if any(fnmatchcase(function, name) for function in known):
        return
    near = difflib.get_close_matches(name, [*known, *PROFILES, ALL], n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise SettingsError(f"MOODLE_MCP_TOOLS: {name} names no function of Moodle{hint}")


def _matches(name: str, patterns: frozenset[str]) -> bool:
    return name in patterns or any(
        fnmatchcase(name, pattern) for pattern in patterns if not pattern.replace("_", "").isalnum()
    )
