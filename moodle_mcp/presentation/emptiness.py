"""Says what a call left out that may be the reason for its empty answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from moodle_mcp.catalogue.model import Function, ListOf, Object


def is_empty(result: Any) -> bool:
    """Whether an answer has no entries: an empty list, or an object whose lists are all empty."""
    if not isinstance(result, dict):
        return result == []
    values = cast("dict[str, Any]", result).values()
    lists = [cast("list[Any]", each) for each in values if isinstance(each, list)]
    return bool(lists) and not any(lists)


def ids_not_given(function: Function, arguments: Mapping[str, Any]) -> str:
    """The optional lists of ids of a read that a call left out: `courseids, groupids`.

    Several reads find nothing without them (core_calendar_get_calendar_events, observed on 4.5.6).
    """
    return ", ".join(_not_given(function.params, arguments)) if function.reads_only else ""


def _not_given(params: Object, arguments: Mapping[str, Any]) -> Iterator[str]:
    for key, node in params.keys.items():
        value = arguments.get(key)
        if isinstance(node, Object):
            inside = cast("Mapping[str, Any]", value if isinstance(value, Mapping) else {})
            yield from _not_given(node, inside)
        elif isinstance(node, ListOf) and key.endswith("ids") and not value:
            yield key
