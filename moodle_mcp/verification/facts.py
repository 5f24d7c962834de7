"""What the checks compare items with: facts about people, groups and rows, each by its owner.

A source answers the facts of the owners that it could read. An owner that nothing has is
`Unread.GONE`. Owners without a fact are unknown.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from moodle_mcp.verification.compare import Unread
from moodle_mcp.verification.reads import Reads

Source: TypeAlias = Callable[[Sequence[Any], Reads], Awaitable[Mapping[Any, Any]]]


@dataclass(frozen=True, slots=True)
class Fact:
    """A source, and what it tells, in words."""

    source: Source
    subject: str


def rows_in(answer: Any, within: str = "") -> list[Mapping[str, Any]]:
    """Return the objects in a list, or in the list under a key.

    Raises:
        KeyError, TypeError: the answer has another shape, and tells nothing.
    """
    if within:
        answer = cast("Mapping[str, Any]", answer)[within]
    entries = cast("list[Any]", answer) if isinstance(answer, list) else []
    return [cast("Mapping[str, Any]", each) for each in entries if isinstance(each, Mapping)]


def ids_in(rows: Iterable[Mapping[str, Any]]) -> frozenset[int]:
    """Return the ids of rows."""
    return frozenset(row["id"] for row in rows if "id" in row)


async def people_of(course: int, reads: Reads, *fields: str) -> list[Mapping[str, Any]] | None:
    """Return the participants of a course with these fields; None if they can't be read."""
    chosen = {"name": "userfields", "value": ",".join(("id", *fields))}
    answer = await reads.ask("core_enrol_get_enrolled_users", courseid=course, options=[chosen])
    return None if answer is None else rows_in(answer)


def seen(people: Collection[Any]) -> Collection[Any] | Unread:
    """Return people, or that nobody is seen, which does not mean that nobody is there.

    In separate groups a teacher without a group sees nobody (read in the source of 4.5.6).
    """
    return people or Unread.NOBODY


async def _participants(courses: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    people = {course: await people_of(course, reads) for course in courses}
    return {course: seen(ids_in(rows)) for course, rows in people.items() if rows is not None}


async def _roles(courses: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    found: dict[Any, Any] = {}
    for course in courses:
        rows = await people_of(course, reads, "roles")
        if rows is not None:
            found[course] = seen(
                frozenset(
                    (row["id"], role["roleid"])
                    for row in rows
                    for role in rows_in(row.get("roles"))
                )
            )
    return found


async def _students(courses: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    found: dict[Any, Any] = {}
    for course in courses:
        rows = await people_of(course, reads, "roles")
        if rows is not None:
            found[course] = seen(students_in(rows))
    return found


def students_in(people: Sequence[Mapping[str, Any]]) -> frozenset[int]:
    """Return those who have the role `student`."""
    return frozenset(
        row["id"]
        for row in people
        if any(role["shortname"] == "student" for role in rows_in(row.get("roles")))
    )


async def _conversations(users: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    found: dict[Any, frozenset[int]] = {}
    for user in users:
        answer = await reads.ask("core_message_get_conversations", userid=user, limitnum=0)
        if answer is not None:
            found[user] = ids_in(rows_in(answer, "conversations"))
    return found


async def _group_members(groups: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    answer = await reads.ask("core_group_get_group_members", groupids=sorted(groups))
    return {row["groupid"]: frozenset(row["userids"]) for row in rows_in(answer)}


async def _cohort_members(cohorts: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    answer = await reads.ask("core_cohort_get_cohort_members", cohortids=sorted(cohorts))
    return {row["cohortid"]: frozenset(row["userids"]) for row in rows_in(answer)}


async def _groupings(ids: Sequence[Any], reads: Reads) -> list[Mapping[str, Any]]:
    answer = await reads.ask("core_group_get_groupings", groupingids=sorted(ids), returngroups=True)
    return rows_in(answer)


async def _grouping_groups(groupings: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    rows = await _groupings(groupings, reads)
    return {row["id"]: ids_in(rows_in(row.get("groups"))) for row in rows}


async def _course_groups_of_grouping(groupings: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    """The groups of the course that a grouping belongs to."""
    found: dict[Any, frozenset[int]] = {}
    for row in await _groupings(groupings, reads):
        groups = await reads.ask("core_group_get_course_groups", courseid=row["courseid"])
        if groups is not None:
            found[row["id"]] = ids_in(rows_in(groups))
    return found


async def _course_groups(courses: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    found: dict[Any, frozenset[int]] = {}
    for course in courses:
        groups = await reads.ask("core_group_get_course_groups", courseid=course)
        if groups is not None:
            found[course] = ids_in(rows_in(groups))
    return found


async def _course_groupings(courses: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    found: dict[Any, frozenset[int]] = {}
    for course in courses:
        groupings = await reads.ask("core_group_get_course_groupings", courseid=course)
        if groupings is not None:
            found[course] = ids_in(rows_in(groupings))
    return found


async def _found_or_gone(
    ids: Sequence[Any], ask: Callable[[Sequence[Any]], Awaitable[Any]]
) -> Mapping[Any, Any]:
    """Read rows by ids with one read; an id without a row is gone."""
    answer = await ask(sorted(ids))
    if answer is None:
        return {}
    return dict.fromkeys(ids, Unread.GONE) | {row["id"]: row for row in rows_in(answer)}


async def _users(ids: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    async def ask(some: Sequence[Any]) -> Any:
        values = [str(each) for each in some]
        return await reads.ask("core_user_get_users_by_field", field="id", values=values)

    return await _found_or_gone(ids, ask)


async def _suspended(ids: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    rows = await _users(ids, reads)
    return {key: row if row is Unread.GONE else _flags(row) for key, row in rows.items()}


def _flags(row: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(name for name in ("suspended",) if row.get(name))


async def _user_fields(ids: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    rows = await _users(ids, reads)
    return {
        key: frozenset(each["shortname"] for each in rows_in(row.get("customfields")))
        for key, row in rows.items()
        if row is not Unread.GONE
    }


async def _preferences(users: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    found: dict[Any, frozenset[tuple[str, str]]] = {}
    for user in users:
        answer = await reads.ask("core_user_get_user_preferences", userid=user)
        if answer is not None:
            found[user] = frozenset(
                (row["name"], str(row["value"])) for row in rows_in(answer, "preferences")
            )
    return found


async def _courses(ids: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    # By field, one id that does not exist fails the read (observed on 4.5.6).
    answer = await reads.ask("core_course_get_courses", options={"ids": sorted(ids)})
    return {row["id"]: row for row in rows_in(answer)}


async def _course_fields(ids: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    rows = await _courses(ids, reads)
    return {
        key: frozenset(each["shortname"] for each in rows_in(row.get("customfields")))
        for key, row in rows.items()
    }


async def _format_options(ids: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    rows = await _courses(ids, reads)
    return {
        key: frozenset(each["name"] for each in rows_in(row.get("courseformatoptions")))
        for key, row in rows.items()
    }


async def _categories(ids: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    async def ask(some: Sequence[Any]) -> Any:
        criterion = {"key": "ids", "value": ",".join(map(str, some))}
        return await reads.ask(
            "core_course_get_categories", criteria=[criterion], addsubcategories=False
        )

    return await _found_or_gone(ids, ask)


async def _groups(ids: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    async def ask(some: Sequence[Any]) -> Any:
        return await reads.ask("core_group_get_groups", groupids=some)

    return await _found_or_gone(ids, ask)


async def _grouping_rows(ids: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    async def ask(some: Sequence[Any]) -> Any:
        return await reads.ask("core_group_get_groupings", groupingids=some)

    return await _found_or_gone(ids, ask)


async def _cohorts(ids: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    rows = rows_in(await reads.ask("core_cohort_get_cohorts"))
    return {row["id"]: row for row in rows if row["id"] in ids}


async def _cohort_by_number(numbers: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    """The cohort that has an id number."""
    answer = await reads.ask("core_cohort_get_cohorts")
    if answer is None:
        return {}
    taken = {row["idnumber"]: row["id"] for row in rows_in(answer) if row.get("idnumber")}
    return {number: taken.get(number, Unread.GONE) for number in numbers}


async def _meta_courses(courses: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    """The types of the enrolment methods that work in a course."""
    found: dict[Any, frozenset[str]] = {}
    for course in courses:
        answer = await reads.ask("core_enrol_get_course_enrolment_methods", courseid=course)
        if answer is not None:
            found[course] = frozenset(str(row.get("type")) for row in rows_in(answer))
    return found


async def _unread_notifications(users: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    name = "message_popup_get_unread_popup_notification_count"
    counts = {user: await reads.ask(name, useridto=user) for user in users}
    return {user: count for user, count in counts.items() if count is not None}


GENERAL: Final[Mapping[str, Fact]] = {
    "participants": Fact(_participants, "who participates in the course"),
    "roles": Fact(_roles, "who has which role in the course"),
    "students": Fact(_students, "who is a student in the course"),
    "conversations": Fact(_conversations, "which conversations the user has"),
    "group_members": Fact(_group_members, "who is in the groups"),
    "cohort_members": Fact(_cohort_members, "who is in the cohorts"),
    "grouping_groups": Fact(_grouping_groups, "which groups the groupings have"),
    "course_groups_of_grouping": Fact(
        _course_groups_of_grouping, "whether the groups belong to the groupings' courses"
    ),
    "course_groups": Fact(_course_groups, "which groups the course has"),
    "course_groupings": Fact(_course_groupings, "which groupings the course has"),
    "user": Fact(_users, "what the accounts are like"),
    "user_flags": Fact(_suspended, "whether the accounts exist and are active"),
    "user_fields": Fact(_user_fields, "which profile fields were saved"),
    "preferences": Fact(_preferences, "which preferences were saved"),
    "course": Fact(_courses, "what the courses are like"),
    "course_fields": Fact(_course_fields, "which custom fields the courses have"),
    "format_options": Fact(_format_options, "which settings the courses' format has"),
    "category": Fact(_categories, "whether the categories exist"),
    "group": Fact(_groups, "whether the groups exist"),
    "grouping": Fact(_grouping_rows, "whether the groupings exist"),
    "cohort": Fact(_cohorts, "what the cohorts are like"),
    "cohort_by_number": Fact(_cohort_by_number, "whether the id numbers are taken"),
    "enrolment_methods": Fact(_meta_courses, "which enrolment methods work in the course"),
    "unread_notifications": Fact(_unread_notifications, "whether anything was unread"),
}
"""The facts that are not about activities, by name."""
