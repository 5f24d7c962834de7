"""Parts of values that are being cut into pages, and how long their JSON text is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, cast

from moodle_mcp.catalogue.paths import Path

NOTHING: Final = object()
ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(slots=True)
class Tail:
    """The items of a list from `first` on; the one at `first` may itself be partly shown."""

    items: list[Any]
    first: int
    head: Any = NOTHING

    def item(self, index: int) -> Any:
        return self.head if index == self.first and self.head is not NOTHING else self.items[index]


class OpenObject(dict[str, Any]):
    """The keys of an object that are left, of one of which a part may have been shown."""


@dataclass(slots=True)
class Piece:
    """Where a list was cut: `shown` of its items from `first` on are on the page, the first of
    them perhaps going on from the page before.
    """

    path: Path
    first: int
    shown: int
    total: int
    goes_on: bool


def is_begun(value: Any) -> bool:
    return isinstance(value, Tail | OpenObject)


def length(value: Any) -> int:
    """Characters of a value's compact JSON text."""
    return len(ENCODER.encode(value))


def beginning(text: str, room: int) -> str:
    """As much of a text as JSON writes in a room; six characters for one that it must escape."""
    sizes = (room - 2, room * 4 // 5, room // 2, room // 7)
    return next(text[:size] for size in sizes if length(text[:size]) <= room)


class Measure:
    """Measures values against a page's room, each that is too long once."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._too_long: dict[int, Any] = {}

    def size(self, value: Any, limit: int) -> int:
        """Characters of a value's JSON text; more than the limit may be told as any such number.

        What was once found too long for a page is not measured again, or a long answer would be
        written out for each of its pages.
        """
        match value:
            case Tail():
                size = 2
                for index in range(value.first, len(value.items)):
                    size += 1 + self.size(value.item(index), limit - size)
                    if size > limit:
                        break
                return size
            case OpenObject():
                size = 2
                for key, child in value.items():
                    size += length(key) + 2 + self.size(child, limit - size)
                    if size > limit:
                        break
                return size
            case list() | dict():
                value = cast("list[Any] | dict[str, Any]", value)
                if id(value) in self._too_long:
                    return max(self._room, limit) + 1
                size = length(value)
                if size > self._room:
                    self._too_long[id(value)] = value
                return size
            case _:
                return length(value)
