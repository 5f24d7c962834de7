"""Paths to parts of arguments and answers, and values as an error shows them."""

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
    """The part of a tree that a path leads to; None where the tree has nothing."""
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
    """A path as agents read it: `users[0].email`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{_key(step)}" for step in path)
    return text.removeprefix(".")


def pattern(path: Path) -> str:
    """A path without its indexes, as the catalogue's tables have it: `users[].email`."""
    text = "".join("[]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def item_at(path: str, lists: Collection[str]) -> tuple[str, int, str] | None:
    """The list, the index and the rest of a path about an item of one of the lists, else None:
    `("users", 2, ".email")` of `users[2].email`.
    """
    match = _ITEM.fullmatch(path)
    return (match[1], int(match[2]), match[3]) if match and match[1] in lists else None


def with_index(path: str, lists: Collection[str], indexes: Sequence[int]) -> str:
    """A path about an item of one of the lists, with another index: `indexes[2]` in `users[2].id`.

    Any other path stays as it is.
    """
    found = item_at(path, lists)
    if found is None:
        return path
    name, index, rest = found
    return f"{name}[{indexes[index]}]{rest}"


def _key(key: str) -> str:
    """A key as a path shows it, which may be anything that a client sent."""
    text = key.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def shown_at(arguments: Any, path: Path, value: Any) -> str:
    """A value of the arguments as an error may show it; never a secret or what may hold one."""
    if is_secret_at(arguments, path):
        return "the value"
    if isinstance(value, str) and not _MARKUP.isdisjoint(value) and may_name_secret(value):
        # Most likely a list or an object as a text that can't be read.
        return "the value"
    return shown(value)


def shown(value: Any) -> str:
    """A value as an error may show it: its kind if large, and cut."""
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "an object"
    if isinstance(value, int) and abs(value) >= 10**_MAX_SHOWN:
        return f"an integer of more than {_MAX_SHOWN} digits"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}… ({len(text)} characters)"
