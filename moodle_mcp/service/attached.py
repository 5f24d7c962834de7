"""Counts what is deleted along with a thing: enrolments of a course, members of a group."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

import anyio

from moodle_mcp.service.confirmation_text import quoted_name
from moodle_mcp.service.id_names import Read

MOST_THINGS: Final = 10
"""Most things of one call whose attachments are counted."""

COUNTING_TIME: Final = 5.0
"""Most seconds spent on counting."""

Count: TypeAlias = Callable[[int, Read], Awaitable[Sequence[str]]]
"""What is attached to the thing with an id, such as `["258 enrolments", "12 activities"]`."""


async def find_attached(function: str, arguments: Mapping[str, Any], read: Read) -> str:
    """What is deleted along with each thing that a call deletes: `5: 2 enrolments, 1 activity`.

    It is empty for a call that deletes nothing with attachments. What could not be counted, because
    the policy withholds the read or time is up, is left out.
    """
    argument, count = _DELETIONS.get(function, ("", _of_nothing))
    ids = list(dict.fromkeys(_ids(arguments.get(argument))))
    attached: list[str] = []
    with anyio.move_on_after(COUNTING_TIME):
        for number in ids[:MOST_THINGS]:
            parts = await count(number, read)
            if parts:
                attached.append(f"{number}: {', '.join(parts)}")
    if attached and len(ids) > MOST_THINGS:
        attached.append(f"{len(ids) - MOST_THINGS} more were not counted")
    return "; ".join(attached)


async def _of_nothing(_: int, __: Read) -> Sequence[str]:
    return []


def _ids(value: Any) -> Iterable[int]:
    """The ids in a list of ids, or of objects with an `id`."""
    for item in cast("list[Any]", value) if isinstance(value, list) else []:
        number = cast("Mapping[str, Any]", item).get("id") if isinstance(item, Mapping) else item
        if isinstance(number, int) and not isinstance(number, bool):
            yield number


async def _of_course(number: int, read: Read) -> Sequence[str]:
    only_ids = [{"name": "userfields", "value": "id"}]
    people = await read("core_enrol_get_enrolled_users", {"courseid": number, "options": only_ids})
    sections = await read(
        "core_course_get_contents",
        {"courseid": number, "options": [{"name": "excludecontents", "value": "1"}]},
    )
    activities = [each for section in _rows(sections) for each in _rows(section.get("modules"))]
    return [
        *_number(people, "enrolment"),
        *([] if sections is None else _number(activities, "activity", "activities")),
    ]


async def _of_category(number: int, read: Read) -> Sequence[str]:
    found = await read(
        "core_course_get_courses_by_field", {"field": "category", "value": str(number)}
    )
    courses = cast("Mapping[str, Any]", found).get("courses") if found else None
    return _number(courses, "course")


async def _of_user(number: int, read: Read) -> Sequence[str]:
    return _number(await read("core_enrol_get_users_courses", {"userid": number}), "enrolment")


async def _of_group(number: int, read: Read) -> Sequence[str]:
    return _members(await read("core_group_get_group_members", {"groupids": [number]}))


async def _of_cohort(number: int, read: Read) -> Sequence[str]:
    return _members(await read("core_cohort_get_cohort_members", {"cohortids": [number]}))


async def _of_grouping(number: int, read: Read) -> Sequence[str]:
    arguments = {"groupingids": [number], "returngroups": True}
    rows = _rows(await read("core_group_get_groupings", arguments))
    return _number(rows[0].get("groups"), "group") if rows else []


async def _of_activity(number: int, read: Read) -> Sequence[str]:
    """The activity's name and type, and the submissions if it is an assignment."""
    found = await read("core_course_get_course_module", {"cmid": number})
    module = cast("Mapping[str, Any]", found or {}).get("cm")
    if not isinstance(module, Mapping):
        return []
    fields = cast("Mapping[str, Any]", module)
    parts = [f"{fields.get('modname')} {quoted_name(str(fields.get('name')))}"]
    if fields.get("modname") == "assign":
        arguments = {"assignmentids": [fields.get("instance")], "status": "submitted"}
        found = await read("mod_assign_get_submissions", arguments)
        assignments = _rows(cast("Mapping[str, Any]", found or {}).get("assignments"))
        for each in assignments:
            parts += _number(each.get("submissions"), "submission")
    return parts


_DELETIONS: Final[Mapping[str, tuple[str, Count]]] = {
    "core_course_delete_courses": ("courseids", _of_course),
    "core_course_delete_categories": ("categories", _of_category),
    "core_course_delete_modules": ("cmids", _of_activity),
    "core_user_delete_users": ("userids", _of_user),
    "core_group_delete_groups": ("groupids", _of_group),
    "core_group_delete_groupings": ("groupingids", _of_grouping),
    "core_cohort_delete_cohorts": ("cohortids", _of_cohort),
}
"""Functions that delete things with attachments: the argument with their ids, and how to count."""


def _members(answer: Any) -> Sequence[str]:
    rows = _rows(answer)
    return _number(rows[0].get("userids"), "member") if rows else []


def _rows(value: Any) -> list[Mapping[str, Any]]:
    rows = cast("list[Any]", value) if isinstance(value, list) else []
    return [cast("Mapping[str, Any]", row) for row in rows if isinstance(row, Mapping)]


def _number(value: Any, one: str, many: str | None = None) -> list[str]:
    """How many a list has: `["1 member"]`; nothing for what is no list."""
    if not isinstance(value, list):
        return []
    number = len(cast("list[Any]", value))
    return [f"{number:,} {one if number == 1 else many or f'{one}s'}"]
