"""The independent items of a function: their lists, the shape of one, and its place; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias, TypeVar, cast

from moodle_mcp.catalogue.model import Function, ListOf, Node, Object, Value
from moodle_mcp.catalogue.paths import item_at, with_index
from moodle_mcp.errors import Fault, ParameterFault, Suspect
from moodle_mcp.tables.reader import TableError

_STEP: Final = re.compile(r"\w+")

AboutT = TypeVar("AboutT", ParameterFault, Suspect)
Place: TypeAlias = Callable[[int, Sequence[str]], str]
"""Returns where a value is, given the index of its item and the keys to it; "" if unknown."""


def as_arguments(function: Function, items: Sequence[Any]) -> dict[str, list[Any]]:
    """Return the items as the function's arguments; for parallel lists each item is an object.

    Raises:
        TableError: the function takes no list of independent items, or an item lacks a key.
    """
    match item_lists(function):
        case (name,):
            return {name: [_bare(function, name, item) for item in items]}
        case names:
            return {
                name: [_member(item, name, at) for at, item in enumerate(items)] for name in names
            }


def lacking(function: Function, item: Any) -> list[str]:
    """Return the parallel lists for which an item has no value; none if it goes into one list."""
    names = item_lists(function)
    given = cast("Mapping[str, Any]", item if isinstance(item, Mapping) else {})
    return [name for name in names if name not in given] if len(names) > 1 else []


def with_places(fault: Fault, function: Function, place: Place, sent: Sequence[int]) -> Fault:
    """Add to a fault where in the file its items are.

    `sent` are the indexes in the file of the call's items. Paths in the fault have the indexes of
    the call, which are replaced by those in the file.
    """
    before = fault.parameters
    after = tuple(_placed(each, function, place, sent) for each in before)
    message = fault.message.replace(_said(before[0]), _said(after[0])) if before else fault.message
    suspects = tuple(_placed(each, function, place, sent) for each in fault.suspects)
    return replace(fault, message=message, parameters=after, suspects=suspects)


def _said(fault: ParameterFault) -> str:
    """Return how a fault's message names its first parameter."""
    return f"{fault.path} {fault.problem}"


def _placed(about: AboutT, function: Function, place: Place, sent: Sequence[int]) -> AboutT:
    found = item_at(about.path, item_lists(function))
    if found is None:
        return about
    name, index, rest = found
    steps = _STEP.findall(rest)
    where = place(sent[index], steps if is_one_object(function) else [name, *steps])
    path = with_index(about.path, item_lists(function), sent)
    problem = f"{about.problem} ({where})" if where else about.problem
    return replace(about, path=path, problem=problem)


def item_lists(function: Function) -> tuple[str, ...]:
    """Return the names of the function's lists of independent items.

    Raises:
        TableError: it has none.
    """
    names = function.batching.items if function.batching else ()
    if not names:
        raise TableError(f"{function.name} takes no list of independent items")
    return names


def is_one_object(function: Function) -> bool:
    """Whether an item is an object of one list, not a plain value or part of parallel lists."""
    names = item_lists(function)
    return len(names) == 1 and isinstance(item_node(function, names[0]), Object)


def item_shape(function: Function) -> Object:
    """Return what a table's header names: an item's keys, or else the lists themselves."""
    names = item_lists(function)
    only = item_node(function, names[0])
    if len(names) == 1 and isinstance(only, Object):
        return only
    return Object({name: item_node(function, name) for name in names})


def item_node(function: Function, name: str) -> Node:
    node = function.params.keys[name]
    return node.item if isinstance(node, ListOf) else node


def _bare(function: Function, name: str, item: Any) -> Any:
    """Return an item of a plain list, which is a table's only column."""
    if isinstance(item_node(function, name), Value) and isinstance(item, dict):
        cells = list(cast("dict[str, Any]", item).values())
        return cells[0] if len(cells) == 1 else cast("Any", item)
    return item


def _member(item: Any, name: str, index: int) -> Any:
    if not isinstance(item, Mapping) or name not in item:
        raise TableError(f"item {index} has no {name}")
    return cast("Mapping[str, Any]", item)[name]
