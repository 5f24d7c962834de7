"""What every string of the site passes before an agent gets it, whatever it is."""

from __future__ import annotations

from typing import Any, cast

from moodle_mcp.invisible import without_invisible
from moodle_mcp.presentation.active import without_active
from moodle_mcp.presentation.fence import without_marks


def clean(text: str, *, raw: bool = False) -> str:
    """The text without hidden characters, active Markdown and HTML, and forged marks.

    With `raw` images, links and HTML stay: whoever edits a text writes back what is there.
    """
    text = without_invisible(text)
    return without_marks(text if raw else without_active(text))


def clean_all(value: Any) -> Any:
    """The value with all its strings and keys cleaned; keys that become the same stay apart."""
    match value:
        case str():
            return clean(value)
        case dict():
            result: dict[str, Any] = {}
            for key, child in cast("dict[str, Any]", value).items():
                result[free_key(clean(key), result)] = clean_all(child)
            return result
        case list():
            return [clean_all(child) for child in cast("list[Any]", value)]
        case _:
            return value


def free_key(key: str, *taken: dict[str, Any]) -> str:
    """A key that none of some objects has: the key itself, or with a number behind it."""
    free, number = key, 1
    while any(free in each for each in taken):
        number += 1
        free = f"{key} ({number})"
    return free
