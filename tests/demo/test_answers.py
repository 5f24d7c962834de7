"""What each implemented function answers satisfies the catalogue's description of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest

from moodle_mcp.catalogue.loading import load
from moodle_mcp.catalogue.model import ListOf, Node, Object, Value, scalar
from moodle_mcp.demo import ADMIN_TOKEN, STUDENT_TOKEN, TEACHER_TOKEN
from moodle_mcp.demo.functions import HANDLERS
from tests.demo.transactions import TRANSACTIONS
from tests.support.demo_client import Wire
from tests.support.serving import NOW

READS: dict[str, list[dict[str, Any]]] = {
    "core_webservice_get_site_info": [{}],
    "core_course_get_courses": [{}, {"options": {"ids": [2, 3]}}],
    "core_course_get_courses_by_field": [{}, {"field": "ids", "value": "2,3"}],
    "core_course_search_courses": [
        {"criterianame": "search", "criteriavalue": "bio"},
        {"criterianame": "search", "criteriavalue": "", "page": 1, "perpage": 5},
    ],
    "core_course_get_categories": [{}, {"criteria": [{"key": "id", "value": "1"}]}],
    "core_course_get_contents": [
        {"courseid": 2},
        {"courseid": 2, "options": [{"name": "excludecontents", "value": 1}]},
    ],
    "core_course_get_course_module": [{"cmid": 1}, {"cmid": 4}],
    "core_course_get_course_module_by_instance": [{"module": "assign", "instance": 1}],
    "core_enrol_get_enrolled_users": [
        {"courseid": 2},
        {"courseid": 2, "options": [{"name": "userfields", "value": "email, roles"},
                                    {"name": "limitnumber", "value": 3}]},
    ],
    "core_enrol_get_users_courses": [{"userid": 4}, {"userid": 4, "returnusercount": 0}],
    "core_user_get_users": [
        {"criteria": [{"key": "lastname", "value": "%a%"}]},
        {"criteria": [{"key": "shoesize", "value": "42"}]},
    ],
    "core_user_get_users_by_field": [{"field": "username", "values": ["student1", "teacher1"]}],
    "core_group_get_course_groups": [{"courseid": 2}],
    "core_group_get_group_members": [{"groupids": [1, 2]}],
    "core_group_get_groups": [{"groupids": [1, 2]}],
    "core_group_get_groupings": [
        {"groupingids": [1, 2]}, {"groupingids": [1], "returngroups": 1}
    ],
    "core_cohort_get_cohorts": [{}, {"cohortids": [2]}],
    "core_cohort_get_cohort_members": [{"cohortids": [1, 2]}],
    "mod_assign_get_assignments": [{}, {"courseids": [2, 9, 999]}],
    "mod_assign_get_submissions": [{"assignmentids": [1, 2, 999]}],
    "mod_assign_get_grades": [{"assignmentids": [1, 3, 999]}],
    "mod_assign_get_user_flags": [{"assignmentids": [1, 999]}],
    "mod_assign_list_participants": [
        {"assignid": 1, "groupid": 0, "filter": "", "onlyids": 1}
    ],
    "gradereport_user_get_grade_items": [{"courseid": 2}, {"courseid": 2, "userid": 4}],
    "core_calendar_get_action_events_by_timesort": [{}, {"timesortfrom": NOW}],
    "mod_forum_get_forums_by_courses": [{}, {"courseids": [2]}],
    "mod_forum_get_forum_discussions": [{"forumid": 1}, {"forumid": 1, "page": 0, "perpage": 1}],
    "core_message_get_messages": [
        {"useridto": 0, "type": "conversations", "read": 0},
        {"useridto": 4, "useridfrom": 3, "newestfirst": 0, "limitnum": 1, "read": 2},
    ],
    "core_completion_get_activities_completion_status": [{"courseid": 2, "userid": 4}],
    "tool_mobile_call_external_functions": [
        {"requests": [{"function": "core_course_get_categories"}]}
    ],
}  # fmt: skip
WRITES: dict[str, list[dict[str, Any]]] = {
    function: [{name: items[:1] for name, items in params.items()}]
    for function, params in TRANSACTIONS.items()
} | {
    "core_course_update_courses": [{"courses": [{"id": 2, "summary": "x"}, {"id": 999}]}],
    "core_course_duplicate_course": [
        {"courseid": 2, "fullname": "Copy", "shortname": "COPY", "categoryid": 1}
    ],
    "core_course_delete_courses": [{"courseids": [13, 999]}],
    "core_user_update_users": [{"users": [{"id": 5, "city": "Oslo"}, {"id": 999}]}],
    "core_group_delete_groups": [{"groupids": [1, 999]}],
    "core_cohort_add_cohort_members": [
        {"members": [{"cohorttype": {"type": "id", "value": 2},
                      "usertype": {"type": "username", "value": name}}
                     for name in ("student2", "nobody")]}
    ],
    "core_message_send_instant_messages": [
        {"messages": [{"touserid": 4, "text": "Hi", "textformat": 2, "clientmsgid": "c1"}]}
    ],
    "core_notes_create_notes": [
        {"notes": [{"userid": user, "publishstate": "course", "courseid": 2, "text": "n"}
                   for user in (4, 999)]}
    ],
    "mod_assign_save_grade": [
        {"assignmentid": 1, "userid": 5, "grade": 70, "attemptnumber": -1, "addattempt": 0,
         "workflowstate": "", "applytoall": 1}
    ],
    "mod_assign_save_grades": [
        {"assignmentid": 1, "applytoall": 0, "grades": [
            {"userid": user, "grade": 70, "attemptnumber": -1, "addattempt": 0,
             "workflowstate": ""} for user in (5, 999)]}
    ],
    "mod_assign_lock_submissions": [{"assignmentid": 1, "userids": [4, 5]}],
    "mod_assign_unlock_submissions": [{"assignmentid": 1, "userids": [4]}],
    "mod_assign_save_submission": [
        {"assignmentid": 1, "plugindata": {
            "onlinetext_editor": {"text": "Mine", "format": 1, "itemid": 0}}}
    ],
    "mod_assign_save_user_extensions": [
        {"assignmentid": 1, "userids": [4, 999], "dates": [NOW, NOW]}
    ],
}  # fmt: skip
CALLS = [(name, params) for name, all_ in (READS | WRITES).items() for params in all_]
CATALOGUE = load()


def faults(node: Node | None, answer: Any, where: str = "") -> Iterator[str]:
    """How an answer differs from its description."""
    if node is None:
        if answer is not None:
            yield f"{where}: not null"
        return
    match node:
        case Value():
            if not fits(node, answer):
                yield f"{where}: {answer!r} is no {node.type}"
        case ListOf():
            if not isinstance(answer, list):
                yield f"{where}: no list"
                return
            for index, child in enumerate(cast("list[Any]", answer)):
                yield from faults(node.item, child, f"{where}[{index}]")
        case Object():
            # PHP has one empty array, so an empty object arrives as [].
            found: Any = {} if answer == [] else answer
            if not isinstance(found, dict):
                yield f"{where}: no object"
                return
            yield from object_faults(node, cast("Mapping[str, Any]", found), where)


def object_faults(node: Object, found: Mapping[str, Any], where: str) -> Iterator[str]:
    yield from (f"{where}.{key}: unknown" for key in found if key not in node.keys)
    for key, child in node.keys.items():
        if key in found:
            yield from faults(child, found[key], f"{where}.{key}")
        elif child.presence == "required":
            yield f"{where}.{key}: missing"


def fits(node: Value, answer: Any) -> bool:
    if answer is None:
        return node.nullable
    match scalar(node):
        case "integer":
            return isinstance(answer, int) and not isinstance(answer, bool)
        case "number":
            return isinstance(answer, int | float) and not isinstance(answer, bool)
        case "boolean":
            return isinstance(answer, bool)
        case _:
            # Moodle declares a few values as text and sends numbers.
            return isinstance(answer, str | int)


def test_every_implemented_function_is_called_here() -> None:
    assert {name for name, _ in CALLS} == set(HANDLERS)


@pytest.mark.parametrize(("function", "params"), CALLS, ids=lambda each: str(each)[:50])
def test_an_answer_fits_its_description(function: str, params: dict[str, Any], wire: Wire) -> None:
    answer = wire.call(function, **params)
    assert not (isinstance(answer, dict) and "exception" in answer), answer
    assert list(faults(CATALOGUE.get(function).returns, answer)) == []


@pytest.mark.parametrize("token", [TEACHER_TOKEN, STUDENT_TOKEN], ids=["teacher", "student"])
@pytest.mark.parametrize("function", READS)
def test_others_get_a_fitting_answer_or_no_permission(
    function: str, token: str, wire: Wire
) -> None:
    for params in READS[function]:
        answer = wire.call(function, token=token, **params)
        if isinstance(answer, dict) and "exception" in answer:
            assert answer["errorcode"] in ("nopermissions", "errorcoursecontextnotvalid")
        else:
            assert list(faults(CATALOGUE.get(function).returns, answer)) == []


def test_an_empty_object_arrives_as_an_empty_array(wire: Wire) -> None:
    general = wire.call("core_course_get_contents", courseid=2)[0]
    forum = next(each for each in general["modules"] if each["modname"] == "forum")
    assert forum["activitybadge"] == []


def test_the_administrators_reads_are_not_empty(wire: Wire) -> None:
    empty = [
        function
        for function, (params, *_) in READS.items()
        if not wire.call(function, token=ADMIN_TOKEN, **params)
    ]
    # The administrator takes part in no course.
    assert empty == ["mod_forum_get_forums_by_courses"]
