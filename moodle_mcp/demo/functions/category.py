"""core_course: course categories."""

from __future__ import annotations

from moodle_mcp.demo.call import Answer, Call, Params, option
from moodle_mcp.demo.errors import moodle_error
from moodle_mcp.demo.functions.course import SORT_STEP
from moodle_mcp.demo.records import Category


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
    """Return the ids from the top category down to this one."""
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
        "sortorder": category.id * SORT_STEP,
        "coursecount": count,
        "depth": len(ancestry),
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
