"""core_course: courses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from moodle_mcp.demo.call import Answer, Call, Params, option, warning
from moodle_mcp.demo.errors import (
    MoodleError,
    course_closed,
    invalid_parameter,
    missing_record,
    moodle_error,
    no_permission,
    php_error,
)
from moodle_mcp.demo.records import (
    EDITING_TEACHER,
    SITE_COURSE,
    Course,
    GradeItem,
    Section,
    course_context,
)

SORT_STEP: Final = 10_000
_SETTINGS: Final = (
    "fullname", "shortname", "idnumber", "summary", "summaryformat", "format", "showgrades",
    "newsitems", "startdate", "enddate", "maxbytes", "showreports", "visible", "hiddensections",
    "groupmode", "groupmodeforce", "defaultgroupingid", "enablecompletion", "completionnotify",
    "lang",
)  # fmt: skip
_VIEW_ALL: Final = "View courses without participation"


def get_courses(call: Call, params: Params) -> list[Answer]:
    """core_course_get_courses."""
    ids: list[int] | None = params["options"].get("ids")
    courses = list(call.world.courses.values())
    if ids is not None:
        courses = [course for course in courses if course.id in ids]
    answer: list[Answer] = []
    for course in courses:
        if not call.may_enter(course):
            raise course_closed(course.id)
        if course.id != SITE_COURSE and not call.is_staff:
            # Only site-wide roles see courses without participating in them.
            raise no_permission(_VIEW_ALL)
        answer.append(_course(call, course))
    return answer


def get_courses_by_field(call: Call, params: Params) -> Answer:
    """core_course_get_courses_by_field."""
    field, value = option(params, "field", ""), option(params, "value", "")
    if field == "ids" and any(int(each) not in call.world.courses for each in value.split(",")):
        raise php_error('Attempt to assign property "contextvalidated" on null')
    courses = [
        course
        for course in call.world.courses.values()
        if _matches(call, course, field, value) and (course.visible or call.may_enter(course))
    ]
    return {"courses": [_listed(call, course) for course in courses], "warnings": []}


def search_courses(call: Call, params: Params) -> Answer:
    """core_course_search_courses."""
    if params["criterianame"] not in ("search", "modulelist", "blocklist", "tagid"):
        raise invalid_parameter("Invalid criteria name")
    words = params["criteriavalue"].casefold().split()
    mine = {each.course for each in call.world.enrolments_of(call.user.id)}
    found: list[Course] = []
    for course in call.world.courses.values():
        if course.id == SITE_COURSE or not (course.visible or call.may_enter(course)):
            continue
        if option(params, "limittoenrolled", usual=False) and course.id not in mine:
            continue
        if params["criterianame"] == "search" and _mentions(course, words):
            found.append(course)
        elif params["criterianame"] == "modulelist":
            call.require_staff("View hidden courses")
            if call.world.modules_of(course.id, params["criteriavalue"]):
                found.append(course)
    page, size = option(params, "page", 0), option(params, "perpage", 0)
    shown = found[page * size : (page + 1) * size] if size else found
    return {"total": len(found), "courses": [_summary(call, course) for course in shown]}


def create_courses(call: Call, params: Params) -> list[Answer]:
    """core_course_create_courses."""
    created: list[Answer] = []
    for item in params["courses"]:
        if item["categoryid"] not in call.world.categories:
            raise moodle_error(
                "errorcatcontextnotvalid",
                "You cannot execute functions in the category context (category id:"
                f"{item['categoryid']}). The context error message was: Context does not exist",
            )
        call.require_staff("Create courses")
        check_free(call, item, None)
        course_id = call.world.courses.next_id()
        course = Course(
            course_id, item["shortname"], item["fullname"], item["categoryid"], call.now, call.now,
            call.now - call.now % 86_400,
        )  # fmt: skip
        call.world.courses[course_id] = _changed(course, item)
        for number in range(1 + (item.get("numsections") or 4)):
            section = call.world.sections.next_id()
            name = "New section" if number else "General"
            call.world.sections[section] = Section(section, course_id, number, name)
        total = call.world.grade_items.next_id()
        call.world.grade_items[total] = GradeItem(total, course_id)
        created.append({"id": course_id, "shortname": item["shortname"]})
    return created


def update_courses(call: Call, params: Params) -> Answer:
    """core_course_update_courses."""
    warnings: list[Answer] = []
    for item in params["courses"]:
        try:
            course = call.course(item["id"])
            call.require_editor(course.id, "Edit course settings")
            if item.get("categoryid", course.category) not in call.world.categories:
                raise missing_record("course_categories", item["categoryid"])
            check_free(call, item, course.id)
            course = replace(course, category=item.get("categoryid", course.category))
            call.world.courses[course.id] = replace(_changed(course, item), modified=call.now)
        except MoodleError as error:
            warnings.append(warning("course", item["id"], error.errorcode, error.message))
    return {"warnings": warnings}


def delete_courses(call: Call, params: Params) -> Answer:
    """core_course_delete_courses."""
    warnings: list[Answer] = []
    for course_id in params["courseids"]:
        if course_id not in call.world.courses:
            message = f"Unknown course ID {course_id}"
            warnings.append(warning("course", course_id, "unknowncourseidnumber", message))
        elif course_id == SITE_COURSE or not call.is_staff:
            message = f"You do not have the permission to delete this course {course_id}"
            warnings.append(warning("course", course_id, "cannotdeletecourse", message))
        else:
            _delete(call, course_id)
    return {"warnings": warnings}


def course_image(call: Call, course: Course) -> str:
    """Return the address of the pattern that Moodle draws for a course without a picture."""
    return f"{call.wwwroot}/pluginfile.php/{course_context(course.id)}/course/generated/course.svg"


def sort_order(call: Call, course: Course) -> int:
    """Return a course's position among all: newer ones come first within their category."""
    if course.id == SITE_COURSE:
        return 1
    mates = [each.id for each in call.world.courses.values() if each.category == course.category]
    return course.category * SORT_STEP + sorted(mates, reverse=True).index(course.id) + 1


def _matches(call: Call, course: Course, field: str, value: str) -> bool:
    match field:
        case "":
            return True
        case "id":
            return str(course.id) == value
        case "ids":
            return str(course.id) in [each.strip() for each in value.split(",")]
        case "shortname":
            return course.shortname == value
        case "idnumber":
            return course.idnumber == value
        case "category":
            return str(course.category) == value
        case "sectionid":
            return any(
                str(section.id) == value and section.course == course.id
                for section in call.world.sections.values()
            )
        case _:
            raise invalid_parameter("Invalid field name")


def _mentions(course: Course, words: list[str]) -> bool:
    text = f"{course.fullname} {course.shortname} {course.idnumber} {course.summary}".casefold()
    return all(word in text for word in words)


def _format_options(course: Course) -> list[Answer]:
    if course.format == "site":
        return [{"name": "numsections", "value": 1}]
    # Moodle declares these values as text and sends numbers.
    return [
        {"name": "hiddensections", "value": course.hiddensections},
        {"name": "coursedisplay", "value": 0},
    ]


def _course(call: Call, course: Course) -> Answer:
    sections = [each for each in call.world.sections.values() if each.course == course.id]
    return {
        "id": course.id,
        "shortname": course.shortname,
        "categoryid": course.category,
        "categorysortorder": sort_order(call, course),
        "fullname": course.fullname,
        "displayname": course.fullname,
        "idnumber": course.idnumber,
        "summary": course.summary,
        "summaryformat": course.summaryformat,
        "format": course.format,
        "showgrades": course.showgrades,
        "newsitems": course.newsitems,
        "startdate": course.startdate,
        "enddate": course.enddate,
        "numsections": max(len(sections) - 1, 0),
        "maxbytes": course.maxbytes,
        "showreports": course.showreports,
        "visible": course.visible,
        "hiddensections": course.hiddensections,
        "groupmode": course.groupmode,
        "groupmodeforce": course.groupmodeforce,
        "defaultgroupingid": course.defaultgroupingid,
        "timecreated": course.created,
        "timemodified": course.modified,
        "enablecompletion": course.enablecompletion,
        "completionnotify": course.completionnotify,
        "lang": course.lang,
        "forcetheme": course.theme,
        "courseformatoptions": _format_options(course),
        "showactivitydates": course.id != SITE_COURSE,
        "showcompletionconditions": None if course.id == SITE_COURSE else True,
    }


def _summary(call: Call, course: Course) -> Answer:
    category = call.world.categories.get(course.category)
    teachers = [
        call.world.users[each.user]
        for each in call.world.enrolled(course.id)
        if EDITING_TEACHER in each.roles
    ]
    return {
        "id": course.id,
        "fullname": course.fullname,
        "displayname": course.fullname,
        "shortname": course.shortname,
        "courseimage": course_image(call, course),
        "categoryid": course.category,
        "categoryname": category.name if category else "",
        "sortorder": sort_order(call, course),
        "summary": course.summary,
        "summaryformat": course.summaryformat,
        "summaryfiles": [],
        "overviewfiles": [],
        "showactivitydates": course.id != SITE_COURSE,
        "showcompletionconditions": None if course.id == SITE_COURSE else True,
        "contacts": [{"id": user.id, "fullname": user.fullname} for user in teachers],
        "enrollmentmethods": [] if course.id == SITE_COURSE else ["manual"],
    }


def _listed(call: Call, course: Course) -> Answer:
    answer = _summary(call, course)
    if not call.may_enter(course):
        return answer
    return answer | {
        "idnumber": course.idnumber,
        "format": course.format,
        "showgrades": course.showgrades,
        "newsitems": course.newsitems,
        "startdate": course.startdate,
        "enddate": course.enddate,
        "maxbytes": course.maxbytes,
        "showreports": course.showreports,
        "visible": course.visible,
        "groupmode": course.groupmode,
        "groupmodeforce": course.groupmodeforce,
        "defaultgroupingid": course.defaultgroupingid,
        "enablecompletion": course.enablecompletion,
        "completionnotify": course.completionnotify,
        "lang": course.lang,
        "theme": course.theme,
        "marker": 0,
        "legacyfiles": 0,
        "calendartype": "",
        "timecreated": course.created,
        "timemodified": course.modified,
        "requested": 0,
        "cacherev": course.modified,
        "filters": [{"filter": "mediaplugin", "localstate": 0, "inheritedstate": 1}],
        "courseformatoptions": _format_options(course),
    }


def check_free(call: Call, item: Params, course_id: int | None) -> None:
    """Raise an error if another course has the short name or id number, or the dates are wrong."""
    for course in call.world.courses.values():
        if course.id == course_id:
            continue
        if item.get("shortname") == course.shortname:
            raise moodle_error(
                "shortnametaken",
                f"Short name is already used for another course ({course.shortname})",
            )
        if item.get("idnumber") and item["idnumber"] == course.idnumber:
            raise moodle_error(
                "courseidnumbertaken",
                f"ID number is already used for another course ({course.idnumber})",
            )
    if item.get("enddate") and item.get("startdate", 0) > item["enddate"]:
        raise moodle_error(
            "enddatebeforestartdate", "The course end date must be after the start date."
        )


def _changed(course: Course, item: Params) -> Course:
    changes: dict[str, Any] = {name: item[name] for name in _SETTINGS if item.get(name) is not None}
    if item.get("forcetheme") is not None:
        changes["theme"] = item["forcetheme"]
    for each in item.get("courseformatoptions", ()):
        if each["name"] == "hiddensections":
            changes["hiddensections"] = int(each["value"] == "1")
    return replace(course, **changes)


def _delete(call: Call, course_id: int) -> None:
    world = call.world
    del world.courses[course_id]
    gone = {module.id for module in world.modules_of(course_id)}
    items = {item.id for item in world.grade_items.values() if item.course == course_id}
    for table in (world.sections, world.modules, world.grade_items, world.groups, world.groupings,
                  world.discussions, world.events, world.notes):  # fmt: skip
        for row_id in [key for key, row in table.items() if row.course == course_id]:
            del table[row_id]
    for grade_id in [key for key, grade in world.grades.items() if grade.item in items]:
        del world.grades[grade_id]
    for pair in [key for key in world.enrolments if key[0] == course_id]:
        del world.enrolments[pair]
    for pair in [key for key in world.completions if key[0] in gone]:
        del world.completions[pair]
