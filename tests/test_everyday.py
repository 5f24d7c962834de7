"""Twenty everyday requests, each done with the tools of the profile that it belongs to.

Each test does what an agent would: it knows only the words of the request and the time, and takes
every id from an answer. Its last lines list the calls that it made.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from statistics import mean
from typing import Any, cast

import jsonschema_rs
import mcp_types as types
import pytest
from inline_snapshot import snapshot
from mcp import Client

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.demo import ADMIN_TOKEN, STUDENT_TOKEN, TEACHER_TOKEN
from moodle_mcp.demo.records import STUDENT
from moodle_mcp.policy.approvals import Confirm
from moodle_mcp.policy.exposure import Mode
from moodle_mcp.service.process import ServiceSettings
from tests.support.demo import Demo
from tests.support.serving import NOW, server_for

pytestmark = pytest.mark.anyio

DAY = 86_400
WEEK = 7 * DAY


class Agent:
    """Calls tools with what the list of tools says about them, and nothing else."""

    def __init__(self, session: Client, tools: list[types.Tool], questions: list[str]) -> None:
        self.calls: list[str] = []
        self.questions = questions
        """What the user was asked, and agreed to."""
        self.answer: dict[str, Any] = {}
        """The last answer as a whole."""
        self._session = session
        self._tools = {tool.name: tool for tool in tools}

    async def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """Return the `result` of a call that must succeed."""
        assert name in self._tools
        jsonschema_rs.validator_for(self._tools[name].input_schema).validate(arguments)
        self.calls.append(name)
        reply = await self._session.call_tool(name, arguments)
        assert not reply.is_error, reply.content
        assert reply.structured_content is not None
        self.answer = reply.structured_content
        result: Any = self.answer["result"]
        # Moodle's own are inside the result, in most functions that have any.
        holder = cast("dict[str, Any]", result) if isinstance(result, dict) else {}
        assert not self.answer.get("warnings")
        assert not holder.get("warnings")
        return self.answer["result"]

    async def who_am_i(self) -> int:
        return (await self.call("core_webservice_get_site_info", {}))["userid"]

    async def course_found(self, words: str) -> int:
        """The only course that a search finds."""
        search = {"criterianame": "search", "criteriavalue": words}
        (course,) = (await self.call("core_course_search_courses", search))["courses"]
        return course["id"]

    async def course_with_shortname(self, shortname: str) -> int:
        by_shortname = {"field": "shortname", "value": shortname}
        found = await self.call("core_course_get_courses_by_field", by_shortname)
        (course,) = found["courses"]
        return course["id"]

    async def participants(self, course: int, userfields: str) -> list[dict[str, Any]]:
        options = [{"name": "userfields", "value": userfields}]
        arguments = {"courseid": course, "options": options}
        return await self.call("core_enrol_get_enrolled_users", arguments)

    async def assignments(self, course: int) -> list[dict[str, Any]]:
        """Return the assignments of a course, earliest due date first."""
        found = await self.call("mod_assign_get_assignments", {"courseids": [course]})
        return sorted(found["courses"][0]["assignments"], key=lambda each: each["duedate"])


@asynccontextmanager
async def agent(
    demo: Demo, profile: str, token: str = ADMIN_TOKEN, access: Access = Access.READ
) -> AsyncGenerator[Agent]:
    """An agent with a profile's tools, whose user agrees to whatever is asked."""
    questions: list[str] = []

    async def agreeing(context: Any, params: Any) -> types.ElicitResult:
        questions.append(params.message)
        return types.ElicitResult(action="accept", content={"confirm": True})

    app = demo.context(
        profile, access, token=token, settings=ServiceSettings(Mode.DIRECT, Confirm.ASK)
    )
    async with Client(server_for(app), elicitation_callback=agreeing) as session:
        yield Agent(session, (await session.list_tools()).tools, questions)


def has_role(person: dict[str, Any], shortname: str) -> bool:
    return any(role["shortname"] == shortname for role in person["roles"])


def ids_of(people: list[dict[str, Any]], *fullnames: str) -> list[int]:
    ids = {person["fullname"]: person["id"] for person in people}
    return [ids[name] for name in fullnames]


def day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


# The student's


async def test_what_is_due_this_week(demo: Demo) -> None:
    async with agent(demo, "student", STUDENT_TOKEN) as student:
        week = {"timesortfrom": NOW, "timesortto": NOW + WEEK}
        due = await student.call("core_calendar_get_action_events_by_timesort", week)
    told = [
        (day(event["timesort"]), event["course"]["fullname"], event["name"])
        for event in due["events"]
    ]
    assert told == snapshot(
        [
            ("2027-01-20", "Introduction to Biology", "Report on genetics is due"),
            ("2027-01-21", "Molecular Biology Laboratory", "Report on proteins is due"),
            ("2027-01-22", "History of the Silk Road", "Report on ports is due"),
        ]
    )
    assert student.calls == ["core_calendar_get_action_events_by_timesort"]


async def test_my_grades_in_biology(demo: Demo) -> None:
    async with agent(demo, "student", STUDENT_TOKEN) as student:
        me = await student.who_am_i()
        course = await student.course_found("introduction biology")
        report = await student.call(
            "gradereport_user_get_grade_items", {"courseid": course, "userid": me}
        )
    (mine,) = report["usergrades"]
    told = {
        item["itemname"] or item["itemtype"]: (item["gradeformatted"], item["percentageformatted"])
        for item in mine["gradeitems"]
    }
    assert told == snapshot(
        {
            "Report on cells": ("55.00", "55.00 %"),
            "Quiz: Cells": ("5.50", "55.00 %"),
            "Report on genetics": ("-", "-"),
            "Report on ecology": ("-", "-"),
            "course": ("55.00", "55.00 %"),
        }
    )
    assert student.calls == [
        "core_webservice_get_site_info",
        "core_course_search_courses",
        "gradereport_user_get_grade_items",
    ]


async def test_what_is_new_in_the_announcements_of_biology(demo: Demo) -> None:
    async with agent(demo, "student", STUDENT_TOKEN) as student:
        course = await student.course_found("introduction biology")
        forums = await student.call("mod_forum_get_forums_by_courses", {"courseids": [course]})
        (announcements,) = [forum for forum in forums if forum["type"] == "news"]
        newest = {"forumid": announcements["id"], "sortorder": 3, "page": 0, "perpage": 3}
        found = await student.call("mod_forum_get_forum_discussions", newest)
    told = [(each["userfullname"], each["name"]) for each in found["discussions"]]
    assert told == snapshot(
        [
            ("Amina Adeyemi", "Anyone for a study group?"),
            ("Полина Новикова", "Room change"),
            ("Полина Новикова", "Welcome"),
        ]
    )
    assert student.calls == [
        "core_course_search_courses",
        "mod_forum_get_forums_by_courses",
        "mod_forum_get_forum_discussions",
    ]


async def test_which_activities_of_biology_i_have_not_completed(demo: Demo) -> None:
    async with agent(demo, "student", STUDENT_TOKEN) as student:
        me = await student.who_am_i()
        course = await student.course_found("introduction biology")
        mine = {"courseid": course, "userid": me}
        status = await student.call("core_completion_get_activities_completion_status", mine)
        names = [{"name": "excludecontents", "value": "1"}]
        sections = await student.call(
            "core_course_get_contents", {"courseid": course, "options": names}
        )
    modules = {each["id"]: each["name"] for section in sections for each in section["modules"]}
    told = [modules[each["cmid"]] for each in status["statuses"] if not each["state"]]
    assert told == snapshot(
        [
            "How this course works",
            "Reading: Cells",
            "Reading: Genetics",
            "Report on genetics",
            "Reading: Ecology",
            "Report on ecology",
        ]
    )
    assert student.calls == [
        "core_webservice_get_site_info",
        "core_course_search_courses",
        "core_completion_get_activities_completion_status",
        "core_course_get_contents",
    ]


async def test_remind_me_the_day_before_the_genetics_report_is_due(demo: Demo) -> None:
    async with agent(demo, "student", STUDENT_TOKEN, Access.WRITE) as student:
        named = {"timesortfrom": NOW, "searchvalue": "genetics"}
        due = await student.call("core_calendar_get_action_events_by_timesort", named)
        (report,) = due["events"]
        reminder = {
            "name": f"Tomorrow: {report['activityname']}",
            "timestart": report["timesort"] - DAY,
        }
        await student.call("core_calendar_create_calendar_events", {"events": [reminder]})
    world = demo.site.world
    made = [event for event in world.events.values() if event.name.startswith("Tomorrow")]
    assert [
        (world.users[event.user].username, event.eventtype, event.name, day(event.timestart))
        for event in made
    ] == [("student1", "user", "Tomorrow: Report on genetics", "2027-01-19")]
    assert student.questions == []
    assert student.calls == [
        "core_calendar_get_action_events_by_timesort",
        "core_calendar_create_calendar_events",
    ]


# The teacher's


async def test_who_has_not_submitted_the_first_assignment_and_their_addresses(demo: Demo) -> None:
    async with agent(demo, "teacher", TEACHER_TOKEN) as teacher:
        course = await teacher.course_with_shortname("BIO101")
        first = (await teacher.assignments(course))[0]
        handed_in = {"assignmentids": [first["id"]], "status": "submitted"}
        found = await teacher.call("mod_assign_get_submissions", handed_in)
        people = await teacher.participants(course, "id,fullname,email,roles")
    submitted = {each["userid"] for each in found["assignments"][0]["submissions"]}
    told = {
        person["fullname"]: person["email"]
        for person in people
        if has_role(person, "student") and person["id"] not in submitted
    }
    assert first["name"] == "Report on cells"
    assert told == snapshot(
        {
            "Elif Şahin": "student5@college.example",
            "Grace O'Brien": "student7@college.example",
            "Jana Dvořáková": "student10@college.example",
            "نور حداد": "student14@college.example",
            "Олена Шевченко": "student15@college.example",
            "Tomáš Svoboda": "student20@college.example",
            "Uma Krishnan": "student21@college.example",
            "Yusuf Demir": "student25@college.example",
            "민준 김": "student28@college.example",
            "Ben Smith": "student30@college.example",
        }
    )
    assert teacher.calls == [
        "core_course_get_courses_by_field",
        "mod_assign_get_assignments",
        "mod_assign_get_submissions",
        "core_enrol_get_enrolled_users",
    ]


async def test_give_one_student_points_and_a_comment(demo: Demo) -> None:
    comment = "Good drawings; label the axes."
    async with agent(demo, "teacher", TEACHER_TOKEN, Access.WRITE) as teacher:
        course = await teacher.course_with_shortname("BIO101")
        (report,) = [
            each for each in await teacher.assignments(course) if each["name"] == "Report on cells"
        ]
        people = await teacher.participants(course, "id,fullname")
        (student,) = ids_of(people, "Chloé Dubois")
        await teacher.call(
            "mod_assign_save_grade",
            {
                "assignmentid": report["id"],
                "userid": student,
                "grade": 82,
                "attemptnumber": -1,
                "addattempt": False,
                "workflowstate": "",
                "applytoall": False,
                "plugindata": {"assignfeedbackcomments_editor": {"text": comment, "format": 2}},
            },
        )
    given = [each for each in demo.site.world.grades.values() if each.feedback == comment]
    assert [(demo.site.world.users[each.user].username, each.value) for each in given] == [
        ("student3", 82)
    ]
    assert teacher.calls == [
        "core_course_get_courses_by_field",
        "mod_assign_get_assignments",
        "core_enrol_get_enrolled_users",
        "mod_assign_save_grade",
    ]


async def test_give_three_students_three_more_days(demo: Demo) -> None:
    async with agent(demo, "teacher", TEACHER_TOKEN, Access.WRITE) as teacher:
        course = await teacher.course_with_shortname("BIO101")
        (report,) = [
            each
            for each in await teacher.assignments(course)
            if each["name"] == "Report on genetics"
        ]
        people = await teacher.participants(course, "id,fullname")
        students = ids_of(people, "Elif Şahin", "Grace O'Brien", "さくら 斎藤")
        later = report["duedate"] + 3 * DAY
        extensions = {"assignmentid": report["id"], "userids": students, "dates": [later] * 3}
        await teacher.call("mod_assign_save_user_extensions", extensions)
    world = demo.site.world
    given = {
        (world.users[user].username, (date - report["duedate"]) // DAY)
        for (assignment, user), date in world.extensions.items()
        if assignment == report["id"]
    }
    assert given == {("student5", 3), ("student7", 3), ("student8", 3)}
    assert teacher.calls == [
        "core_course_get_courses_by_field",
        "mod_assign_get_assignments",
        "core_enrol_get_enrolled_users",
        "mod_assign_save_user_extensions",
    ]


async def test_who_has_not_been_seen_for_two_weeks(demo: Demo) -> None:
    async with agent(demo, "teacher", TEACHER_TOKEN) as teacher:
        # A teacher has no search: their own courses have the name.
        courses = await teacher.call(
            "core_enrol_get_users_courses",
            {"userid": await teacher.who_am_i(), "returnusercount": False},
        )
        (course,) = [each["id"] for each in courses if each["fullname"] == "Mechanics"]
        people = await teacher.participants(course, "id,fullname,roles,lastcourseaccess")
    told = [
        person["fullname"]
        for person in people
        if has_role(person, "student") and person["lastcourseaccess"] < NOW - 2 * WEEK
    ]
    assert told == snapshot(["William Nguyen", "Boris Novák", "Clara Jones-Baptiste"])
    assert teacher.calls == [
        "core_webservice_get_site_info",
        "core_enrol_get_users_courses",
        "core_enrol_get_enrolled_users",
    ]


async def test_put_five_students_into_a_new_group(demo: Demo) -> None:
    five = ["Amina Adeyemi", "Björn Lindqvist", "Дмитрий Петров", "Fatou Diop", "梅 陈"]
    async with agent(demo, "teacher", TEACHER_TOKEN, Access.WRITE) as teacher:
        course = await teacher.course_with_shortname("BIO101")
        students = ids_of(await teacher.participants(course, "id,fullname"), *five)
        new = {"courseid": course, "name": "Field trip", "description": ""}
        (group,) = await teacher.call("core_group_create_groups", {"groups": [new]})
        members = [{"groupid": group["id"], "userid": student} for student in students]
        await teacher.call("core_group_add_group_members", {"members": members})
    world = demo.site.world
    (made,) = [group for group in world.groups.values() if group.name == "Field trip"]
    assert [world.users[member].fullname for member in made.members] == five
    assert teacher.calls == [
        "core_course_get_courses_by_field",
        "core_enrol_get_enrolled_users",
        "core_group_create_groups",
        "core_group_add_group_members",
    ]


# The manager's


async def test_enrol_these_thirty_people(demo: Demo) -> None:
    emails = [f"student{number}@college.example" for number in range(21, 51)]
    async with agent(demo, "manager", access=Access.WRITE) as manager:
        course = await manager.course_found("calculus")
        # Only a course's participants tell which role a role id is.
        enrolled = await manager.participants(course, "id,fullname,roles")
        roles = {role["shortname"]: role["roleid"] for each in enrolled for role in each["roles"]}
        by_email = {"field": "email", "values": emails}
        people = await manager.call("core_user_get_users_by_field", by_email)
        assert {person["email"] for person in people} == set(emails)
        enrolments = [
            {"roleid": roles["student"], "userid": person["id"], "courseid": course}
            for person in people
        ]
        await manager.call("enrol_manual_enrol_users", {"enrolments": enrolments})
        assert manager.answer["batch"] == snapshot(
            {
                "items": 30,
                "requests": 1,
                "succeeded": 30,
                "failed": [],
                "unknown": [],
                "not_sent": [],
                "warnings": [
                    {
                        "warningcode": "unchanged",
                        "message": "This person had the role in the course already; a manual enrolment was added only if they were enrolled in another way.",
                        "items": [[2, 3], [7, 8], [12, 13], [17, 18], [22, 23], [27, 28]],
                    }
                ],
            }
        )
    world = demo.site.world
    taking = {
        world.users[each.user].email for each in world.enrolled(course) if each.roles == (STUDENT,)
    }
    assert set(emails) <= taking
    assert manager.questions == []
    assert manager.calls == [
        "core_course_search_courses",
        "core_enrol_get_enrolled_users",
        "core_user_get_users_by_field",
        "enrol_manual_enrol_users",
    ]


async def test_rename_a_course(demo: Demo) -> None:
    async with agent(demo, "manager", access=Access.WRITE) as manager:
        course = await manager.course_found("silk road")
        renamed = {"id": course, "fullname": "The Silk Roads", "shortname": "HIS235"}
        await manager.call("core_course_update_courses", {"courses": [renamed]})
    names = {(each.shortname, each.fullname) for each in demo.site.world.courses.values()}
    assert ("HIS235", "The Silk Roads") in names
    assert "HIS230" not in {shortname for shortname, _ in names}
    assert manager.calls == ["core_course_search_courses", "core_course_update_courses"]


async def test_make_a_category_with_two_courses_in_it(demo: Demo) -> None:
    wanted = {"CHE200": "Organic Chemistry", "CHE210": "Laboratory Safety"}
    async with agent(demo, "manager", access=Access.WRITE) as manager:
        by_name = [{"key": "name", "value": "Natural sciences"}]
        (parent,) = await manager.call(
            "core_course_get_categories", {"criteria": by_name, "addsubcategories": False}
        )
        new = {"name": "Chemistry", "parent": parent["id"]}
        (category,) = await manager.call("core_course_create_categories", {"categories": [new]})
        courses = [
            {"shortname": shortname, "fullname": fullname, "categoryid": category["id"]}
            for shortname, fullname in wanted.items()
        ]
        await manager.call("core_course_create_courses", {"courses": courses})
    world = demo.site.world
    (made,) = [each for each in world.categories.values() if each.name == "Chemistry"]
    assert world.categories[made.parent].name == "Natural sciences"
    inside = [each for each in world.courses.values() if each.category == made.id]
    assert {each.shortname: each.fullname for each in inside} == wanted
    assert manager.calls == [
        "core_course_get_categories",
        "core_course_create_categories",
        "core_course_create_courses",
    ]


async def test_unenrol_a_person(demo: Demo) -> None:
    async with agent(demo, "manager", access=Access.DESTRUCTIVE) as manager:
        course = await manager.course_found("introduction biology")
        people = await manager.participants(course, "id,fullname")
        (leaving,) = ids_of(people, "Björn Lindqvist")
        enrolment = {"userid": leaving, "courseid": course}
        await manager.call("enrol_manual_unenrol_users", {"enrolments": [enrolment]})
    left = {each.user for each in demo.site.world.enrolled(course)}
    assert {person["id"] for person in people} - left == {leaving}
    assert manager.questions == snapshot(
        [
            'Unenrol users (enrol_manual_unenrol_users): enrolments: userid "Björn Lindqvist" (user id 5), courseid "Introduction to Biology" (course id 2).'
        ]
    )
    assert manager.calls == [
        "core_course_search_courses",
        "core_enrol_get_enrolled_users",
        "enrol_manual_unenrol_users",
    ]


# The administrator's


async def test_create_twenty_five_accounts_and_put_them_into_a_cohort(demo: Demo) -> None:
    rows = [(f"new{number}", "New", f"Person {number}") for number in range(1, 26)]
    async with agent(demo, "admin", access=Access.WRITE) as admin:
        cohorts = await admin.call("core_cohort_get_cohorts", {})
        (first_year,) = [each["id"] for each in cohorts if each["name"] == "First-year students"]
        accounts = [
            {
                "username": username,
                "firstname": firstname,
                "lastname": lastname,
                "email": f"{username}@college.example",
                "createpassword": True,
            }
            for username, firstname, lastname in rows
        ]
        created = await admin.call("core_user_create_users", {"users": accounts})
        assert admin.answer["batch"]["succeeded"] == 25
        members = [
            {
                "cohorttype": {"type": "id", "value": str(first_year)},
                "usertype": {"type": "id", "value": str(account["id"])},
            }
            for account in created
        ]
        await admin.call("core_cohort_add_cohort_members", {"members": members})
        assert admin.answer["batch"]["succeeded"] == 25
    world = demo.site.world
    inside = [world.users[member].username for member in world.cohorts[first_year].members]
    assert inside[-25:] == [username for username, *_ in rows]
    assert len(inside) == 45
    assert admin.questions == []
    assert admin.calls == [
        "core_cohort_get_cohorts",
        "core_user_create_users",
        "core_cohort_add_cohort_members",
    ]


async def test_which_accounts_are_suspended_or_have_an_address_elsewhere(demo: Demo) -> None:
    users = demo.site.world.users
    named = {user.username: user for user in users.values()}
    private, suspended = named["student9"], named["student30"]
    users[private.id] = replace(private, email="inigo@elsewhere.example")
    users[suspended.id] = replace(suspended, suspended=True)
    async with agent(demo, "admin") as admin:
        # Neither can be searched for: all accounts, and then look.
        everyone = {"criteria": [{"key": "email", "value": "%"}]}
        found = (await admin.call("core_user_get_users", everyone))["users"]
    assert [each["fullname"] for each in found if each["suspended"]] == ["Ben Smith"]
    elsewhere = [each for each in found if not each["email"].endswith("@college.example")]
    assert [each["fullname"] for each in elsewhere] == ["Iñigo García Ruiz"]
    assert admin.calls == ["core_user_get_users"]


async def test_delete_an_account(demo: Demo) -> None:
    async with agent(demo, "admin", access=Access.DESTRUCTIVE) as admin:
        by_email = {"field": "email", "values": ["student40@college.example"]}
        (person,) = await admin.call("core_user_get_users_by_field", by_email)
        await admin.call("core_user_delete_users", {"userids": [person["id"]]})
    gone = [user.fullname for user in demo.site.world.users.values() if user.deleted]
    assert gone == ["Luka Horvat"]
    assert admin.questions == snapshot(
        [
            'Delete users (core_user_delete_users): userids: "Luka Horvat" (user id 43). Deleted along with each: 43: 3 enrolments.'
        ]
    )
    assert admin.calls == ["core_user_get_users_by_field", "core_user_delete_users"]


async def test_which_cohorts_there_are_and_how_large(demo: Demo) -> None:
    async with agent(demo, "admin") as admin:
        cohorts = await admin.call("core_cohort_get_cohorts", {})
        ids = [cohort["id"] for cohort in cohorts]
        members = await admin.call("core_cohort_get_cohort_members", {"cohortids": ids})
    sizes = {each["cohortid"]: len(each["userids"]) for each in members}
    told = {cohort["name"]: sizes[cohort["id"]] for cohort in cohorts}
    assert told == snapshot({"First-year students": 20, "Exchange students": 5})
    assert admin.calls == ["core_cohort_get_cohorts", "core_cohort_get_cohort_members"]


# For reports


async def test_how_many_participants_each_course_has(demo: Demo) -> None:
    async with agent(demo, "reports") as reporter:
        found = await reporter.call("core_course_get_courses_by_field", {})
        courses = [course for course in found["courses"] if course["categoryid"]]
        told = {
            course["shortname"]: len(await reporter.participants(course["id"], "id"))
            for course in courses
        }
    assert told == snapshot(
        {
            "BIO101": 31,
            "BIO210": 18,
            "PHY101": 23,
            "PHY120": 23,
            "HIS101": 24,
            "HIS230": 23,
            "LIT115": 23,
            "PHI100": 24,
            "MAT101": 23,
            "CHE101": 23,
            "STF001": 2,
            "STF900": 1,
        }
    )
    assert reporter.calls == [
        "core_course_get_courses_by_field",
        *["core_enrol_get_enrolled_users"] * len(courses),
    ]


async def test_the_average_grade_of_an_assignment(demo: Demo) -> None:
    async with agent(demo, "reports") as reporter:
        course = await reporter.course_found("introduction biology")
        # Whoever makes the report need not be enrolled.
        wanted = {"courseids": [course], "includenotenrolledcourses": True}
        found = await reporter.call("mod_assign_get_assignments", wanted)
        (report,) = [
            each for each in found["courses"][0]["assignments"] if each["name"] == "Report on cells"
        ]
        graded = await reporter.call("mod_assign_get_grades", {"assignmentids": [report["id"]]})
    points = [float(each["grade"]) for each in graded["assignments"][0]["grades"]]
    given = [each for each in points if each >= 0]
    assert (len(given), round(mean(given), 1), report["grade"]) == snapshot((16, 74.2, 100))
    assert reporter.calls == [
        "core_course_search_courses",
        "mod_assign_get_assignments",
        "mod_assign_get_grades",
    ]
