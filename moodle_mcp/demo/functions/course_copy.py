"""core_course: copies of courses."""

from __future__ import annotations

from dataclasses import replace

from moodle_mcp.demo.call import Answer, Call, Params, named_options
from moodle_mcp.demo.errors import missing_record
from moodle_mcp.demo.functions.course import check_free
from moodle_mcp.demo.records import Course, module_context
from moodle_mcp.demo.world import World


def duplicate_course(call: Call, params: Params) -> Answer:
    """core_course_duplicate_course: dates are copied as they are.

    Groups are always copied; their members, all participants and grades unless the option `users`
    is 0 (observed on 4.5.6).
    """
    original = call.course(params["courseid"])
    call.require_editor(original.id, "Back up courses")
    if params["categoryid"] not in call.world.categories:
        raise missing_record("course_categories", params["categoryid"])
    call.require_staff("Restore courses")
    check_free(call, {"shortname": params["shortname"]}, None)
    copy = replace(
        original,
        id=call.world.courses.next_id(),
        shortname=params["shortname"],
        fullname=params["fullname"],
        category=params["categoryid"],
        idnumber="",
        created=call.now,
        modified=call.now,
        visible=params["visible"],
    )
    call.world.courses[copy.id] = copy
    items = _copy_contents(call.world, original, copy)
    with_people = named_options(params["options"]).get("users", "1") == "1"
    for group in call.world.groups_of(original.id):
        number = call.world.groups.next_id()
        members = group.members if with_people else ()
        call.world.groups[number] = replace(group, id=number, course=copy.id, members=members)
    if with_people:
        _copy_people(call.world, original, copy, items)
    return {"id": copy.id, "shortname": copy.shortname}


def _copy_contents(world: World, original: Course, copy: Course) -> dict[int, int]:
    """Copy sections and activities; return the new id of each column of the gradebook."""
    sections: dict[int, int] = {}
    for section in [each for each in world.sections.values() if each.course == original.id]:
        number = sections[section.id] = world.sections.next_id()
        world.sections[number] = replace(section, id=number, course=copy.id)
    modules: dict[int, int] = {}
    for module in world.modules_of(original.id):
        number = modules[module.id] = world.modules.next_id()
        instances = [
            each.instance for each in world.modules.values() if each.modname == module.modname
        ]
        world.modules[number] = replace(
            module,
            id=number,
            course=copy.id,
            section=sections[module.section],
            instance=1 + max(instances),
        )
    _copy_of_modules(world, copy, modules)
    items: dict[int, int] = {}
    for item in [each for each in world.grade_items.values() if each.course == original.id]:
        number = items[item.id] = world.grade_items.next_id()
        module = modules.get(item.module, 0)
        world.grade_items[number] = replace(item, id=number, course=copy.id, module=module)
    return items


def _copy_of_modules(world: World, copy: Course, modules: dict[int, int]) -> None:
    """Copy the activities' events and files."""
    for event in [each for each in world.events.values() if each.module in modules]:
        number = world.events.next_id()
        module = modules[event.module]
        world.events[number] = replace(event, id=number, course=copy.id, module=module)
    contexts = {module_context(old): module_context(new) for old, new in modules.items()}
    for file in [each for each in world.files.values() if each.context in contexts]:
        number = world.files.next_id()
        world.files[number] = replace(file, id=number, context=contexts[file.context])


def _copy_people(world: World, original: Course, copy: Course, items: dict[int, int]) -> None:
    """Copy enrolments and grades."""
    for enrolment in world.enrolled(original.id):
        world.enrolments[copy.id, enrolment.user] = replace(enrolment, course=copy.id)
    for grade in [each for each in world.grades.values() if each.item in items]:
        number = world.grades.next_id()
        world.grades[number] = replace(grade, id=number, item=items[grade.item])
