"""core_enrol and enrol_manual: who participates in which course."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from moodle_mcp.demo.call import Answer, Call, Params, named_options, option, whole
from moodle_mcp.demo.errors import course_closed, invalid_parameter, moodle_error, no_permission
from moodle_mcp.demo.functions.course import course_image
from moodle_mcp.demo.functions.shapes import user_answer
from moodle_mcp.demo.records import ROLES, SITE_COURSE, Course, Enrolment, User

_NO_CONTEXT: Final = "Context does not exist"
_SORT_KEYS: Final = ("id", "firstname", "lastname")


def get_enrolled_users(call: Call, params: Params) -> list[Answer]:
    """core_enrol_get_enrolled_users."""
    course = call.course(params["courseid"])
    options = named_options(params["options"])
    only_active = options.get("onlyactive") == "1"
    people = [
        call.world.users[each.user]
        for each in call.world.enrolled(course.id)
        if not only_active or each.active(call.now)
    ]
    group = call.world.groups.get(whole(options.get("groupid", "")))
    if group is not None:
        people = [user for user in people if user.id in group.members]
    key = options.get("sortby", "id")
    if key not in _SORT_KEYS:
        raise invalid_parameter(f"Invalid value for sortby parameter (value: {key})")
    people.sort(
        key=lambda user: (getattr(user, key), user.id),
        reverse=options.get("sortdirection") == "DESC",
    )
    start, count = whole(options.get("limitfrom", "")), whole(options.get("limitnumber", ""))
    people = people[start : start + count] if count else people[start:]
    answers = [_participant(call, course, user) for user in people]
    fields = [each.strip() for each in options.get("userfields", "").split(",") if each.strip()]
    if fields:
        # Moodle always adds these two.
        return [
            {key: value for key, value in each.items() if key in (*fields, "id", "fullname")}
            for each in answers
        ]
    return answers


def get_users_courses(call: Call, params: Params) -> list[Answer]:
    """core_enrol_get_users_courses."""
    user = call.existing_user(params["userid"])
    if not call.knows(user):
        return []
    own = user.id == call.user.id
    courses = [
        call.world.courses[each.course]
        for each in call.world.enrolments_of(user.id)
        if each.active(call.now)
    ]
    return [
        _taken(call, course, user, count=option(params, "returnusercount", usual=True))
        for course in courses
        if (course.visible or call.teaches(course.id)) and (own or call.may_enter(course))
    ]


def enrol_users(call: Call, params: Params) -> None:
    """enrol_manual_enrol_users."""
    for item in params["enrolments"]:
        course = call.world.courses.get(item["courseid"])
        if course is None:
            raise invalid_parameter(_NO_CONTEXT)
        if not call.may_enter(course):
            raise course_closed(course.id)
        call.require_editor(course.id, "Enrol users")
        if item["roleid"] not in ROLES or course.id == SITE_COURSE:
            raise moodle_error(
                "wsusercannotassign",
                f"You don't have the permission to assign this role ({item['roleid']}) to this "
                f"user ({item['userid']}) in this course({course.id}).",
            )
        user = call.existing_user(item["userid"])
        before = call.world.enrolments.get((course.id, user.id))
        enrolment = before or Enrolment(course.id, user.id, ())
        call.world.enrolments[course.id, user.id] = replace(
            enrolment,
            roles=tuple(sorted({*enrolment.roles, item["roleid"]})),
            timestart=item.get("timestart") or enrolment.timestart,
            timeend=item.get("timeend") or enrolment.timeend,
            suspended=bool(item.get("suspend", enrolment.suspended)),
        )


def unenrol_users(call: Call, params: Params) -> None:
    """enrol_manual_unenrol_users."""
    for item in params["enrolments"]:
        course = call.world.courses.get(item["courseid"])
        if course is None:
            raise invalid_parameter(_NO_CONTEXT)
        if not call.may_enter(course):
            raise course_closed(course.id)
        if not call.edits(course.id):
            raise no_permission("Unenrol users from the course")
        if call.world.user(item["userid"]) is None:
            raise invalid_parameter(f"User id not exist: {item['userid']}")
        call.world.enrolments.pop((course.id, item["userid"]), None)
        for group in call.world.groups_of(course.id):
            members = tuple(each for each in group.members if each != item["userid"])
            call.world.groups[group.id] = replace(group, members=members)


def _participant(call: Call, course: Course, user: User) -> Answer:
    enrolment = call.world.enrolments[course.id, user.id]
    groups = [each for each in call.world.groups_of(course.id) if user.id in each.members]
    courses = [call.world.courses[each.course] for each in call.world.enrolments_of(user.id)]
    answer = user_answer(call, user, account=False)
    if not call.teaches(course.id):
        for hidden in ("username", "idnumber", "phone1", "phone2", "address", "institution"):
            answer.pop(hidden, None)
    answer["lastcourseaccess"] = user.lastaccess
    if groups:
        answer["groups"] = [
            {
                "id": group.id,
                "name": group.name,
                "description": group.description,
                "descriptionformat": group.descriptionformat,
            }
            for group in groups
        ]
    return answer | {
        "roles": [
            {"roleid": role, "name": "", "shortname": ROLES[role], "sortorder": 0}
            for role in enrolment.roles
        ],
        "enrolledcourses": [
            {"id": each.id, "fullname": each.fullname, "shortname": each.shortname}
            for each in reversed(courses)
            if call.may_enter(each)
        ],
    }


def _taken(call: Call, course: Course, user: User, *, count: bool) -> Answer:
    activities = [each for each in call.world.modules_of(course.id) if each.completion]
    done = sum((each.id, user.id) in call.world.completions for each in activities)
    answer: Answer = {
        "id": course.id,
        "shortname": course.shortname,
        "fullname": course.fullname,
        "displayname": course.fullname,
    }
    if count:
        answer["enrolledusercount"] = len(call.world.enrolled(course.id))
    return answer | {
        "idnumber": course.idnumber,
        "visible": course.visible,
        "summary": course.summary,
        "summaryformat": course.summaryformat,
        "format": course.format,
        "courseimage": course_image(call, course),
        "showgrades": bool(course.showgrades),
        "lang": course.lang,
        "enablecompletion": bool(course.enablecompletion),
        "completionhascriteria": False,
        "completionusertracked": bool(activities),
        "category": course.category,
        "progress": 100 * done / len(activities) if activities else None,
        "completed": False if activities else None,
        "startdate": course.startdate,
        "enddate": course.enddate,
        "marker": 0,
        "lastaccess": user.lastaccess,
        "isfavourite": False,
        "hidden": False,
        "overviewfiles": [],
        "showactivitydates": True,
        "showcompletionconditions": True,
        "timemodified": course.modified,
    }
