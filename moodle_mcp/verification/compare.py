"""Compares an item of a write with what was read; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, cast

from moodle_mcp.catalogue.silent import Check
from moodle_mcp.verification.items import (
    ANSWER,
    Item,
    applies,
    compared,
    has_value,
    owner_of,
    values_at,
)


class Unread(Enum):
    """In place of a fact."""

    UNKNOWN = "it could not be read"
    NOBODY = "nobody can be seen"
    GONE = "nothing has the id"


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found: its text with the values in it; `fact` is unknown if it was not read."""

    check: Check
    text: str
    is_unknown: bool = False


def find(check: Check, item: Item, facts: Mapping[Any, Any]) -> Found | None:
    """Compare an item with the facts by their owners; None if the check has nothing to say."""
    if not applies(check, item):
        return None
    if not check.fact:
        wrong = _by_itself(check, item)
        return _found(check, wrong) if wrong is not None else None
    if check.fact == ANSWER:
        return _in_answer(check, item)
    owner = owner_of(check, item)
    if owner is None:
        return None
    fact = facts.get(owner, Unread.UNKNOWN)
    if fact is Unread.NOBODY and check.problem == "present":
        return None
    if fact in (Unread.UNKNOWN, Unread.NOBODY):
        return Found(check, check.text, is_unknown=True)
    if fact is Unread.GONE:
        return _found(check, [owner]) if check.problem == "gone" else None
    wrong = _wrong(check, item, fact)
    return _found(check, wrong, fact) if wrong else None


def _in_answer(check: Check, item: Item) -> Found | None:
    """Compare an item with Moodle's answer to it."""
    if check.problem == "empty":
        told = values_at(item.every, check.owner[0])
        return None if told else _found(check, [])
    fact = owner_of(check, item)
    wrong = None if fact is None else _wrong(check, item, fact)
    return _found(check, wrong, fact) if wrong else None


def _by_itself(check: Check, item: Item) -> list[Any] | None:
    """Return the values of an item that are wrong without any fact; None if none are."""
    if check.problem == "given":
        return []
    if check.problem == "missing":
        return None if any(has_value(item, path) for path in check.value) else []
    is_wrong = _ALONE[check.problem]
    return [value for value in compared(check, item) if is_wrong(check, value)] or None


_ALONE: Final[Mapping[str, Callable[[Check, Any], bool]]] = {
    "blank": lambda _, value: isinstance(value, str) and not value.strip(),
    "equal": lambda _, pair: plain(pair[0]) == plain(pair[1]),
    "before": lambda _, pair: _exceeds(pair[1], pair[0]),
    "below": lambda check, value: _exceeds(check.limit, value),
    "over": lambda check, value: _exceeds(value, check.limit),
}


def _wrong(check: Check, item: Item, fact: Any) -> list[Any]:
    """Return the values that the check is about; empty if it has nothing to say."""
    if check.keys:
        row = cast("Mapping[str, Any]", fact)
        return _same(check, item, row) if check.problem == "same" else _different(check, item, row)
    values = compared(check, item)
    match check.problem:
        case "absent":
            return [value for value in values if not _is_in(value, fact)]
        case "present":
            return values if all(_is_in(value, fact) for value in values) else []
        case "above":
            return [value for value in values if _exceeds(value, fact)]
        case "same":
            return [value for value in values if plain(value) == plain(fact)]
        case "differs":
            return [value for value in values if plain(value) != plain(fact)]
        case _:
            return []


def _is_in(value: Any, fact: Any) -> bool:
    # Some functions take ids as text.
    return value in fact or plain(value) in fact


def _exceeds(value: Any, limit: Any) -> bool:
    """Whether a number exceeds another; what is no number exceeds nothing."""
    first, second = plain(value), plain(limit)
    return isinstance(first, float) and isinstance(second, float) and first > second


def _same(check: Check, item: Item, row: Mapping[str, Any]) -> list[Any]:
    """Return the names of all keys if the row has each of the item's values already."""
    given = [key for key in item.own if key not in check.owner]
    same = all(
        key in check.keys and key in row and plain(item.own[key]) == plain(row[key])
        for key in given
    )
    return given if same else []


def _different(check: Check, item: Item, row: Mapping[str, Any]) -> list[Any]:
    return [
        key
        for key in check.keys
        if key in item.own and key in row and plain(item.own[key]) != plain(row[key])
    ]


def plain(value: Any) -> Any:
    """Return a value as Moodle's answers and arguments have it in common: `true`, 1 and "1.0"."""
    match value:
        case bool() | int() | float():
            return round(float(value), 5)
        case str():
            try:
                return round(float(value), 5)
            except ValueError:
                return value
        case _:
            return value


def _found(check: Check, values: Sequence[Any], fact: Any = None) -> Found:
    words = ", ".join(map(_short, values[:5]))
    number = plain(fact)
    shown = _number(number) if isinstance(number, float) else ""
    return Found(check, check.text.format(value=words, fact=shown))


def _short(value: Any) -> str:
    if isinstance(value, tuple):
        value = cast("tuple[Any, ...]", value)[0]
    text = _number(value) if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _number(value: float) -> str:
    """Write a number with as many decimals as Moodle stores, and without an exponent."""
    return f"{value:.5f}".rstrip("0").rstrip(".")
