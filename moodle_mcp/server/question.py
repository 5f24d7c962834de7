"""What a call is about, in words for the person who is asked to confirm it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from moodle_mcp.catalogue.naming import area_and_words

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
    parts = [await _argument(name, value, read) for name, value in arguments.items()]
    return f"{words.capitalize()} ({function}): {'; '.join(parts) or 'no arguments'}."


async def _argument(name: str, value: Any, read: Read) -> str:
    if not isinstance(value, list):
        return await _entry({name: value}, {}, read)
    items = cast("list[Any]", value)
    objects: list[Mapping[str, Any]] = [
        cast("Mapping[str, Any]", item) if isinstance(item, Mapping) else {name: item}
        for item in items[:SHOWN]
    ]
    own = {"id": _IDS_IN[name]} if name in _IDS_IN else {}
    shown = [await _entry(each, own, read) for each in objects]
    rest = len(items) - len(shown)
    more = f" and {rest} more" if rest > 0 else ""
    return f"{len(items)} {name}: {', '.join(shown)}{more}"


async def _entry(item: Mapping[str, Any], own: Mapping[str, Lookup], read: Read) -> str:
    """An item with the names of the ids in it."""
    texts: list[str] = []
    for key, value in item.items():
        lookup = own.get(key) or _LOOKUPS.get(key)
        if lookup is None or not isinstance(value, int):
            texts.append(f"{key} {_short(_masked(key, value))}")
        else:
            name = await _name(lookup, value, read)
            known = f"{_short(name)} ({lookup.kind} id {value})"
            texts.append(known if name else f"{lookup.kind} id {value}")
    return " ".join(texts)


async def _name(lookup: Lookup, id_: int, read: Read) -> str | None:
    answer = await read(lookup.function, lookup.arguments([id_]))
    if lookup.within and isinstance(answer, Mapping):
        answer = cast("Mapping[str, Any]", answer).get(lookup.within)
    if not isinstance(answer, list):
        return None
    for row in cast("list[Any]", answer):
        if isinstance(row, Mapping):
            found = cast("Mapping[str, Any]", row)
            if found.get("id") == id_:
                return str(found.get(lookup.name) or "") or None
    return None


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
    text = " ".join(str(value).split())
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"
