"""mod_assign: grades and locks, with what Moodle accepts silently (observed on 4.5.6)."""

from __future__ import annotations

from dataclasses import replace

from moodle_mcp.demo.call import Answer, Call, Params, option, warning
from moodle_mcp.demo.errors import missing_record
from moodle_mcp.demo.functions.assign import GRADE, assignment, graded, no_access
from moodle_mcp.demo.records import STUDENT, Grade, Module


def get_grades(call: Call, params: Params) -> Answer:
    """mod_assign_get_grades."""
    since = option(params, "since", 0)
    answers: list[Answer] = []
    warnings: list[Answer] = []
    for assign_id in params["assignmentids"]:
        module = graded(call, assign_id)
        if module is None:
            warnings.append(no_access(assign_id))
            continue
        item = call.world.item_of(module.id)
        found = [
            each
            for each in call.world.grades.values()
            if item is not None and each.item == item.id and each.modified >= since
        ]
        if found:
            grades = [_grade(assign_id, each) for each in found]
            answers.append({"assignmentid": assign_id, "grades": grades})
        else:
            warnings.append(warning("assignment", assign_id, "3", "No grades found"))
    return {"assignments": answers, "warnings": warnings}


def save_grade(call: Call, params: Params) -> None:
    """mod_assign_save_grade."""
    module = _for_grading(call, params["assignmentid"])
    _save(call, module, params)


def save_grades(call: Call, params: Params) -> None:
    """mod_assign_save_grades."""
    module = _for_grading(call, params["assignmentid"])
    for item in params["grades"]:
        _save(call, module, item)


def list_participants(call: Call, params: Params) -> list[Answer]:
    """mod_assign_list_participants, with ids only."""
    module = _for_grading(call, params["assignid"])
    students = [each.user for each in call.world.enrolled(module.course) if STUDENT in each.roles]
    handed_in = {
        each.user
        for each in call.world.submissions.values()
        if each.assignment == module.instance and each.status == "submitted"
    }
    return [
        {
            "id": user,
            "fullname": call.world.users[user].fullname,
            "recordid": -1,
            "submitted": user in handed_in,
            "requiregrading": False,
            "grantedextension": (module.instance, user) in call.world.extensions,
            "submissionstatus": "submitted" if user in handed_in else "new",
        }
        for user in students
    ]


def get_user_flags(call: Call, params: Params) -> Answer:
    """mod_assign_get_user_flags."""
    answers: list[Answer] = []
    warnings: list[Answer] = []
    for assign_id in params["assignmentids"]:
        if graded(call, assign_id) is None:
            warnings.append(no_access(assign_id))
            continue
        tables = (call.world.locks, call.world.extensions)
        users = sorted({user for table in tables for number, user in table if number == assign_id})
        flags = [_flags(call, assign_id, user) for user in users]
        answers.append({"assignmentid": assign_id, "userflags": flags})
    return {"assignments": answers, "warnings": warnings}


def lock_submissions(call: Call, params: Params) -> list[Answer]:
    """mod_assign_lock_submissions: anybody is locked, participant or not."""
    return _set_locks(call, params, locked=True)


def unlock_submissions(call: Call, params: Params) -> list[Answer]:
    """mod_assign_unlock_submissions."""
    return _set_locks(call, params, locked=False)


def _set_locks(call: Call, params: Params, *, locked: bool) -> list[Answer]:
    module = _for_grading(call, params["assignmentid"])
    for user_id in params["userids"]:
        call.world.locks[module.instance, user_id] = locked
        # The lock of a user who does not exist is stored before the call fails.
        call.existing_user(user_id)
    return []


def _for_grading(call: Call, assign_id: int) -> Module:
    module = assignment(call, assign_id)
    call.require_teacher(module.course, GRADE)
    return module


def _save(call: Call, module: Module, item: Params) -> None:
    """Save one grade; nothing is checked of the user, and what does not fit is dropped."""
    column = call.world.item_of(module.id)
    if column is None:
        raise missing_record("grade_items", module.id)
    if column.locked:
        return
    grade = call.world.grade_of(column.id, item["userid"])
    if grade is None:
        grade_id = call.world.grades.next_id()
        grade = Grade(grade_id, column.id, item["userid"], -1, call.user.id, call.now, call.now)
    editor: Answer = item["plugindata"].get("assignfeedbackcomments_editor") or {}
    comment = editor.get("text")
    fits = -1 <= item["grade"] <= module.grade
    call.world.grades[grade.id] = replace(
        grade,
        value=item["grade"] if fits else grade.value,
        grader=call.user.id,
        modified=call.now,
        feedback=comment if comment and module.comments else grade.feedback,
    )


def _flags(call: Call, assign_id: int, user_id: int) -> Answer:
    return {
        "id": user_id,
        "userid": user_id,
        "locked": int(call.world.locks.get((assign_id, user_id), False)),
        "mailed": 0,
        "extensionduedate": call.world.extensions.get((assign_id, user_id), 0),
        "workflowstate": "",
        "allocatedmarker": 0,
    }


def _grade(assign_id: int, grade: Grade) -> Answer:
    return {
        "id": grade.id,
        "assignment": assign_id,
        "userid": grade.user,
        "attemptnumber": 0,
        "timecreated": grade.created,
        "timemodified": grade.modified,
        "grader": grade.grader,
        "grade": f"{grade.value:.5f}",
    }
