"""Options whose default in Moodle copies people: the safe value is sent unless another is given.

Without options, core_course_duplicate_course copies the participants, their groups and grades
(observed on 4.5.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from moodle_mcp.catalogue.model import Function


@dataclass(frozen=True, slots=True)
class SafeOption:
    """An entry of a list of options, and what it means that the safe value was sent."""

    argument: str
    name: str
    value: str
    said: str


_OPTIONS: Final[Mapping[str, SafeOption]] = {
    "core_course_duplicate_course": SafeOption(
        "options",
        "users",
        "0",
        'No people were copied: that takes the option users "1".',
    )
}


def with_safe_option(function: Function, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add the safe value to a call that does not give the option."""
    option = _OPTIONS.get(function.name)
    if option is None or _given(option, arguments) is not None:
        return arguments
    entry = {"name": option.name, "value": option.value}
    return {**arguments, option.argument: [*_entries(option, arguments), entry]}


def said_of_safe_option(function: Function, given: Mapping[str, Any]) -> str:
    """What the caller is told if the safe value was added; empty if it was not."""
    option = _OPTIONS.get(function.name)
    return "" if option is None or _given(option, given) is not None else option.said


def asks_for_people(function: Function, arguments: Mapping[str, Any]) -> bool:
    """Whether a call copies people, which a person must confirm."""
    option = _OPTIONS.get(function.name)
    return option is not None and _given(option, arguments) not in (None, option.value)


def may_ask_for_people(function: Function) -> bool:
    """Whether a function has an option that copies people."""
    return function.name in _OPTIONS


def _given(option: SafeOption, arguments: Mapping[str, Any]) -> str | None:
    values = [
        str(entry.get("value"))
        for entry in _entries(option, arguments)
        if entry.get("name") == option.name
    ]
    # Moodle takes the last of repeated options; any other value asks for people too.
    return next(
        (value for value in values if value != option.value), values[-1] if values else None
    )


def _entries(option: SafeOption, arguments: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    entries = arguments.get(option.argument)
    return cast("list[Mapping[str, Any]]", entries) if isinstance(entries, list) else []
