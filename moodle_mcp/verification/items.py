"""The items of a call as the checks see them, and the values at a check's paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from moodle_mcp.catalogue.silent import Check

ANSWER: Final = "answer"
"""The key of Moodle's answer to an item, after the write."""

CALLER: Final = "caller"
"""The key of the token's user."""

OPTION: Final = "option"
"""The key of the values of `options` by their names."""

_NO_VALUES: Final[tuple[Any, ...]] = (None, "", "0", "false", 0, False, [], {})


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a call.

    `own` is the item itself; empty if it is not an object. `every` has the call's other arguments
    too.
    """

    index: int
    own: Mapping[str, Any]
    every: Mapping[str, Any]

    def with_answer(self, answer: Any) -> Item:
        """Return the item together with Moodle's answer to it."""
        return Item(self.index, self.own, {**self.every, ANSWER: answer})


def items_of(
    arguments: Mapping[str, Any], lists: Sequence[str], caller: int | None = None
) -> list[Item]:
    """Return the items in the lists of these names; without lists, all arguments are one item.

    Parallel lists make one item of their entries at each position.
    """
    rest = {name: value for name, value in arguments.items() if name not in lists}
    rest |= {CALLER: caller, OPTION: _by_name(arguments.get("options"))}
    if not lists:
        return [Item(0, arguments, rest)]
    items: list[Item] = []
    for index, entries in enumerate(zip(*(arguments[name] for name in lists), strict=True)):
        first = entries[0]
        if isinstance(first, Mapping):
            own = cast("Mapping[str, Any]", first)
        else:
            own = dict(zip(lists, entries, strict=True))
        items.append(Item(index, own, {**rest, **own}))
    return items


def applies(check: Check, item: Item) -> bool:
    """Whether an item has the values that make a check necessary."""
    if check.given and not has_value(item, check.given):
        return False
    if any(has_value(item, path) for path in check.lacking):
        return False
    if check.problem == "above" and not any(value > 0 for value in compared(check, item)):
        return False
    return all(value in values_at(item.every, path) for path, value in check.where)


def has_value(item: Item, path: str) -> bool:
    """Whether an item has a value at a path: 0, false and empty texts are none."""
    return any(value not in _NO_VALUES for value in values_at(item.every, path))


def _by_name(options: Any) -> Mapping[str, Any]:
    entries = cast("list[Any]", options) if isinstance(options, list) else []
    named = [cast("Mapping[str, Any]", each) for each in entries if isinstance(each, Mapping)]
    return {each["name"]: each.get("value") for each in named if "name" in each}


def owner_of(check: Check, item: Item) -> Any:
    """Return the key of the fact that an item is compared with; None if a part is missing."""
    parts = [next(iter(values_at(item.every, path)), None) for path in check.owner]
    if None in parts:
        return None
    return parts[0] if len(parts) == 1 else tuple(parts)


def compared(check: Check, item: Item) -> list[Any]:
    """Return the values of an item that a check compares: tuples if the check has several paths."""
    if check.constant is not None:
        return [check.constant]
    columns = [values_at(item.every, path) for path in check.value]
    if len(columns) == 1:
        return columns[0]
    return list(zip(*columns, strict=False))


def values_at(value: Any, path: str) -> list[Any]:
    """Return the values at a path such as `plugindata.text` or `preferences[].type`."""
    found: list[Any] = [value]
    for step in path.split("."):
        name = step.removesuffix("[]")
        found = [
            cast("Mapping[str, Any]", each)[name]
            for each in found
            if isinstance(each, Mapping) and name in each
        ]
        if step.endswith("[]"):
            lists = [cast("list[Any]", each) for each in found if isinstance(each, list)]
            found = [entry for each in lists for entry in each]
    return [each for each in found if each is not None]
