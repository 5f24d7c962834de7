"""Jobs about courses and dates."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from tools.jobs.agent import Agent
from tools.jobs.checking import failed
from tools.jobs.place import Place

_DAY: Final = 86_400
_UPDATE: Final = "core_course_update_courses"


def change_start_date(agent: Agent, place: Place) -> str:
    """Let a course, known by its short name, begin on a date."""
    return _start_course(agent, place, datetime(2027, 2, 1, tzinfo=UTC))


def change_start_date_by_facade(agent: Agent, place: Place) -> str:
    """The same where functions are found by words."""
    found = agent.do("find_functions", query="change the start date of a course", limit=3)
    names = [each["function"] for each in found["result"]["functions"]]
    if _UPDATE not in names:
        return "the function is not found"
    return _start_course(agent, place, datetime(2027, 3, 1, tzinfo=UTC))


def _start_course(agent: Agent, place: Place, date: datetime) -> str:
    start = int(date.timestamp())
    table = f"course,startdate\n{place.shortname},{start}"
    agent.do("bulk_call", function=_UPDATE, csv=table)
    given = {"field": "id", "value": place.course}
    (course,) = place.site.call("core_course_get_courses_by_field", **given)["courses"]
    return failed({"start date": course["startdate"] == start})


def what_is_due(agent: Agent, place: Place) -> str:
    """Say what is due for a student in a week."""
    week = {"timesortfrom": place.due - 7 * _DAY, "timesortto": place.due}
    function = "core_calendar_get_action_events_by_timesort"
    found = agent.do(function, **week, _query="events[].[name, course.shortname, timesort]")
    due = found["query_result"]
    events: list[dict[str, Any]] = place.student.call(function, **week)["events"]
    return failed(
        {
            "something is due": bool(due),
            "all is said": [when for *_, when in due] == [each["timesort"] for each in events],
        }
    )


def copy_without_people(agent: Agent, place: Place) -> str:
    """Copy a course with its activities and without its people."""
    made = agent.do(
        "core_course_duplicate_course",
        courseid=place.course,
        fullname=f"{place.name} copy",
        shortname=f"{place.name}-copy",
        categoryid=place.category,
    )["result"]["id"]
    return failed(
        {
            "activities": _activities(place, made) == _activities(place, place.course),
            "no people": place.site.participants(made) == [],
            "groups are empty": not any(_members(place, made)),
        }
    )


def _members(place: Place, course: int) -> list[list[int]]:
    """Return the members of each group of a course."""
    groups = place.site.call("core_group_get_course_groups", courseid=course)
    ids = [each["id"] for each in groups]
    if not ids:
        return []
    found = place.site.call("core_group_get_group_members", groupids=ids)
    return [each["userids"] for each in found]


def _activities(place: Place, course: int) -> list[tuple[str, str]]:
    contents = place.site.call("core_course_get_contents", courseid=course)
    return [(each["modname"], each["name"]) for section in contents for each in section["modules"]]


def unused_courses(agent: Agent, place: Place) -> str:
    """Find the courses of a category that no student has opened for 30 days."""
    since = place.now - 30 * _DAY
    found = agent.do(
        "core_course_get_courses_by_field",
        field="category",
        value=str(place.category),
        _query="courses[].id",
    )
    courses: list[int] = found["query_result"]
    seen = f"length([?lastcourseaccess > `{since}` && roles[?shortname == 'student']])"
    unused = [
        course
        for course in courses
        if agent.do("core_enrol_get_enrolled_users", courseid=course, _query=seen)["query_result"]
        == 0
    ]
    return failed(
        {
            "unused courses": set(unused)
            == {each for each in courses if not _is_used(place, each, since)},
        }
    )


def _is_used(place: Place, course: int, since: int) -> bool:
    people: list[dict[str, Any]] = place.site.participants(course)
    return any(
        each["lastcourseaccess"] > since
        and "student" in [role["shortname"] for role in each["roles"]]
        for each in people
    )


def make_a_page(agent: Agent, place: Place) -> str:
    """Learn that a page and a quiz can't be made."""
    del place
    found = agent.do("find_functions", query="make a page and a quiz in a course", limit=3)
    return failed({"it is said": bool(found["result"].get("not_possible"))})
