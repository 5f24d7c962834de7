"""Describe the functions of a Moodle between two releases with data, such as 4.3.

What both neighbours have is offered. What only one of them has is offered too, with a `Doubt`: the
site may refuse a whole call because of one key that it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from moodle_mcp.catalogue.model import Doubt, Function, ListOf, Node, Object, Presence, Value


def between(
    older: Function, newer: Function, releases: tuple[str, str], came: Mapping[str, str]
) -> Function:
    """Merge a function of two releases.

    `releases` are the older and the newer one. `came` tells by path in which release a parameter
    came or went, as far as known (`groups[].visibility`: 4.2).
    """
    doubts = _Doubts(releases, came)
    params = doubts.merged(older.params, newer.params, "")
    if not isinstance(params, Object):
        raise TypeError(f"{newer.name}: the parameters of a function are an object")
    returns = newer.returns
    if older.returns is not None and newer.returns is not None:
        returns = _Doubts(releases, {}).merged(older.returns, newer.returns, "")
    return replace(newer, params=params, returns=returns, doubts=doubts.found)


class _Doubts:
    """Merges trees, and notes the paths of what only one of them has."""

    def __init__(self, releases: tuple[str, str], came: Mapping[str, str]) -> None:
        self.found: dict[str, Doubt] = {}
        self._releases = releases
        self._came = came

    def merged(self, older: Node, newer: Node, path: str) -> Node:
        """Return a node that both releases have; of types that differ, the newer one."""
        presence, default = _presence(older, newer)
        match older, newer:
            case Object(), Object():
                return Object(self._keys(older.keys, newer.keys, path), presence, default)
            case ListOf(), ListOf():
                item = self.merged(older.item, newer.item, f"{path}[]")
                return ListOf(item, presence, default)
            case Value(), Value():
                nullable = older.nullable or newer.nullable
                return replace(newer, nullable=nullable, presence=presence, default=default)
            case _:
                return newer

    def _keys(
        self, older: Mapping[str, Node], newer: Mapping[str, Node], path: str
    ) -> dict[str, Node]:
        keys: dict[str, Node] = {}
        before, after = self._releases
        for key in [*newer, *(key for key in older if key not in newer)]:
            where = f"{path}.{key}".lstrip(".")
            if key in newer and key in older:
                keys[key] = self.merged(older[key], newer[key], where)
                continue
            only = newer.get(key) or older[key]
            self.found[where] = Doubt(
                before,
                after,
                self._came.get(where, ""),
                gone=key not in newer,
                required=only.presence == "required",
            )
            keys[key] = replace(only, presence="optional", default=None)
        return keys


def _presence(older: Node, newer: Node) -> tuple[Presence, Any]:
    """Return the presence that both releases accept, and the default if they have the same."""
    if "required" in (older.presence, newer.presence):
        return "required", None
    same = (older.presence, older.default) == (newer.presence, newer.default)
    return (newer.presence, newer.default) if same else ("optional", None)
