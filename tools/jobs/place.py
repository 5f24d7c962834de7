"""What the jobs act upon: a category of their own, with courses and people."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools.jobs.site import Site, SiteError, parts

PEOPLE: Final = 117
ROSTER: Final = "registrar.csv"
"""The registrar's file: 100 students and 5 teachers of the first course, 12 students of the
second, and three people whom the site does not know.
"""

_STUDENT_ROLE: Final = 5
_TEACHER_ROLE: Final = 3
"""The usual ids of the roles `student` and `editingteacher`."""

_STUDENTS: Final = 100
_TEACHERS: Final = 5
_EMPTY: Final = 5


@dataclass(frozen=True, slots=True)
class Place:
    """The jobs' own part of a site.

    `course` has the assignment `essay` (id, cmid, name) and is taught by `owner`; `other` and
    `empty` have nothing. `people` are the ids of 117 accounts in the order of the registrar's file.
    `writer`, whose calls `student` makes, has submitted the essay and has other work that is
    `due` next, in Unix seconds. `now` is when the place was made. `folder` is the operator's.
    """

    site: Site
    student: Site
    folder: Path
    name: str
    category: int
    course: int
    other: int
    empty: tuple[int, ...]
    people: tuple[int, ...]
    essay: Mapping[str, Any]
    due: int
    owner: int
    admin: int
    writer: int
    now: int

    @property
    def shortname(self) -> str:
        """The short name of `course`."""
        return f"{self.name}-A"

    @property
    def students(self) -> tuple[int, ...]:
        """Those whom the registrar's file makes students of `course`."""
        return self.people[:_STUDENTS]

    @property
    def teachers(self) -> tuple[int, ...]:
        """Those whom the registrar's file makes teachers of `course`."""
        return self.people[-_TEACHERS:]

    @property
    def others(self) -> tuple[int, ...]:
        """Those whom the registrar's file makes students of `other`."""
        return self.people[_STUDENTS:-_TEACHERS]


def make_place(site: Site, student: Site, folder: Path, name: str) -> Place:
    """Make the jobs' part of a site; `name` begins the names of everything.

    Raises:
        SiteError: the site refused something.
    """
    now = int(time.time())
    (home,) = site.call("core_course_create_categories", categories=[{"name": name}])
    category = home["id"]
    copied = site.call(
        "core_course_duplicate_course",
        courseid=_course_with_essay(site),
        fullname=f"{name} A",
        shortname=f"{name}-A",
        categoryid=category,
        options=[{"name": "users", "value": "0"}],
    )
    letters = "BCDEFG"[: 1 + _EMPTY]
    courses = [
        {"fullname": f"{name} {each}", "shortname": f"{name}-{each}", "categoryid": category}
        for each in letters
    ]
    made = [each["id"] for each in site.call("core_course_create_courses", courses=courses)]
    users = [account(name, f"p{number}") for number in range(PEOPLE)]
    people = [each["id"] for each in site.call_with("core_user_create_users", "users", users)]
    (owner,) = site.call("core_user_create_users", users=[account(name, "owner")])
    admin, writer = site.user(), student.user()
    roles = {admin: _STUDENT_ROLE, writer: _STUDENT_ROLE, owner["id"]: _TEACHER_ROLE}
    enrolments = [
        {"roleid": role, "userid": user, "courseid": copied["id"]} for user, role in roles.items()
    ]
    site.call("enrol_manual_enrol_users", enrolments=enrolments)
    essay = _essay(site, copied["id"])
    text = {"text": "<p>My essay.</p>", "format": 1, "itemid": 0}
    given = {"onlinetext_editor": text}
    student.call("mod_assign_save_submission", assignmentid=essay["id"], plugindata=given)
    coming = student.call("core_calendar_get_action_events_by_timesort", timesortfrom=now)["events"]
    if not coming:
        raise SiteError("nothing is due for the student")
    (folder / ROSTER).write_text(_roster(name), encoding="utf-8")
    return Place(
        site=site,
        folder=folder,
        name=name,
        category=category,
        course=copied["id"],
        other=made[0],
        empty=tuple(made[1:]),
        people=tuple(people),
        essay=essay,
        due=coming[0]["timesort"],
        student=student,
        owner=owner["id"],
        admin=admin,
        writer=writer,
        now=now,
    )


def account(name: str, number: str) -> dict[str, Any]:
    """Return an account to create, which never gets mail."""
    username = f"{name}-{number}"
    return {
        "username": username,
        "password": f"Aa1-{secrets.token_hex(12)}",
        "firstname": "Jo",
        "lastname": f"Doe {number}",
        "email": f"{username}@site.invalid",
    }


def _roster(name: str) -> str:
    """Return the registrar's file."""
    rows = [(f"p{number}", "A", "student") for number in range(_STUDENTS)]
    rows += [(f"p{number}", "B", "student") for number in range(_STUDENTS, PEOPLE - _TEACHERS)]
    rows += [("gone1", "A", "student"), ("gone2", "A", "student"), ("gone3", "B", "student")]
    rows += [(f"p{number}", "A", "editingteacher") for number in range(PEOPLE - _TEACHERS, PEOPLE)]
    lines = [f"{name}-{person}@site.invalid,{name}-{of},{role}" for person, of, role in rows]
    return "\n".join(["email,course,role", *lines, ""])


def _course_with_essay(site: Site) -> int:
    """Find the course to copy: the one with fewest assignments, of which one fits."""
    courses = [each["id"] for each in site.call("core_course_get_courses")]
    dated = [
        (len(course["assignments"]), course["id"])
        for course in _assignments(site, courses)
        if any(_is_essay(each) for each in course["assignments"])
    ]
    if not dated:
        raise SiteError("no course has an assignment with a date that takes online text")
    return min(dated)[1]


def _essay(site: Site, course: int) -> dict[str, Any]:
    (found,) = _assignments(site, [course])
    return next(each for each in found["assignments"] if _is_essay(each))


def _assignments(site: Site, courses: list[int]) -> list[dict[str, Any]]:
    given = {"courseids": courses, "includenotenrolledcourses": 1}
    return site.call("mod_assign_get_assignments", **given)["courses"]


def _is_essay(assignment: dict[str, Any]) -> bool:
    """Whether it is due at a time, and submissions count without a further step."""
    return bool(assignment["duedate"]) and not (
        assignment["nosubmissions"]
        or assignment["submissiondrafts"]
        or assignment["teamsubmission"]
    )


def remove(site: Site, name: str) -> None:
    """Find and remove everything with the name; a failed preparation does not say what it made."""
    wanted = [{"key": "email", "value": f"{name}-%"}]
    users = site.call("core_user_get_users", criteria=wanted)["users"]
    for part in parts([each["id"] for each in users]):
        site.call("core_user_delete_users", userids=part)
    context = {"contextid": 1}
    found = site.call("core_cohort_search_cohorts", query=name, context=context, includes="all")
    if cohorts := [each["id"] for each in found["cohorts"]]:
        site.call("core_cohort_delete_cohorts", cohortids=cohorts)
    wanted = [{"key": "name", "value": name}]
    for category in site.call("core_course_get_categories", criteria=wanted):
        if category["name"] == name:
            gone = [{"id": category["id"], "recursive": 1}]
            site.call("core_course_delete_categories", categories=gone)
