"""Cleans every string of the site before an agent gets it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from moodle_mcp.invisible import without_invisible
from moodle_mcp.presentation.active_content import without_active
from moodle_mcp.presentation.fence import without_marks


def clean(text: str, *, raw: bool = False) -> str:
    """Remove invisible characters, active Markdown and HTML, and forged marks.

    With `raw`, images, links and HTML stay, because an edited text is written back.
    """
    text = without_invisible(text)
    return without_marks(text if raw else without_active(text))


def clean_all(value: Any) -> Any:
    """Clean all strings and keys of a value; keys that become equal are numbered."""
    match value:
        case str():
            return clean(value)
        case dict():
            result: dict[str, Any] = {}
            names = FreeKeys(result)
            for key, child in cast("dict[str, Any]", value).items():
                result[names.like(clean(key))] = clean_all(child)
            return result
        case list():
            return [clean_all(child) for child in cast("list[Any]", value)]
        case _:
            return value


class FreeKeys:
    """Makes keys that none of the given objects has, in time linear in the number of keys made."""

    def __init__(self, *taken: Mapping[str, Any]) -> None:
        self._taken = taken
        self._numbers: dict[str, int] = {}

    def like(self, key: str) -> str:
        """Return the key if it is free, else the key with the next free number."""
        number = self._numbers.get(key, 1)
        free = key if number == 1 else f"{key} ({number})"
        while any(free in each for each in self._taken):
            number += 1
            free = f"{key} ({number})"
        self._numbers[key] = number
        return free
