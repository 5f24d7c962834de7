"""mod_assign: assignments and submissions."""

from __future__ import annotations

from typing import Final

from moodle_mcp.demo.call import Answer, Call, Params, option, warning
from moodle_mcp.demo.errors import missing_record
from moodle_mcp.demo.records import STUDENT, Course, Module, Submission

GRADE: Final = "Grade assignment"


def get_assignments(call: Call, params: Params) -> Answer:
    """mod_assign_get_assignments."""
    mine = [call.world.courses[each.course] for each in call.world.enrolments_of(call.user.id)]
    courses = {course.id: course for course in mine if call.may_enter(course)}
    warnings: list[Answer] = []
    if wanted := params["courseids"]:
        if option(params, "includenotenrolledcourses", usual=False):
            courses = dict(call.world.courses)
        for course_id in wanted:
            if course_id not in courses:
                message = "User is not enrolled or does not have requested capability"
                warnings.append(warning("course", course_id, "2", message))
            elif not call.may_enter(courses[course_id]):
                message = f"No access rights in course context {course_id}"
                warnings.append(warning("course", course_id, "1", message))
                del courses[course_id]
        courses = {each: courses[each] for each in wanted if each in courses}
    return {
        "courses": [_course(call, course) for course in courses.values()],
        "warnings": warnings,
    }


def get_submissions(call: Call, params: Params) -> Answer:
    """mod_assign_get_submissions."""
    since, before = option(params, "since", 0), option(params, "before", 0)
    status = option(params, "status", "")
    answers: list[Answer] = []
    warnings: list[Answer] = []
    for assign_id in params["assignmentids"]:
        if graded(call, assign_id) is None:
            warnings.append(no_access(assign_id))
            continue
        found = [
            each
            for each in call.world.submissions.values()
            if each.assignment == assign_id
            and since <= each.created
            and (not before or each.created <= before)
            and status in ("", each.status)
        ]
        if found:
            submissions = [_submission(call, each) for each in found]
            answers.append({"assignmentid": assign_id, "submissions": submissions})
        else:
            warnings.append(warning("module", assign_id, "3", "No submissions found"))
    return {"assignments": answers, "warnings": warnings}


def save_user_extensions(call: Call, params: Params) -> list[Answer]:
    """mod_assign_save_user_extensions."""
    module = assignment(call, params["assignmentid"])
    users, dates = params["userids"], params["dates"]
    if len(users) != len(dates):
        detail = "Length of userids and dates parameters differ."
        return [_refusal(detail, module, "invalidparameters", "Invalid parameters")]
    call.require_teacher(module.course, GRADE)
    warnings: list[Answer] = []
    for user_id, date in zip(users, dates, strict=True):
        enrolment = call.world.enrolments.get((module.course, user_id))
        if enrolment is None or STUDENT not in enrolment.roles or 0 < date < module.duedate:
            detail = f"User id: {user_id}, Assignment id: {module.instance}, Extension date: {date}"
            message = "Extension due date could not be granted"
            warnings.append(_refusal(detail, module, "couldnotgrantextensions", message))
        else:
            call.world.extensions[module.instance, user_id] = date
    return warnings


def save_submission(call: Call, params: Params) -> list[Answer]:
    """mod_assign_save_submission, for online text that is submitted when it is saved."""
    module = assignment(call, params["assignmentid"])
    enrolment = call.world.enrolments.get((module.course, call.user.id))
    if enrolment is None or STUDENT not in enrolment.roles:
        message = "Could not save submission."
        detail = "You do not have permission to edit this submission"
        return [_refusal(detail, module, "couldnotsavesubmission", message)]
    editor: Answer = params["plugindata"].get("onlinetext_editor") or {}
    found = (
        each
        for each in call.world.submissions.values()
        if (each.assignment, each.user) == (module.instance, call.user.id)
    )
    number = next((each.id for each in found), None) or call.world.submissions.next_id()
    call.world.submissions[number] = Submission(
        number, module.instance, call.user.id, editor.get("text") or "", call.now
    )
    call.world.completions[module.id, call.user.id] = call.now
    return []


def assignment(call: Call, assign_id: int) -> Module:
    """Return an assignment of a course that the caller may enter."""
    module = call.world.module_of("assign", assign_id)
    if module is None:
        raise missing_record("assign", assign_id)
    call.course(module.course)
    return module


def graded(call: Call, assign_id: int) -> Module | None:
    """Return the assignment if the caller grades it."""
    module = call.world.module_of("assign", assign_id)
    return module if module is not None and call.teaches(module.course) else None


def no_access(assign_id: int) -> Answer:
    """Return the warning about an assignment that the caller does not grade."""
    return warning("assignment", assign_id, "1", "No access rights in module context")


def _refusal(detail: str, module: Module, code: str, message: str) -> Answer:
    return warning(detail, module.instance, code, message)


def _course(call: Call, course: Course) -> Answer:
    modules = [each for each in call.world.modules_of(course.id, "assign") if call.sees(each)]
    return {
        "id": course.id,
        "fullname": course.fullname,
        "shortname": course.shortname,
        "timemodified": course.modified,
        "assignments": [_details(module) for module in modules],
    }


def _details(module: Module) -> Answer:
    return {
        "id": module.instance,
        "cmid": module.id,
        "course": module.course,
        "name": module.name,
        "nosubmissions": 0,
        "submissiondrafts": 0,
        "sendnotifications": 0,
        "sendlatenotifications": 0,
        "sendstudentnotifications": 1,
        "duedate": module.duedate,
        "allowsubmissionsfromdate": module.added,
        "grade": module.grade,
        "timemodified": module.added,
        "completionsubmit": int(module.completion > 1),
        "cutoffdate": 0,
        "gradingduedate": module.duedate + 7 * 86_400,
        "teamsubmission": 0,
        "requireallteammemberssubmit": 0,
        "teamsubmissiongroupingid": 0,
        "blindmarking": 0,
        "hidegrader": 0,
        "revealidentities": 0,
        "attemptreopenmethod": "untilpass",
        "maxattempts": 1,
        "markingworkflow": 0,
        "markingallocation": 0,
        "markinganonymous": 0,
        "requiresubmissionstatement": 0,
        "preventsubmissionnotingroup": 0,
        "configs": [
            _plugin("assignsubmission", "onlinetext", on=True),
            _plugin("assignfeedback", "comments", on=module.comments),
        ],
        "intro": module.intro,
        "introformat": 1,
        "introfiles": [],
        "introattachments": [],
        "timelimit": 0,
        "submissionattachments": 0,
    }


def _plugin(subtype: str, plugin: str, *, on: bool) -> Answer:
    return {"plugin": plugin, "subtype": subtype, "name": "enabled", "value": str(int(on))}


def _submission(call: Call, submission: Submission) -> Answer:
    module = call.world.module_of("assign", submission.assignment)
    item = None if module is None else call.world.item_of(module.id)
    graded = item is not None and call.world.grade_of(item.id, submission.user) is not None
    text = {
        "name": "onlinetext",
        "description": "Online text submissions",
        "text": submission.text,
        "format": 1,
    }
    return {
        "id": submission.id,
        "userid": submission.user,
        "attemptnumber": 0,
        "timecreated": submission.created,
        "timemodified": submission.created,
        "timestarted": None,
        "status": submission.status,
        "groupid": 0,
        "assignment": submission.assignment,
        "latest": 1,
        "plugins": [
            {
                "type": "onlinetext",
                "name": "Online text",
                "fileareas": [{"area": "submissions_onlinetext", "files": []}],
                "editorfields": [text],
            }
        ],
        "gradingstatus": "graded" if graded else "notgraded",
    }
