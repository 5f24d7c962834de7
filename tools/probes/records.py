"""Probes of the functions that write the calendar, comments, drafts, grades and completion."""

from __future__ import annotations

import base64
import time
from typing import Any, Final

from tools.probes.database import UNKNOWN
from tools.probes.place import Place
from tools.probes.probe import AGAIN, NO_SUCH_ID, OUT_OF_RANGE, OUTSIDER, SWITCHED_OFF, Probe


async def calendar(place: Place) -> list[Probe]:
    """Calendar entries, comments and drafts."""
    create = "core_calendar_create_calendar_events"
    delete = "core_calendar_delete_calendar_events"
    comment, upload = "core_comment_add_comments", "core_files_upload"
    soon = int(time.time()) + 86_400

    def event(kind: str, **values: Any) -> dict[str, Any]:
        given = {"name": place.own.name, "eventtype": kind, "timestart": soon, "repeats": 0}
        return {"events": [{**given, **values}]}

    made = await place.make(create, event("course", courseid=place.course))
    number = made["events"][0]["id"]
    group = {"courseid": place.course, "name": "calendar", "description": ""}
    groupid = (await place.make("core_group_create_groups", {"groups": [group]}))[0]["id"]

    def said(**values: Any) -> dict[str, Any]:
        given = {
            "contextlevel": "course",
            "instanceid": place.course,
            "component": "block_comments",
            "content": "x",
            "itemid": 0,
            "area": "page_comments",
        }
        return {"comments": [{**given, **values}]}

    def draft(**values: Any) -> dict[str, Any]:
        given = {
            "contextlevel": "user",
            "instanceid": place.student,
            "component": "user",
            "filearea": "draft",
            "itemid": UNKNOWN,
            "filepath": "/",
            "filename": "a.txt",
            "filecontent": base64.b64encode(b"a").decode(),
        }
        return {**given, **values}

    assign = place.modules["assign"][0]
    work = {
        "contextlevel": "module",
        "instanceid": assign["id"],
        "component": "assignsubmission_comments",
        "area": "submission_comments",
    }
    return [
        Probe(create, NO_SUCH_ID, "a course", event("course", courseid=UNKNOWN)),
        Probe(
            create, NO_SUCH_ID, "a group", event("group", courseid=place.course, groupid=UNKNOWN)
        ),
        Probe(create, OUT_OF_RANGE, "eventtype party", event("party")),
        Probe(create, OUT_OF_RANGE, "eventtype category", event("category")),
        Probe(create, OUT_OF_RANGE, "a course entry without courseid", event("course")),
        Probe(
            create,
            OUT_OF_RANGE,
            "a user entry with courseid",
            event("user", courseid=place.course),
        ),
        Probe(
            create,
            OUT_OF_RANGE,
            "a group entry without courseid",
            event("group", groupid=groupid),
        ),
        Probe(create, OUT_OF_RANGE, "timeduration -5", event("user", timeduration=-5)),
        Probe(create, OUT_OF_RANGE, "repeats -3", event("user", repeats=-3)),
        Probe(create, OUT_OF_RANGE, "visible 9", event("user", visible=9)),
        Probe(
            create,
            OUTSIDER,
            "a course entry by a student",
            event("course", courseid=place.course),
            "student",
        ),
        Probe(delete, NO_SUCH_ID, "", {"events": [{"eventid": UNKNOWN, "repeat": 0}]}),
        Probe(delete, AGAIN, "", {"events": [{"eventid": number, "repeat": 0}]}),
        Probe(comment, NO_SUCH_ID, "a course", said(instanceid=UNKNOWN)),
        Probe(comment, NO_SUCH_ID, "an item", said(itemid=UNKNOWN)),
        Probe(comment, NO_SUCH_ID, "a submission", said(**work, itemid=UNKNOWN)),
        Probe(comment, NO_SUCH_ID, "an area", said(area="nosucharea")),
        Probe(comment, NO_SUCH_ID, "a component", said(component="nosuch_component")),
        Probe(comment, OUT_OF_RANGE, "an empty text", said(content="")),
        Probe(upload, NO_SUCH_ID, "a draft area", draft(), "student"),
        Probe(upload, AGAIN, "", draft(), "student"),
        Probe(
            upload, OUTSIDER, "a draft of another user", draft(instanceid=place.other), "student"
        ),
        Probe(
            upload,
            OUT_OF_RANGE,
            "content that is not base64",
            draft(itemid=7, filecontent="ä!?"),
            "student",
        ),
        Probe(upload, OUT_OF_RANGE, "no content", draft(itemid=8, filecontent=""), "student"),
    ]


async def grades(place: Place) -> list[Probe]:
    """The gradebook and completion."""
    create, write = "core_grades_create_gradecategories", "core_grades_update_grades"
    override = "core_completion_override_activity_completion_status"
    tick = "core_completion_update_activity_completion_status_manually"
    declare = "core_completion_mark_course_self_completed"
    assign = place.modules["assign"][0]["id"]
    quiz = place.modules["quiz"][0]["id"]
    page = place.modules["page"][0]["id"]
    forum = place.modules["forum"][0]["id"]

    def category(course: int = place.course, **options: Any) -> dict[str, Any]:
        return {
            "courseid": course,
            "categories": [{"fullname": place.own.name, "options": options}],
        }

    def grade(user: int = place.other, value: float = 50.0, **values: Any) -> dict[str, Any]:
        given = {
            "source": "probe",
            "courseid": place.course,
            "component": "mod_quiz",
            "activityid": quiz,
            "itemnumber": 0,
            "grades": [{"studentid": user, "grade": value}],
        }
        return {**given, **values}

    def state(cmid: int = assign, user: int = place.other, to: int = 1) -> dict[str, Any]:
        return {"userid": user, "cmid": cmid, "newstate": to}

    comment = [{"studentid": place.other, "grade": 41.0, "str_feedback": "Well done"}]
    off = "update mdl_course set enablecompletion = {} where id = {}"
    return [
        Probe(create, NO_SUCH_ID, "a course", category(UNKNOWN)),
        Probe(create, NO_SUCH_ID, "a parent category", category(parentcategoryid=UNKNOWN)),
        Probe(create, OUT_OF_RANGE, "aggregation 99", category(aggregation=99)),
        Probe(create, OUT_OF_RANGE, "grademin above grademax", category(grademin=90, grademax=10)),
        Probe(create, OUT_OF_RANGE, "gradetype 9", category(gradetype=9)),
        Probe(create, OUT_OF_RANGE, "a weight of 25", category(aggregationcoef2=25)),
        Probe(create, AGAIN, "", category()),
        Probe(write, NO_SUCH_ID, "a course", grade(courseid=UNKNOWN)),
        Probe(write, NO_SUCH_ID, "an activity", grade(activityid=UNKNOWN)),
        Probe(write, NO_SUCH_ID, "a component", grade(component="mod_nosuch")),
        Probe(write, NO_SUCH_ID, "an item number", grade(itemnumber=7)),
        Probe(write, NO_SUCH_ID, "a user", grade(UNKNOWN)),
        Probe(write, OUTSIDER, "", grade(place.outsider)),
        Probe(write, OUTSIDER, "a teacher", grade(place.teacher)),
        Probe(write, OUT_OF_RANGE, "above the maximum", grade(value=999.0)),
        Probe(write, OUT_OF_RANGE, "below 0", grade(value=-5.0)),
        Probe(write, SWITCHED_OFF, "str_feedback", grade(grades=comment)),
        Probe(write, AGAIN, "", grade(value=33.0)),
        Probe(
            write,
            SWITCHED_OFF,
            "the student's grade is overridden",
            grade(value=77.0),
            sql="update mdl_grade_grades set overridden = 1 where userid = "
            f"{place.other} and itemid in (select id from mdl_grade_items where courseid = "
            f"{place.course} and itemmodule = 'quiz')",
        ),
        Probe(
            write,
            SWITCHED_OFF,
            "the student's grade is locked",
            grade(value=78.0),
            sql="update mdl_grade_grades set overridden = 0, locked = 1 where userid = "
            f"{place.other} and itemid in (select id from mdl_grade_items where courseid = "
            f"{place.course} and itemmodule = 'quiz')",
        ),
        Probe(override, NO_SUCH_ID, "a user", state(user=UNKNOWN)),
        Probe(override, NO_SUCH_ID, "an activity", state(UNKNOWN)),
        Probe(override, OUTSIDER, "", state(user=place.outsider)),
        Probe(override, OUT_OF_RANGE, "newstate 9", state(to=9)),
        Probe(override, AGAIN, "", state()),
        Probe(override, SWITCHED_OFF, "the activity has no tracking", state(forum)),
        Probe(tick, NO_SUCH_ID, "", {"cmid": UNKNOWN, "completed": 1}, "student"),
        Probe(
            tick, SWITCHED_OFF, "automatic completion", {"cmid": page, "completed": 1}, "student"
        ),
        Probe(tick, SWITCHED_OFF, "no tracking", {"cmid": forum, "completed": 1}, "student"),
        Probe(tick, OUTSIDER, "the site's administrator", {"cmid": assign, "completed": 1}),
        Probe(tick, AGAIN, "", {"cmid": assign, "completed": 1}, "student"),
        Probe(declare, NO_SUCH_ID, "", {"courseid": UNKNOWN}, "student"),
        Probe(declare, SWITCHED_OFF, "not a criterion", {"courseid": place.course}, "student"),
        Probe(
            tick,
            SWITCHED_OFF,
            "the course has completion off",
            {"cmid": assign, "completed": 0},
            "student",
            sql=off.format(0, place.course),
        ),
    ]


SETS: Final = (calendar, grades)
