"""What a call is about, in words for the person who is asked to confirm it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

import anyio

from moodle_mcp.answers.fence import without_marks
from moodle_mcp.answers.invisible import without_invisible
from moodle_mcp.catalogue.naming import area_and_words

NAMING_TIME: Final = 5.0
"""Seconds that finding names may take."""

SHOWN: Final = 5
"""Items that are named; the rest is counted."""

_MAX_TEXT: Final = 80

_HIDDEN: Final = frozenset({"password", "enrolmentkey", "quizpassword", "newpassword", "token"})
"""Arguments that a question does not repeat."""

Read: TypeAlias = Callable[[str, Mapping[str, Any]], Awaitable[Any]]
"""Calls a reading function; None where it is not allowed or fails."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A read that tells the names of ids: its arguments, and where the answer has them."""

    kind: str
    function: str
    arguments: Callable[[Sequence[int]], Mapping[str, Any]]
    within: str | None
    name: str


_COURSE: Final = Lookup(
    "course",
    "core_course_get_courses_by_field",
    lambda ids: {"field": "ids", "value": ",".join(map(str, ids))},
    "courses",
    "fullname",
)
_USER: Final = Lookup(
    "user",
    "core_user_get_users_by_field",
    lambda ids: {"field": "id", "values": [str(each) for each in ids]},
    None,
    "fullname",
)
_GROUP: Final = Lookup(
    "group", "core_group_get_groups", lambda ids: {"groupids": list(ids)}, None, "name"
)
_COHORT: Final = Lookup(
    "cohort", "core_cohort_get_cohorts", lambda ids: {"cohortids": list(ids)}, None, "name"
)
_CATEGORY: Final = Lookup(
    "category",
    "core_course_get_categories",
    lambda ids: {"criteria": [{"key": "ids", "value": ",".join(map(str, ids))}]},
    None,
    "name",
)

_LOOKUPS: Final[Mapping[str, Lookup]] = {
    "courseid": _COURSE,
    "courseids": _COURSE,
    "userid": _USER,
    "userids": _USER,
    "touserid": _USER,
    "groupid": _GROUP,
    "groupids": _GROUP,
    "cohortid": _COHORT,
    "cohortids": _COHORT,
    "categoryid": _CATEGORY,
}
# Where the key is only called `id`, the function's list says of what.
_IDS_IN: Final[Mapping[str, Lookup]] = {
    "users": _USER,
    "courses": _COURSE,
    "categories": _CATEGORY,
    "groups": _GROUP,
    "cohorts": _COHORT,
}


async def question(function: str, arguments: Mapping[str, Any], read: Read) -> str:
    """One sentence that names what will go: "Delete courses: Biology 101 (course id 5)."."""
    _, words = area_and_words(function)
    shown = {name: _shown(name, value) for name, value in arguments.items()}
    names = await _names(shown, read)
    parts = [_argument(name, arguments[name], shown[name], names) for name in shown]
    return f"{words.capitalize()} ({function}): {'; '.join(parts) or 'no arguments'}."


def _shown(name: str, value: Any) -> list[Mapping[str, Any]]:
    """The items of an argument that are named, each as an object; a scalar is one item."""
    items = cast("list[Any]", value)[:SHOWN] if isinstance(value, list) else [value]
    return [
        cast("Mapping[str, Any]", item)
        if isinstance(value, list) and isinstance(item, Mapping)
        else {name: item}
        for item in items
    ]


def _lookup(argument: str, key: str, value: Any) -> Lookup | None:
    """How the name of an id is found; None for what is no id."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return _IDS_IN.get(argument) if key == "id" else _LOOKUPS.get(key)


async def _names(
    shown: Mapping[str, Sequence[Mapping[str, Any]]], read: Read
) -> Mapping[tuple[str, int], str]:
    """The names of all ids that are shown, by kind and id: one read for each kind.

    The person is not kept waiting for them: what does not come in time stays a number.
    """
    wanted: dict[Lookup, list[int]] = {}
    for argument, items in shown.items():
        for item in items:
            for key, value in item.items():
                lookup = _lookup(argument, key, value)
                if lookup is not None:
                    wanted.setdefault(lookup, []).append(value)
    names: dict[tuple[str, int], str] = {}
    with anyio.move_on_after(NAMING_TIME):
        for lookup, ids in wanted.items():
            distinct = list(dict.fromkeys(ids))
            answer = await read(lookup.function, lookup.arguments(distinct))
            if answer is not None:
                names |= {(lookup.kind, number): "not found" for number in distinct}
            names |= _found(lookup, answer)
    return names


def _found(lookup: Lookup, answer: Any) -> dict[tuple[str, int], str]:
    if lookup.within and isinstance(answer, Mapping):
        answer = cast("Mapping[str, Any]", answer).get(lookup.within)
    rows = cast("list[Any]", answer) if isinstance(answer, list) else []
    objects = [cast("Mapping[str, Any]", row) for row in rows if isinstance(row, Mapping)]
    return {
        (lookup.kind, row["id"]): str(row[lookup.name])
        for row in objects
        if isinstance(row.get("id"), int) and row.get(lookup.name)
    }


def _argument(
    argument: str,
    value: Any,
    shown: Sequence[Mapping[str, Any]],
    names: Mapping[tuple[str, int], str],
) -> str:
    entries = ", ".join(_entry(argument, item, names) for item in shown)
    if not isinstance(value, list):
        return entries
    count = len(cast("list[Any]", value))
    more = f" and {count - len(shown)} more" if count > len(shown) else ""
    return f"{count} {argument}: {entries}{more}"


def _entry(argument: str, item: Mapping[str, Any], names: Mapping[tuple[str, int], str]) -> str:
    """An item with the names of the ids in it."""
    texts: list[str] = []
    for key, value in item.items():
        lookup = _lookup(argument, key, value)
        name = names.get((lookup.kind, value)) if lookup else None
        if lookup is None:
            texts.append(f"{key} {_short(_masked(key, value))}")
        elif name is None:
            texts.append(f"{lookup.kind} id {value}")
        else:
            texts.append(f"{_short(name)} ({lookup.kind} id {value})")
    return " ".join(texts)


def _masked(key: str, value: Any) -> Any:
    """The value without what a question must not repeat, however deep it is."""
    match value:
        case _ if key in _HIDDEN:
            return "(not shown)"
        case dict():
            items = cast("dict[str, Any]", value).items()
            return {name: _masked(name, child) for name, child in items}
        case list():
            return [_masked(key, child) for child in cast("list[Any]", value)]
        case _:
            return value


def _short(value: Any) -> str:
    # A name with letters that turn the direction round could pass for another one.
    text = " ".join(without_marks(without_invisible(str(value))).split())
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"
