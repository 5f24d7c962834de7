"""The operator's allowlist: profiles, names, globs and exclusions.

Exclusion beats inclusion, in any order.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import resources
from typing import Final

from moodle_mcp.catalogue.loading import component_of
from moodle_mcp.errors import SettingsError
from moodle_mcp.suggest import similar

ALL: Final = "all"
FILE_TOOLS: Final = ("download_file", "upload_file")
"""Built-in tools that the allowlist covers like Moodle's functions."""

PROFILES: Final = ("default", "student", "teacher", "manager", "admin", "reports")

# The type and name of a plugin and what the function does: `local_shop_get_orders`, `local_*`.
_PLUGIN = re.compile(r"[a-z0-9]+_([a-z0-9]+_|.*[*?])")
_ENTRY = re.compile(r"-?[a-z0-9_*?]+")


@dataclass(frozen=True, slots=True)
class Names:
    """Full names, and globs such as `mod_quiz_*`."""

    full: frozenset[str] = frozenset()
    globs: frozenset[str] = frozenset()

    def match(self, function: str) -> str | None:
        """The entry that matches a function: its full name or a glob; None if none does."""
        if function in self.full:
            return function
        return next((glob for glob in sorted(self.globs) if fnmatchcase(function, glob)), None)


@dataclass(frozen=True, slots=True)
class Allowlist:
    """What is included and what is excluded."""

    included: Names
    excluded: Names


def parse_allowlist(text: str, known: Collection[str]) -> Allowlist:
    """Parse `MOODLE_MCP_TOOLS`; entries are separated by commas or spaces.

    `known` are the catalogue's functions. A name of a component that the catalogue does not know is
    taken for a plugin's function.

    Raises:
        SettingsError: an entry is malformed, or matches nothing.
    """
    included: list[str] = []
    excluded: list[str] = []
    components = {component_of(name) for name in known}
    known = [*known, *FILE_TOOLS]
    for entry in text.replace(",", " ").split():
        if not _ENTRY.fullmatch(entry):
            raise SettingsError(f"MOODLE_MCP_TOOLS: {entry!r} is not a function name or glob")
        names = _expanded(entry.removeprefix("-"), known, components)
        (excluded if entry.startswith("-") else included).extend(names)
    if not included:
        raise SettingsError("MOODLE_MCP_TOOLS includes nothing: name a profile, functions or all")
    return Allowlist(_names(included), _names(excluded))


def profile(name: str) -> frozenset[str]:
    """The functions of one of `PROFILES`, each by its full name."""
    return frozenset(_names_in(f"profiles/{name}.txt"))


def everyday_writes() -> list[str]:
    """The writes that are used most, the most used first."""
    return _names_in("everyday-writes.txt")


def _names_in(file: str) -> list[str]:
    return (resources.files("moodle_mcp.policy") / file).read_text(encoding="utf-8").split()


def _expanded(name: str, known: Collection[str], components: Collection[str]) -> Collection[str]:
    """The names and globs that an entry stands for."""
    if name == ALL:
        return ["*"]
    if name in PROFILES:
        return profile(name)
    if name in known or any(fnmatchcase(function, name) for function in known):
        return [name]
    component = component_of(name)
    misspelt = similar(component, components, cutoff=0.85)
    if _PLUGIN.match(name) and not misspelt and component not in components:
        return [name]
    near = similar(name, [*known, *PROFILES, ALL])
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise SettingsError(f"MOODLE_MCP_TOOLS: {name} matches no Moodle function{hint}")


def _names(entries: list[str]) -> Names:
    globs = frozenset(entry for entry in entries if "*" in entry or "?" in entry)
    return Names(frozenset(entries) - globs, globs)
