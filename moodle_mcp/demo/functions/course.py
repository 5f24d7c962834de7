"""core_course: courses, categories and what is in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from moodle_mcp.demo.call import Answer, Call, Params, named_options, option, warning
from moodle_mcp.demo.errors import (
    MoodleError,
    course_closed,
    invalid_parameter,
    missing_module,
    missing_record,
    moodle_error,
    no_permission,
)
from moodle_mcp.demo.functions.shapes import file_answer
from moodle_mcp.demo.world import (
    EDITING_TEACHER,
    SITE_COURSE,
    Category,
    Course,
    GradeItem,
    Module,
    Section,
    StoredFile,
    course_context,
    module_context,
)

_ROOT_DEPTH: Final = 1
_SORT_STEP: Final = 10_000
_MODULE_IDS: Final = ("assign", "page", "quiz", "forum", "resource", "url")
_PURPOSES: Final = {"assign": "assessment", "quiz": "assessment", "forum": "collaboration"}
_PLURALS: Final = {
    "assign": "Assignments",
    "forum": "Forums",
    "page": "Pages",
    "quiz": "Quizzes",
    "resource": "Files",
    "url": "URLs",
}
_SETTINGS: Final = (
    "fullname", "shortname", "idnumber", "summary", "summaryformat", "format", "showgrades",
    "newsitems", "startdate", "enddate", "maxbytes", "showreports", "visible", "hiddensections",
    "groupmode", "groupmodeforce", "defaultgroupingid", "enablecompletion", "completionnotify",
    "lang",
)  # fmt: skip
_CONTENT_OPTIONS: Final = frozenset(
    {
        "excludemodules", "excludecontents", "includestealthmodules", "sectionid",
        "sectionnumber", "cmid", "modname", "modid",
    }
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
            # Only site-wide roles see courses without taking part in them.
            raise no_permission(_VIEW_ALL)
        answer.append(_course(call, course))
    return answer


def get_courses_by_field(call: Call, params: Params) -> Answer:
    """core_course_get_courses_by_field."""
    field, value = option(params, "field", ""), option(params, "value", "")
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


def get_categories(call: Call, params: Params) -> list[Answer]:
    """core_course_get_categories."""
    categories = list(call.world.categories.values())
    found = categories
    for criterion in params["criteria"]:
        found = [each for each in found if _category_matches(each, criterion)]
    if params["criteria"] and option(params, "addsubcategories", usual=True):
        wanted = {each.id for each in found}
        found = [each for each in categories if wanted & set(_ancestry(call, each))]
    return [_category(call, each) for each in found]


def get_contents(call: Call, params: Params) -> list[Answer]:
    """core_course_get_contents."""
    course = call.course(params["courseid"])
    options = named_options(params["options"])
    for name in options:
        if name not in _CONTENT_OPTIONS:
            raise moodle_error("errorinvalidparam", f'The param "{name}" is invalid.')
    return [
        _section(call, section, options)
        for section in call.world.sections.values()
        if section.course == course.id
        and options.get("sectionid", str(section.id)) == str(section.id)
        and options.get("sectionnumber", str(section.number)) == str(section.number)
    ]


def get_course_module(call: Call, params: Params) -> Answer:
    """core_course_get_course_module."""
    module = call.world.modules.get(params["cmid"])
    if module is None:
        raise missing_module(params["cmid"])
    call.course(module.course)
    section = call.world.sections[module.section]
    answer: Answer = {
        "id": module.id,
        "course": module.course,
        "module": _MODULE_IDS.index(module.modname) + 1,
        "name": module.name,
        "modname": module.modname,
        "instance": module.instance,
        "section": module.section,
        "sectionnum": section.number,
        "groupmode": 0,
        "groupingid": 0,
        "completion": module.completion,
    }
    if call.edits(module.course):
        answer |= {
            "idnumber": "",
            "added": module.added,
            "score": 0,
            "indent": 0,
            "visible": module.visible,
            "visibleoncoursepage": 1,
            "visibleold": module.visible,
            "completiongradeitemnumber": None,
            "completionpassgrade": 0,
            "completionview": 0,
            "completionexpected": 0,
            "showdescription": 0,
            "downloadcontent": 1,
            "availability": None,
        }
    if module.grade:
        answer |= {"grade": module.grade, "gradepass": "0.00", "gradecat": module.course}
    if module.modname == "assign":
        answer["advancedgrading"] = [{"area": "submissions", "method": None}]
    return {"cm": answer, "warnings": []}


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
        _check_free(call, item, None)
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
            _check_free(call, item, course.id)
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


def create_categories(call: Call, params: Params) -> list[Answer]:
    """core_course_create_categories."""
    created: list[Answer] = []
    for item in params["categories"]:
        parent = option(item, "parent", 0)
        if parent and parent not in call.world.categories:
            raise moodle_error("unknowncategory", "Unknown category!")
        call.require_staff("Manage categories")
        idnumber = item.get("idnumber") or ""
        if idnumber and any(each.idnumber == idnumber for each in call.world.categories.values()):
            raise moodle_error(
                "categoryidnumbertaken", "ID number is already used for another category"
            )
        category_id = call.world.categories.next_id()
        call.world.categories[category_id] = Category(
            category_id, item["name"], parent, idnumber, item.get("description") or "",
            option(item, "descriptionformat", 1), timemodified=call.now,
        )  # fmt: skip
        created.append({"id": category_id, "name": item["name"]})
    return created


def course_image(call: Call, course: Course) -> str:
    """The address of the pattern that Moodle draws for a course without a picture."""
    return f"{call.wwwroot}/pluginfile.php/{course_context(course.id)}/course/generated/course.svg"


def sort_order(call: Call, course: Course) -> int:
    """The place of a course among all: newer ones come first within their category."""
    if course.id == SITE_COURSE:
        return 1
    mates = [each.id for each in call.world.courses.values() if each.category == course.category]
    return course.category * _SORT_STEP + sorted(mates, reverse=True).index(course.id) + 1


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


def _category_matches(category: Category, criterion: Answer) -> bool:
    key, value = criterion["key"], criterion["value"]
    match key:
        case "id":
            return str(category.id) == value
        case "ids":
            return str(category.id) in value.split(",")
        case "name":
            return category.name == value
        case "parent":
            return str(category.parent) == value
        case "idnumber":
            return category.idnumber == value
        case "visible":
            return value == "1"
        case "theme":
            return category.theme == value
        case _:
            raise moodle_error(
                "criteriaerror",
                "Missing permissions to search on a criteria.",
                f"key {key} is not a criterion",
            )


def _ancestry(call: Call, category: Category) -> list[int]:
    """The ids from the top category down to this one."""
    if not category.parent:
        return [category.id]
    return [*_ancestry(call, call.world.categories[category.parent]), category.id]


def _category(call: Call, category: Category) -> Answer:
    ancestry = _ancestry(call, category)
    count = sum(course.category == category.id for course in call.world.courses.values())
    answer: Answer = {
        "id": category.id,
        "name": category.name,
        "description": category.description,
        "descriptionformat": category.descriptionformat,
        "parent": category.parent,
        "sortorder": category.id * _SORT_STEP,
        "coursecount": count,
        "depth": len(ancestry) - 1 + _ROOT_DEPTH,
        "path": "".join(f"/{each}" for each in ancestry),
    }
    if call.is_staff:
        answer |= {
            "idnumber": category.idnumber,
            "visible": 1,
            "visibleold": 1,
            "timemodified": category.timemodified,
            "theme": category.theme,
        }
    return answer


def _section(call: Call, section: Section, options: dict[str, str]) -> Answer:
    modules: list[Answer] = []
    if options.get("excludemodules") != "1":
        modules = [_module(call, module, options) for module in _shown(call, section, options)]
    return {
        "id": section.id,
        "name": section.name,
        "visible": 1,
        "summary": section.summary,
        "summaryformat": 1,
        "section": section.number,
        "hiddenbynumsections": 0,
        "uservisible": True,
        "component": None,
        "itemid": None,
        "modules": modules,
    }


def _shown(call: Call, section: Section, options: dict[str, str]) -> Iterator[Module]:
    for module in call.world.modules_of(section.course):
        wanted = (
            options.get("cmid", str(module.id)) == str(module.id)
            and options.get("modname", module.modname) == module.modname
            and options.get("modid", str(module.instance)) == str(module.instance)
        )
        if module.section == section.id and wanted and call.sees(module):
            yield module


def _module(call: Call, module: Module, options: dict[str, str]) -> Answer:
    custom = {"duedate": module.duedate} if module.modname == "assign" else ""
    answer: Answer = {
        "id": module.id,
        "url": f"{call.wwwroot}/mod/{module.modname}/view.php?id={module.id}",
        "name": module.name,
        "instance": module.instance,
        "contextid": module_context(module.id),
        "visible": module.visible,
        "uservisible": True,
        "visibleoncoursepage": 1,
        "modicon": call.image(module.modname, "monologo?filtericon=1"),
        "modname": module.modname,
        "purpose": _PURPOSES.get(module.modname, "content"),
        "branded": False,
        "modplural": _PLURALS[module.modname],
        "availability": None,
        "indent": 0,
        "onclick": "",
        "afterlink": None,
        "customdata": json.dumps(custom),
        "noviewlink": False,
        "completion": module.completion,
        "downloadcontent": 1,
        "dates": _dates(module),
        "groupmode": 0,
    }
    if module.modname in ("forum", "resource"):
        # PHP has one empty array: this empty object arrives as [].
        answer["activitybadge"] = {}
    if module.completion:
        answer["completiondata"] = _completion(call, module)
    if module.modname in ("page", "resource", "url") and options.get("excludecontents") != "1":
        answer |= _contents(call, module)
    return answer


def _dates(module: Module) -> list[Answer]:
    if not module.duedate:
        return []
    label, data_id = ("Due:", "duedate") if module.modname == "assign" else ("Closes:", "timeclose")
    return [{"label": label, "timestamp": module.duedate, "dataid": data_id}]


def _completion(call: Call, module: Module) -> Answer:
    when = call.world.completions.get((module.id, call.user.id), 0)
    return {
        "state": int(bool(when)),
        "timecompleted": when,
        "overrideby": None,
        "valueused": False,
        "hascompletion": True,
        "isautomatic": module.completion > 1,
        "istrackeduser": not call.teaches(module.course),
        "uservisible": True,
        "details": [],
        "isoverallcomplete": bool(when),
    }


def _contents(call: Call, module: Module) -> Answer:
    context = module_context(module.id)
    files = [each for each in call.world.files.values() if each.context == context]
    contents = [_content(call, each) for each in files]
    if module.modname == "url":
        contents = [_link(module)]
    sizes = [len(each.content) for each in files]
    return {
        "contents": contents,
        "contentsinfo": {
            "filescount": len(contents),
            "filessize": sum(sizes),
            "lastmodified": module.added,
            "mimetypes": [each.mimetype for each in files],
            "repositorytype": "",
        },
    }


def _content(call: Call, file: StoredFile) -> Answer:
    return {
        "type": "file",
        "sortorder": 1,
        "userid": None,
        "author": None,
        "license": None,
        "timecreated": file.created,
        **file_answer(call, file),
    }


def _link(module: Module) -> Answer:
    return {
        "type": "url",
        "filename": module.name,
        "filepath": None,
        "filesize": 0,
        "fileurl": module.url,
        "timecreated": None,
        "timemodified": module.added,
        "sortorder": None,
        "userid": None,
        "author": None,
        "license": None,
    }


def _check_free(call: Call, item: Params, course_id: int | None) -> None:
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
