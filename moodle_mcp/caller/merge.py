"""Joining the answers of several requests to the answer of one call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import reduce
from typing import Any, cast


def merge(answers: Sequence[Any], *, distinct: bool) -> Any:
    """The answers in item order as one: lists joined, objects member by member, null stays null.

    With `distinct` a list keeps an entry only once: a read over many ids repeats what two of its
    requests found.
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
            # `status` and `result` of a whole are true only if every part's is.
            return first and second
        case int(), int():
            # A code of what went wrong in one part is not hidden by a part that went well.
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
