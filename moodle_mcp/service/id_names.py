"""Finds the names of the ids in a call's arguments: of courses, users, groups and more."""

from __future__ import annotations

from collections import deque
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

import anyio

NAMING_TIME: Final = 5.0
"""Most seconds spent on finding names."""

_MOST_READS: Final = 40
"""Most reads for the ids of one kind; 500 ids of which two do not exist take 35 at most."""

Read: TypeAlias = Callable[[str, Mapping[str, Any]], Awaitable[Any]]
"""Calls a read function; returns None if it is not allowed or fails."""

Names: TypeAlias = Mapping[tuple[str, int], str | None]
"""Names by kind and id, such as `("course", 5): "Biology 101"`; None if nothing has the id."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A read that finds names of ids: its arguments, and where its answer has the names."""

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
_GROUPING: Final = Lookup(
    "grouping", "core_group_get_groupings", lambda ids: {"groupingids": list(ids)}, None, "name"
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
_EVENT: Final = Lookup(
    "event",
    "core_calendar_get_calendar_events",
    lambda ids: {"events": {"eventids": list(ids)}},
    "events",
    "name",
)

_BY_KEY: Final[Mapping[str, Lookup]] = {
    "courseid": _COURSE,
    "courseids": _COURSE,
    "importfrom": _COURSE,
    "importto": _COURSE,
    "metacourseid": _COURSE,
    "userid": _USER,
    "userids": _USER,
    "touserid": _USER,
    "studentid": _USER,
    "foruserid": _USER,
    "requesteduserid": _USER,
    "groupid": _GROUP,
    "groupids": _GROUP,
    "groupingid": _GROUPING,
    "groupingids": _GROUPING,
    "cohortid": _COHORT,
    "cohortids": _COHORT,
    "categoryid": _CATEGORY,
    "newparent": _CATEGORY,
    "eventid": _EVENT,
}
# For the key `id`, the name of the list says what it identifies.
_BY_LIST: Final[Mapping[str, Lookup]] = {
    "users": _USER,
    "courses": _COURSE,
    "categories": _CATEGORY,
    "groups": _GROUP,
    "groupings": _GROUPING,
    "cohorts": _COHORT,
}


def lookup_for(argument: str, key: str) -> Lookup | None:
    """The lookup for ids under `key` in an argument; None if the key holds no ids."""
    return _BY_LIST.get(argument) if key == "id" else _BY_KEY.get(key)


async def find_names(arguments: Mapping[str, Any], read: Read) -> Names:
    """Find the names of all ids in the arguments, with one read for each kind if every id exists.

    An id whose name is not found within `NAMING_TIME` has none, so that the person need not wait.
    """
    wanted: dict[Lookup, dict[int, None]] = {}
    for lookup, number in _ids(arguments):
        wanted.setdefault(lookup, {})[number] = None
    names: dict[tuple[str, int], str | None] = {}
    with anyio.move_on_after(NAMING_TIME):
        for lookup, ids in wanted.items():
            async for found in _find(lookup, list(ids), read):
                names |= found
    return names


def unknown_ids(names: Names) -> Mapping[str, list[int]]:
    """The ids under which Moodle has nothing, by kind."""
    unknown: dict[str, list[int]] = {}
    for (kind, number), name in names.items():
        if name is None:
            unknown.setdefault(kind, []).append(number)
    return unknown


async def _find(lookup: Lookup, ids: Sequence[int], read: Read) -> AsyncGenerator[Names]:
    """Find the names of ids of one kind; if a read fails, each half of its ids is read separately.

    Several of Moodle's functions fail as a whole for one id that does not exist (observed on 4.5.6
    for courses, read in its source for groups). The other ids would then have no names.
    """
    pending = deque([ids])
    for _ in range(_MOST_READS):
        if not pending:
            return
        part = pending.popleft()
        answer = await read(lookup.function, lookup.arguments(part))
        if answer is not None:
            yield dict.fromkeys(((lookup.kind, number) for number in part), None)
            yield _named(lookup, answer)
        elif len(part) > 1:
            middle = len(part) // 2
            pending += [part[:middle], part[middle:]]


def _ids(arguments: Mapping[str, Any]) -> Iterator[tuple[Lookup, int]]:
    for argument, value in arguments.items():
        for key, each in _scalars(argument, value):
            lookup = lookup_for(argument, key)
            if lookup is not None and isinstance(each, int) and not isinstance(each, bool):
                yield lookup, each


def _scalars(key: str, value: Any) -> Iterable[tuple[str, Any]]:
    """Yield every scalar in a value with its key; a scalar in a list has the list's key."""
    match value:
        case list():
            for item in cast("list[Any]", value):
                yield from _scalars(key, item)
        case dict():
            for name, child in cast("dict[str, Any]", value).items():
                yield from _scalars(name, child)
        case _:
            yield key, value


def _named(lookup: Lookup, answer: Any) -> dict[tuple[str, int], str]:
    if lookup.within and isinstance(answer, Mapping):
        answer = cast("Mapping[str, Any]", answer).get(lookup.within)
    rows = cast("list[Any]", answer) if isinstance(answer, list) else []
    objects = [cast("Mapping[str, Any]", row) for row in rows if isinstance(row, Mapping)]
    return {
        (lookup.kind, row["id"]): str(row[lookup.name])
        for row in objects
        if isinstance(row.get("id"), int) and row.get(lookup.name)
    }
