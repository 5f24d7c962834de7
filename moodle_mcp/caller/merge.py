"""Merges the answers of several requests into the answer of one call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import reduce
from typing import Any, cast


def merge(answers: Sequence[Any], *, distinct: bool) -> Any:
    """Merge answers in item order: lists are joined, objects merged by key, null stays null.

    With `distinct` a list keeps equal entries only once: two requests of one read may find the
    same.
    """
    if not answers:
        return None
    merged = reduce(_join, answers)
    return _distinct(merged) if distinct and len(answers) > 1 else merged


def _join(first: Any, second: Any) -> Any:
    match first, second:
        case list(), list():
            return [*cast("list[Any]", first), *cast("list[Any]", second)]
        case dict(), dict():
            left, right = cast("dict[str, Any]", first), cast("dict[str, Any]", second)
            common = {key: _join(left[key], right[key]) for key in left if key in right}
            return left | right | common
        case bool(), bool():
            # `status` and `result` are true only if they are in every answer.
            return first and second
        case int(), int():
            # An error code in one answer is not hidden by a 0 in another.
            return first or second
        case None, _:
            return second
        case _:
            return first


def _distinct(value: Any) -> Any:
    match value:
        case list():
            entries = cast("list[Any]", value)
            return list({json.dumps(entry, sort_keys=True): entry for entry in entries}.values())
        case dict():
            items = cast("dict[str, Any]", value).items()
            return {
                key: _distinct(child) if isinstance(child, list) else child for key, child in items
            }
        case _:
            return value
