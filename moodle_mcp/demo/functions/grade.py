"""gradereport_user: the gradebook as a user sees it."""

from __future__ import annotations

from moodle_mcp.demo.call import Answer, Call, Params, option
from moodle_mcp.demo.errors import invalid_parameter, no_permission
from moodle_mcp.demo.records import STUDENT, Course, Grade, GradeItem, User


def get_grade_items(call: Call, params: Params) -> Answer:
    """gradereport_user_get_grade_items."""
    course = call.course(params["courseid"])
    user_id, group_id = option(params, "userid", 0), option(params, "groupid", 0)
    if user_id != call.user.id and not call.teaches(course.id):
        raise no_permission("View other users' grades")
    students = [each.user for each in call.world.enrolled(course.id) if STUDENT in each.roles]
    if user_id:
        call.existing_user(user_id)
        if (course.id, user_id) not in call.world.enrolments:
            raise invalid_parameter("The user is not enrolled in the course")
        students = [user_id]
    group = call.world.groups.get(group_id)
    if group is not None:
        students = [each for each in students if each in group.members]
    return {
        "usergrades": [_report(call, course, call.world.users[each]) for each in students],
        "warnings": [],
    }


def _report(call: Call, course: Course, user: User) -> Answer:
    columns = [item for item in call.world.grade_items.values() if item.course == course.id]
    columns.sort(key=lambda item: (not item.module, item.id))
    return {
        "courseid": course.id,
        "courseidnumber": course.idnumber,
        "userid": user.id,
        "userfullname": user.fullname,
        "useridnumber": user.idnumber,
        "maxdepth": 2,
        "gradeitems": [_item(call, course, item, user) for item in columns],
    }


def _item(call: Call, course: Course, item: GradeItem, user: User) -> Answer:
    module = call.world.modules.get(item.module)
    grade = call.world.grade_of(item.id, user.id)
    value = _total(call, course, user) if module is None else _graded(grade)
    share = None if value is None else 100 * value / item.grademax
    answer: Answer = {
        "id": item.id,
        "itemname": module.name if module else None,
        "itemtype": "mod" if module else "course",
        "itemmodule": module.modname if module else None,
        "iteminstance": module.instance if module else course.id,
        "itemnumber": 0 if module else None,
        "idnumber": "",
        "categoryid": course.id if module else None,
        "outcomeid": None,
        "scaleid": None,
        "locked": False,
    }
    if module:
        answer["cmid"] = module.id
    return answer | {
        "weightraw": 1,
        "weightformatted": "100.00 %",
        "graderaw": value,
        "gradedatesubmitted": call.world.completions.get((item.module, user.id)),
        "gradedategraded": grade.modified if grade else None,
        "gradehiddenbydate": False,
        "gradeneedsupdate": False,
        "gradeishidden": False,
        "gradeislocked": False,
        "gradeisoverridden": False,
        "gradeformatted": "-" if value is None else f"{value:.2f}",
        "grademin": 0,
        "grademax": item.grademax,
        "rangeformatted": f"0&ndash;{item.grademax}",
        "percentageformatted": "-" if share is None else f"{share:.2f} %",
        "feedback": grade.feedback if grade else "",
        "feedbackformat": 1,
    }


def _graded(grade: Grade | None) -> float | None:
    """Return the points; an assignment's -1 stands for none."""
    return None if grade is None or grade.value < 0 else grade.value


def _total(call: Call, course: Course, user: User) -> float | None:
    """Return the average of the graded items, in percent."""
    shares: list[float] = []
    for item in call.world.grade_items.values():
        grade = call.world.grade_of(item.id, user.id) if item.course == course.id else None
        value = _graded(grade)
        if value is not None:
            shares.append(100 * value / item.grademax)
    return sum(shares) / len(shares) if shares else None
