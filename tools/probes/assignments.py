"""Probes of the functions that write in assignments."""

from __future__ import annotations

import time
from typing import Any, Final

from tools.probes.database import UNKNOWN
from tools.probes.place import Place
from tools.probes.probe import AGAIN, NO_SUCH_ID, OUT_OF_RANGE, OUTSIDER, SWITCHED_OFF, Probe

_PLUGIN = (
    "update mdl_assign_plugin_config set value = '{}' where assignment = {} and subtype = '{}' "
    "and plugin = '{}' and name = 'enabled'"
)


async def grading(place: Place) -> list[Probe]:
    """Grades of an assignment."""
    one, many = "mod_assign_save_grade", "mod_assign_save_grades"
    assign = place.modules["assign"][0]["instance"]
    # Without a comment a grade can't be saved for somebody who has one.
    editor = {"assignfeedbackcomments_editor": {"text": "Well done", "format": 1}}

    def each(name: str, user: int | None = None, **values: Any) -> dict[str, Any]:
        where = {"assignmentid": values.pop("assignmentid", assign), "applytoall": 0}
        given = {
            "userid": user or (place.student if name == one else place.other),
            "grade": 50.0 if name == one else 51.0,
            "attemptnumber": -1,
            "addattempt": 0,
            "workflowstate": "",
            "plugindata": editor,
            **values,
        }
        return {**where, **given} if name == one else {**where, "grades": [given]}

    def graded(name: str, changes: str) -> str:
        user = place.student if name == one else place.other
        return (
            f"update mdl_grade_grades set {changes} where userid = {user} and itemid in (select id "
            f"from mdl_grade_items where itemmodule = 'assign' and iteminstance = {assign})"
        )

    off = _PLUGIN.format(0, assign, "assignfeedback", "comments")
    on = _PLUGIN.format(1, assign, "assignfeedback", "comments")
    return [
        probe
        for name in (one, many)
        for probe in (
            Probe(name, NO_SUCH_ID, "an assignment", each(name, assignmentid=UNKNOWN), "teacher"),
            Probe(name, NO_SUCH_ID, "a user", each(name, UNKNOWN), "teacher"),
            Probe(name, OUTSIDER, "", each(name, place.outsider), "teacher"),
            Probe(name, OUTSIDER, "a teacher", each(name, place.teacher), "teacher"),
            Probe(name, OUT_OF_RANGE, "above the maximum", each(name, grade=999.0), "teacher"),
            Probe(name, OUT_OF_RANGE, "below -1", each(name, grade=-5.0), "teacher"),
            Probe(
                name,
                SWITCHED_OFF,
                "a comment where that feedback is off",
                each(name, grade=60.0),
                "teacher",
                sql=off,
            ),
            Probe(
                name,
                SWITCHED_OFF,
                "workflowstate without marking workflow",
                each(name, grade=61.0, workflowstate="released"),
                "teacher",
                sql=on,
            ),
            Probe(
                name,
                SWITCHED_OFF,
                "another attempt where one is allowed",
                each(name, grade=62.0, addattempt=1),
                "teacher",
            ),
            Probe(
                name,
                SWITCHED_OFF,
                "a rubric where points are given",
                each(
                    name,
                    grade=63.0,
                    advancedgradingdata={
                        "rubric": {
                            "criteria": [
                                {"criterionid": 1, "fillings": [{"criterionid": 1, "levelid": 1}]}
                            ]
                        }
                    },
                ),
                "teacher",
            ),
            Probe(name, AGAIN, "", each(name, grade=64.0), "teacher"),
            Probe(
                name,
                SWITCHED_OFF,
                "the grade is locked in the gradebook",
                each(name, grade=65.0),
                "teacher",
                sql=graded(name, "locked = 1"),
            ),
            Probe(
                name,
                SWITCHED_OFF,
                "the grade is overridden in the gradebook",
                each(name, grade=66.0),
                "teacher",
                sql=graded(name, "locked = 0, overridden = 1"),
            ),
            Probe(
                name,
                SWITCHED_OFF,
                "the assignment has no grade",
                each(name, grade=67.0),
                "teacher",
                sql=graded(name, "overridden = 0")
                + f"; update mdl_assign set grade = 0 where id = {assign}",
            ),
            Probe(
                name,
                OUT_OF_RANGE,
                "attempt 7",
                each(name, attemptnumber=7),
                "teacher",
                sql=f"update mdl_assign set grade = 100 where id = {assign}",
            ),
        )
    ]


async def submissions(place: Place) -> list[Probe]:
    """What teachers and students do to submissions."""
    lock, unlock = "mod_assign_lock_submissions", "mod_assign_unlock_submissions"
    revert, extend = "mod_assign_revert_submissions_to_draft", "mod_assign_save_user_extensions"
    start, save = "mod_assign_start_submission", "mod_assign_save_submission"
    hand_in, remove = "mod_assign_submit_for_grading", "mod_assign_remove_submission"
    assign = place.modules["assign"][1]["instance"]
    drafts = place.modules["assign"][2]["instance"]
    place.database.run(
        f"update mdl_assign set submissiondrafts = 0 where id = {assign}; "
        f"update mdl_assign set submissiondrafts = 1, teamsubmission = 0 where id = {drafts}"
    )
    soon = int(time.time()) + 60 * 86_400
    probes: list[Probe] = []
    for name in (lock, unlock, revert, extend):

        def some(*users: int, to: int = assign, dates: list[int] | None = None) -> dict[str, Any]:
            given = {"assignmentid": to, "userids": [*users]}
            wanted = dates or [soon for _ in users]
            return {**given, "dates": wanted} if name == extend else given  # noqa: B023

        probes += [
            Probe(name, NO_SUCH_ID, "an assignment", some(place.other, to=UNKNOWN), "teacher"),
            Probe(name, NO_SUCH_ID, "a user", some(UNKNOWN), "teacher"),
            Probe(name, OUTSIDER, "", some(place.outsider), "teacher"),
            Probe(name, OUTSIDER, "a teacher", some(place.teacher), "teacher"),
            Probe(name, AGAIN, "", some(place.other), "teacher"),
        ]
        if name == extend:
            probes += [
                Probe(name, OUT_OF_RANGE, "before the due date", some(place.other, dates=[5])),
                Probe(
                    name,
                    OUT_OF_RANGE,
                    "fewer dates than users",
                    some(place.other, place.student, dates=[soon]),
                ),
                Probe(
                    name,
                    SWITCHED_OFF,
                    "the assignment has no due date",
                    some(place.student, to=drafts),
                    "teacher",
                    sql=f"update mdl_assign set duedate = 0, cutoffdate = 0 where id = {drafts}",
                ),
            ]
        if name == revert:
            probes.append(
                Probe(
                    name,
                    SWITCHED_OFF,
                    "the assignment has no drafts",
                    some(place.student),
                    "teacher",
                )
            )

    def work(text: str = "Work", to: int = assign, itemid: int = 0) -> dict[str, Any]:
        editor = {"text": text, "format": 1, "itemid": itemid}
        return {"assignmentid": to, "plugindata": {"onlinetext_editor": editor}}

    files = {"assignmentid": assign, "plugindata": {"files_filemanager": UNKNOWN}}
    agreed = {"acceptsubmissionstatement": 1}
    mine = {"userid": place.student, "assignid": assign}
    text_off = _PLUGIN.format(0, assign, "assignsubmission", "onlinetext")
    text_on = _PLUGIN.format(1, assign, "assignsubmission", "onlinetext")
    file_off = _PLUGIN.format(0, assign, "assignsubmission", "file")
    file_on = _PLUGIN.format(1, assign, "assignsubmission", "file")
    locked = (
        "update mdl_assign_user_flags set locked = 1 where assignment = {0} and userid = {1}; "
        "insert into mdl_assign_user_flags (userid, assignment, locked, extensionduedate) "
        "select {1}, {0}, 1, 0 where not exists (select 1 from mdl_assign_user_flags "
        "where assignment = {0} and userid = {1})"
    )
    free = "update mdl_assign_user_flags set locked = 0 where assignment = {0} and userid = {1}"
    return [
        *probes,
        Probe(start, NO_SUCH_ID, "", {"assignid": UNKNOWN}, "student"),
        Probe(start, SWITCHED_OFF, "no time limit", {"assignid": assign}, "student"),
        Probe(hand_in, NO_SUCH_ID, "", {"assignmentid": UNKNOWN, **agreed}, "student"),
        Probe(
            hand_in,
            OUT_OF_RANGE,
            "nothing was saved",
            {"assignmentid": drafts, **agreed},
            "student",
        ),
        Probe(remove, NO_SUCH_ID, "an assignment", {**mine, "assignid": UNKNOWN}, "student"),
        Probe(remove, NO_SUCH_ID, "a submission", mine, "student"),
        Probe(remove, NO_SUCH_ID, "a user", {**mine, "userid": UNKNOWN}, "teacher"),
        Probe(save, NO_SUCH_ID, "an assignment", work(to=UNKNOWN), "student"),
        Probe(save, OUTSIDER, "the teacher", work(), "teacher"),
        Probe(save, OUT_OF_RANGE, "an empty text", work(""), "student"),
        Probe(save, OUT_OF_RANGE, "no part at all", {**work(), "plugindata": {}}, "student"),
        Probe(save, NO_SUCH_ID, "a draft as files", files, "student"),
        Probe(save, NO_SUCH_ID, "a draft of embedded files", work(itemid=UNKNOWN), "student"),
        Probe(save, SWITCHED_OFF, "online text is off", work("Two"), "student", sql=text_off),
        Probe(save, SWITCHED_OFF, "files are off", files, "student", sql=f"{text_on}; {file_off}"),
        Probe(
            save,
            SWITCHED_OFF,
            "files are off, text is on",
            {
                "assignmentid": assign,
                "plugindata": {**work("Three")["plugindata"], "files_filemanager": UNKNOWN},
            },
            "student",
        ),
        Probe(save, AGAIN, "", work("Four"), "student", sql=file_on),
        Probe(
            save,
            SWITCHED_OFF,
            "submissions are locked for the student",
            work("Five"),
            "student",
            sql=locked.format(assign, place.student),
        ),
        Probe(
            remove,
            SWITCHED_OFF,
            "submissions are locked for the student",
            mine,
            "student",
        ),
        Probe(
            hand_in,
            SWITCHED_OFF,
            "the assignment has no drafts",
            {"assignmentid": assign, **agreed},
            "student",
            sql=free.format(assign, place.student),
        ),
        Probe(
            save,
            OUT_OF_RANGE,
            "after the cut-off date",
            work("Six"),
            "student",
            sql=f"update mdl_assign set cutoffdate = 5, duedate = 4 where id = {assign}",
        ),
        Probe(
            remove,
            AGAIN,
            "",
            mine,
            "student",
            sql=f"update mdl_assign set cutoffdate = 0, duedate = 0 where id = {assign}",
        ),
    ]


SETS: Final = (grading, submissions)
