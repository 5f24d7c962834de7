"""Paths to parts of arguments and answers, and formatting of values for errors."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from typing import Any, Final

from moodle_mcp.catalogue.model import ListOf, Node, Object
from moodle_mcp.redaction.arguments import is_secret_at
from moodle_mcp.redaction.names import may_name_secret

Path = tuple[str | int, ...]
"""Keys and indexes, from the outside in."""

_MAX_SHOWN: Final = 60
_ITEM: Final = re.compile(r"(\w+)\[(\d+)\](.*)", re.DOTALL)
_MARKUP: Final = frozenset('"=:<')


def node_at(node: Node | None, path: Path) -> Node | None:
    """Return the node of a tree at a path; None if there is none."""
    for step in path:
        match node:
            case Object():
                node = node.keys.get(str(step))
            case ListOf():
                node = node.item
            case _:
                return None
    return node


def path_text(path: Path) -> str:
    """Format a path for agents: `users[0].email`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{_key(step)}" for step in path)
    return text.removeprefix(".")


def pattern(path: Path) -> str:
    """Format a path without indexes, as in the catalogue's tables: `users[].email`."""
    text = "".join("[]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def item_at(path: str, lists: Collection[str]) -> tuple[str, int, str] | None:
    """Split a path into one of the lists, an item's index and the rest; None for other paths.

    `users[2].email` becomes `("users", 2, ".email")`.
    """
    match = _ITEM.fullmatch(path)
    return (match[1], int(match[2]), match[3]) if match and match[1] in lists else None


def with_index(path: str, lists: Collection[str], indexes: Sequence[int]) -> str:
    """Replace the index of an item in a path: in `users[2].id` by `indexes[2]`.

    Paths not about an item of one of the lists are unchanged.
    """
    found = item_at(path, lists)
    if found is None:
        return path
    name, index, rest = found
    return f"{name}[{indexes[index]}]{rest}"


def _key(key: str) -> str:
    """Format a key, which may be anything that a client sent."""
    text = key.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def shown_at(arguments: Any, path: Path, value: Any) -> str:
    """Format a value of the arguments for an error, without secrets and what may contain them."""
    if is_secret_at(arguments, path):
        return "the value"
    if isinstance(value, str) and not _MARKUP.isdisjoint(value) and may_name_secret(value):
        # Most likely a list or an object as JSON text that can't be parsed.
        return "the value"
    return shown(value)


def shown(value: Any) -> str:
    """Format a value for an error: large ones by their type, others cut."""
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "an object"
    if isinstance(value, int) and abs(value) >= 10**_MAX_SHOWN:
        return f"an integer of more than {_MAX_SHOWN} digits"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}… ({len(text)} characters)"
