"""Join the pages of an answer, as a careful reader of it would."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from moodle_mcp.presentation.fence import Fence

SHORTENED = re.compile(
    r'(.*) \[… (\d+) characters in all; more_results\("([^"]+)"\) goes on\]', re.S
)

Steps = tuple[str | int, ...]


def render_rules(path: str) -> Steps:
    """Return the keys and indexes of a path such as `result.users[57].roles[2]`."""
    found = re.findall(r"\[(\d+)\]|([^.\[\]]+)", path)
    return tuple(int(index) if index else key for index, key in found)


def joined(whole: Any, page: Any, start: Steps) -> Any:
    """Add a page to the pages joined so far; `start` is the path where the page continues."""
    match whole, page:
        case dict(), dict():
            known, more = cast("dict[str, Any]", whole), cast("dict[str, Any]", page)
            result = dict(known)
            for key, child in more.items():
                inside = start[1:] if start[:1] == (key,) else ()
                result[key] = joined(known[key], child, inside) if key in known else child
            return result
        case list(), list():
            items, more = cast("list[Any]", whole), cast("list[Any]", page)
            first = start[0] if start and isinstance(start[0], int) else len(items)
            if first < len(items):
                assert first == len(items) - 1, "an item can go on only at the end"
                head = joined(items[first], more[0], start[1:])
                return [*items[:first], head, *more[1:]]
            return [*items, *more]
        case _:
            raise AssertionError(f"{whole!r} and {page!r} can't be joined")


def restored(value: Any, rest_of: Callable[[str], str], fence: Fence | None = None) -> Any:
    """Return the value with its shortened texts restored."""
    match value:
        case str():
            match_ = SHORTENED.fullmatch(value)
            if match_ is None:
                return value
            start = match_.group(1)
            inner = fence.inside(start) if fence else None
            text = (start if inner is None else inner) + rest_of(match_.group(3))
            assert len(text) == int(match_.group(2))
            return text if inner is None or fence is None else fence.around(text)
        case dict():
            items = cast("Mapping[str, Any]", value).items()
            return {key: restored(child, rest_of, fence) for key, child in items}
        case list():
            return [restored(child, rest_of, fence) for child in cast("list[Any]", value)]
        case _:
            return value
