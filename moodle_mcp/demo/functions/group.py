"""core_group: groups within a course."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from moodle_mcp.demo.call import Answer, Call, Params, option
from moodle_mcp.demo.errors import course_closed, invalid_parameter, missing_record
from moodle_mcp.demo.records import Group, Grouping

_MANAGE: Final = "Manage groups"


def get_course_groups(call: Call, params: Params) -> list[Answer]:
    """core_group_get_course_groups."""
    course = call.course(params["courseid"])
    call.require_teacher(course.id, _MANAGE)
    # For a group without an enrolment key it is null here, but empty in core_group_create_groups.
    return [
        _group(group) | {"enrolmentkey": group.enrolmentkey or None}
        for group in call.world.groups_of(course.id)
    ]


def create_groups(call: Call, params: Params) -> list[Answer]:
    """core_group_create_groups."""
    created: list[Answer] = []
    for item in params["groups"]:
        if item["courseid"] not in call.world.courses:
            raise course_closed(item["courseid"], "Invalid parameter value detected")
        course = call.course(item["courseid"])
        call.require_editor(course.id, _MANAGE)
        name = item["name"].strip()
        if not name:
            raise invalid_parameter("Invalid group name")
        if any(group.name == name for group in call.world.groups_of(course.id)):
            raise invalid_parameter("Group with the same name already exists in the course")
        group_id = call.world.groups.next_id()
        group = Group(
            group_id,
            course.id,
            name,
            item["description"],
            option(item, "descriptionformat", 1),
            item.get("enrolmentkey") or "",
            item.get("idnumber") or "",
            option(item, "visibility", 0),
            option(item, "participation", usual=True),
        )
        call.world.groups[group_id] = group
        created.append(_group(group))
    return created


def get_groups(call: Call, params: Params) -> list[Answer]:
    """core_group_get_groups: one id that does not exist fails the call."""
    return [_group(_managed(call, group_id)) for group_id in params["groupids"]]


def delete_groups(call: Call, params: Params) -> None:
    """core_group_delete_groups: what does not exist is skipped."""
    for group_id in params["groupids"]:
        if group_id in call.world.groups:
            _managed(call, group_id)
            del call.world.groups[group_id]


def get_groupings(call: Call, params: Params) -> list[Answer]:
    """core_group_get_groupings."""
    groupings = [_managed_grouping(call, each) for each in params["groupingids"]]
    answers = [_grouping(each) for each in groupings]
    if option(params, "returngroups", usual=False):
        for grouping, answer in zip(groupings, answers, strict=True):
            answer["groups"] = [_inside(call.world.groups[each]) for each in grouping.groups]
    return answers


def assign_grouping(call: Call, params: Params) -> None:
    """core_group_assign_grouping: a group of another course is no error."""
    for item in params["assignments"]:
        grouping = _managed_grouping(call, item["groupingid"])
        group = _managed(call, item["groupid"])
        groups = tuple(dict.fromkeys((*grouping.groups, group.id)))
        call.world.groupings[grouping.id] = replace(grouping, groups=groups)


def add_group_members(call: Call, params: Params) -> None:
    """core_group_add_group_members."""
    for item in params["members"]:
        group = _managed(call, item["groupid"])
        user = call.existing_user(item["userid"])
        if (group.course, user.id) not in call.world.enrolments:
            raise invalid_parameter("Only enrolled users may be members of groups")
        if user.id not in group.members:
            call.world.groups[group.id] = replace(group, members=(*group.members, user.id))


def delete_group_members(call: Call, params: Params) -> None:
    """core_group_delete_group_members."""
    for item in params["members"]:
        group = _managed(call, item["groupid"])
        user = call.existing_user(item["userid"])
        members = tuple(each for each in group.members if each != user.id)
        call.world.groups[group.id] = replace(group, members=members)


def get_group_members(call: Call, params: Params) -> list[Answer]:
    """core_group_get_group_members."""
    groups = [_managed(call, group_id) for group_id in params["groupids"]]
    return [{"groupid": group.id, "userids": list(group.members)} for group in groups]


def _managed(call: Call, group_id: int) -> Group:
    group = call.world.groups.get(group_id)
    if group is None:
        raise missing_record("groups", group_id)
    call.course(group.course)
    call.require_editor(group.course, _MANAGE)
    return group


def _managed_grouping(call: Call, grouping_id: int) -> Grouping:
    grouping = call.world.groupings.get(grouping_id)
    if grouping is None:
        raise missing_record("groupings", grouping_id)
    call.course(grouping.course)
    call.require_editor(grouping.course, _MANAGE)
    return grouping


def _grouping(grouping: Grouping) -> Answer:
    return {
        "id": grouping.id,
        "courseid": grouping.course,
        "name": grouping.name,
        "description": "",
        "descriptionformat": 1,
        "idnumber": "",
    }


def _inside(group: Group) -> Answer:
    """Return a group as the answer about its grouping has it."""
    shown = ("id", "name", "idnumber", "description", "descriptionformat", "enrolmentkey")
    answer = _group(group)
    return {key: answer[key] for key in shown} | {"courseid": group.course}


def _group(group: Group) -> Answer:
    return {
        "id": group.id,
        "courseid": group.course,
        "name": group.name,
        "description": group.description,
        "descriptionformat": group.descriptionformat,
        "enrolmentkey": group.enrolmentkey,
        "idnumber": group.idnumber,
        "visibility": group.visibility,
        "participation": group.participation,
    }
