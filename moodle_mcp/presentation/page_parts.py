"""Parts of values that are being cut into pages, and the length of their JSON text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, cast

from moodle_mcp.catalogue.paths import Path

NOTHING: Final = object()
ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(slots=True)
class Tail:
    """The items of a list from `first` on; of a partly shown first item, `head` is what is left."""

    items: list[Any]
    first: int
    head: Any = NOTHING

    def item(self, index: int) -> Any:
        return self.head if index == self.first and self.head is not NOTHING else self.items[index]


class OpenObject(dict[str, Any]):
    """The keys of an object that are not shown yet; one of them may be partly shown."""


@dataclass(slots=True)
class Piece:
    """A list that was cut: `shown` of its items from `first` on are on the page.

    `goes_on` means that it continues a list of the page before.
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
    """The beginning of a text whose JSON fits into `room`; an escape can take six characters."""
    sizes = (room - 2, room * 4 // 5, room // 2, room // 7)
    return next(text[:size] for size in sizes if length(text[:size]) <= room)


class Measure:
    """Measures values against a page's room; a value that is too long is measured only once."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._too_long: dict[int, Any] = {}

    def size(self, value: Any, limit: int) -> int:
        """Characters of a value's JSON text; if it is over the limit, any number over the limit.

        A value that was too long for a page is not measured again. Otherwise a long answer would be
        encoded for each of its pages.
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
