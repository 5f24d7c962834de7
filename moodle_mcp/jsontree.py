"""Walks over JSON values, and measures JSON, as text before parsing or as a value.

A few megabytes of `[],` become hundreds of megabytes of objects, so a limit of bytes alone bounds
neither time nor memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

MAX_VALUES: Final = 300_000
"""Most values in the arguments of one call, or in Moodle's answer to it."""

MAX_ITEMS: Final = 50_000
"""Most entries of one list in the arguments of a call."""

MAX_LEVELS: Final = 100
"""Most levels of JSON text written by people; at most 64 are sent to Moodle."""

LARGE_VALUES: Final = 2_000
LARGE_TEXT: Final = 100_000
"""Values and characters above which work is done in the background thread."""

_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Size:
    """Size of a value: its values and characters, and the length of its longest list."""

    values: int
    characters: int
    longest: int

    @property
    def is_large(self) -> bool:
        """Whether to process it in the background thread."""
        return self.values > LARGE_VALUES or self.characters > LARGE_TEXT

    @property
    def is_too_large(self) -> bool:
        """Whether it exceeds the limits of one call."""
        return self.values > MAX_VALUES or self.longest > MAX_ITEMS


class DeepError(ValueError):
    """A JSON text is nested too deeply."""


def loaded(text: str) -> Any:
    """Parse a JSON text.

    Raises:
        DeepError: it has more than `MAX_LEVELS` levels.
        ValueError: it is not JSON.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise DeepError("nested too deeply") from None
    if is_too_deep(value):
        raise DeepError("nested too deeply")
    return value


def is_too_deep(value: Any) -> bool:
    """Whether a value has more than `MAX_LEVELS` levels."""
    pending = [(value, 1)]
    while pending:
        each, level = pending.pop()
        if level > MAX_LEVELS:
            return True
        if isinstance(each, dict):
            each = list(cast("dict[str, Any]", each).values())
        if isinstance(each, list):
            pending.extend((one, level + 1) for one in cast("list[Any]", each))
    return False


def size_of(value: Any) -> Size:
    """Measure a value; a string that may itself be JSON counts as the values it may hold.

    Counting stops shortly above `MAX_VALUES`.
    """
    values = characters = longest = 0
    pending = [value]
    while pending and values <= MAX_VALUES:
        each = pending.pop()
        values += 1
        if isinstance(each, str):
            characters += len(each)
            # The cheap test first: few strings begin like JSON.
            if each[:1] in _MAY_OPEN and each.lstrip()[:1] in _OPENING:
                values += most_values(each)
        elif isinstance(each, list):
            entries = cast("list[Any]", each)
            longest = max(longest, len(entries))
            pending.extend(entries)
        elif isinstance(each, dict):
            pending.extend(cast("dict[str, Any]", each).values())
    return Size(values, characters, longest)


_OPENING: Final = frozenset("[{")
_MAY_OPEN: Final = frozenset("[{ \t\r\n\v\f")


def head(value: Any, values: int) -> Any:
    """Copy a value, ending its lists once `values` values have been copied.

    Every list keeps its first entry and every object all of its keys.
    """
    left = values

    def copied(part: Any) -> Any:
        nonlocal left
        left -= 1
        if isinstance(part, dict):
            items = cast("dict[str, Any]", part).items()
            return {key: copied(child) for key, child in items}
        if not isinstance(part, list):
            return part
        kept: list[Any] = []
        for child in cast("list[Any]", part):
            if kept and left <= 0:
                break
            kept.append(copied(child))
        return kept

    return copied(value)


def most_values(text: str | bytes | bytearray) -> int:
    """Upper bound of the values in a JSON text; commas inside strings are counted too."""
    if isinstance(text, str):
        return 1 + text.count(",") + text.count("[") + text.count("{")
    return 1 + text.count(b",") + text.count(b"[") + text.count(b"{")


def has_more_values(text: bytes | bytearray, most: int) -> bool:
    """Whether a JSON text holds more values than `most`.

    Empty lists and objects count as two.
    """
    if len(text) <= most or most_values(text) <= most:
        return False
    found = 1
    for part in _outside_strings(text):
        found += most_values(part) - 1
        if found > most:
            return True
    return False


def _outside_strings(text: bytes | bytearray) -> Iterator[bytes]:
    """The parts of a JSON text that are not inside its strings."""
    inside, escape = False, b""
    for start in range(0, len(text), _BLOCK):
        block = (escape + text[start : start + _BLOCK]).replace(rb"\\", b"")
        # A backslash that is left at the end escapes the first character of the next block.
        escape = b"\\" if block.endswith(b"\\") else b""
        parts = block.removesuffix(b"\\").replace(rb"\"", b"").split(b'"')
        yield from parts[inside::2]
        inside ^= len(parts) % 2 == 0


def map_strings(change: Callable[[str], str], value: Any) -> Any:
    """A copy of a value with each of its strings changed, keys included."""
    match value:
        case str():
            return change(value)
        case dict():
            pairs = cast("dict[str, Any]", value).items()
            return {change(key): map_strings(change, child) for key, child in pairs}
        case list():
            return [map_strings(change, child) for child in cast("list[Any]", value)]
        case _:
            return value
