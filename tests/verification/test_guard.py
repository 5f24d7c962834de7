"""Writes that Moodle accepts silently, on the demo site: what the reply says of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from inline_snapshot import snapshot

from moodle_mcp.catalogue.silent import Silent
from moodle_mcp.demo.faults import InjectedFault
from moodle_mcp.service.service import CallService
from moodle_mcp.verification.guard import FACTS
from moodle_mcp.verification.reads import MOST_READS
from tests.support.demo import Demo

pytestmark = pytest.mark.anyio

NOBODY = 999_000
STUDENT, OTHER, TEACHER, ELSEWHERE = 4, 5, 3, 40
"""Two students and the teacher of course 2, and somebody who is not in it."""

GRADES = "mod_assign_save_grades"


async def envelope(
    demo: Demo, name: str, arguments: dict[str, Any], tools: str = "all"
) -> dict[str, Any]:
    context = demo.context(tools)
    try:
        return (await CallService().call(context, name, arguments)).envelope
    finally:
        await context.aclose()


def grade(user: int, points: float, comment: str = "", **values: Any) -> dict[str, Any]:
    editor = {"assignfeedbackcomments_editor": {"text": comment, "format": 1}}
    return {
        "userid": user,
        "grade": points,
        "attemptnumber": -1,
        "addattempt": False,
        "workflowstate": "",
        **({"plugindata": editor} if comment else {}),
        **values,
    }


async def graded(demo: Demo, *grades: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    given = {"assignmentid": 1, "applytoall": False, "grades": list(grades), **arguments}
    return await envelope(demo, GRADES, given)


def points_of(demo: Demo, user: int) -> float | None:
    world = demo.site.world
    module = world.module_of("assign", 1)
    assert module is not None
    column = world.item_of(module.id)
    assert column is not None
    found = world.grade_of(column.id, user)
    return None if found is None else found.value


def failures(reply: dict[str, Any]) -> list[tuple[int, str]]:
    return [(each["index"], each["error"]["message"]) for each in reply["batch"]["failed"]]


def remarks(reply: dict[str, Any]) -> list[tuple[str, str, list[list[int]]]]:
    warnings = reply["batch"].get("warnings", [])
    return [(each["warningcode"], each["message"], each["items"]) for each in warnings]


async def test_the_demo_stores_what_moodle_stores_silently(demo: Demo) -> None:
    context = demo.context()
    function = replace(context.registry.functions.catalogue.get(GRADES), checks=())
    items = [grade(NOBODY, 10), grade(ELSEWHERE, 10), grade(STUDENT, 999)]
    arguments = {"assignmentid": 1, "applytoall": False, "grades": items}
    before = points_of(demo, STUDENT)
    outcome = await context.caller.call(function, arguments)
    await context.aclose()
    assert outcome.fault is None
    assert [points_of(demo, user) for user in (NOBODY, ELSEWHERE, STUDENT)] == [10, 10, before]


async def test_grades_that_can_not_be_meant_are_not_sent(demo: Demo) -> None:
    reply = await graded(
        demo, grade(STUDENT, 80), grade(NOBODY, 10), grade(ELSEWHERE, 10), grade(OTHER, 999)
    )
    assert reply["error"]["written"] == "something"
    assert failures(reply) == snapshot(
        [
            (
                1,
                "Not sent: This person is no participant of the course whom the caller can see, and the grade would be stored all the same.",
            ),
            (
                2,
                "Not sent: This person is no participant of the course whom the caller can see, and the grade would be stored all the same.",
            ),
            (3, "Not sent: The grade 999 is above the maximum of 100, and Moodle would drop it."),
        ]
    )
    assert reply["batch"]["succeeded"] == 1
    assert points_of(demo, STUDENT) == 80
    assert [points_of(demo, user) for user in (NOBODY, ELSEWHERE)] == [None, None]


async def test_a_single_grade_over_the_maximum_is_an_error_and_not_sent(demo: Demo) -> None:
    arguments = grade(STUDENT, 101) | {"assignmentid": 1, "applytoall": False}
    reply = await envelope(demo, "mod_assign_save_grade", arguments)
    assert reply == snapshot(
        {
            "error": {
                "kind": "invalid_parameter",
                "message": "Not sent: The grade 101 is above the maximum of 100, and Moodle would drop it.",
                "hint": "Moodle would have accepted this without an error. Correct the item, or leave it out.",
                "function": "mod_assign_save_grade",
                "retryable": False,
                "written": "nothing",
            }
        }
    )
    assert demo.calls_of("mod_assign_save_grade") == 0


async def test_a_comment_that_is_dropped_is_told(demo: Demo) -> None:
    world = demo.site.world
    module = world.module_of("assign", 1)
    assert module is not None
    world.modules[module.id] = replace(module, comments=False)
    reply = await graded(demo, grade(STUDENT, 80, "Good"), grade(OTHER, 70))
    assert remarks(reply) == [
        (
            "not_done",
            "The comment was dropped: feedback comments are off in this assignment.",
            [[0, 0]],
        )
    ]
    assert reply["batch"]["succeeded"] == 2


async def test_a_grade_that_the_gradebook_locks_is_failed(demo: Demo) -> None:
    world = demo.site.world
    module = world.module_of("assign", 1)
    assert module is not None
    column = world.item_of(module.id)
    assert column is not None
    assert points_of(demo, STUDENT) is not None
    world.grade_items[column.id] = replace(column, locked=True)
    reply = await graded(demo, grade(STUDENT, 12.5, "x"))
    assert reply["error"]["written"] == "nothing"
    assert reply["error"]["kind"] == "conflict"
    assert failures(reply) == snapshot(
        [
            (
                0,
                "The grade was not saved: 55 still stands. Most likely it is locked or overridden in the gradebook.",
            )
        ]
    )


async def test_a_grade_given_twice_is_unchanged(demo: Demo) -> None:
    await graded(demo, grade(STUDENT, 80))
    reply = await graded(demo, grade(STUDENT, 80), grade(OTHER, 33))
    assert remarks(reply) == [("unchanged", "The student had this grade already.", [[0, 0]])]


async def test_what_can_not_be_read_is_sent_and_unverified(demo: Demo) -> None:
    reply = await envelope(
        demo,
        GRADES,
        {"assignmentid": 1, "applytoall": False, "grades": [grade(STUDENT, 80)]},
        tools=GRADES,
    )
    assert "error" not in reply
    assert remarks(reply) == snapshot(
        [
            (
                "unverified",
                "Moodle reports success in any case. Not checked: who participates in the course; who submits in the assignment; the assignment's maximum grade; what the assignment has switched on; which grades were saved. For that the operator must allow mod_assign_list_participants, core_course_get_course_module_by_instance, mod_assign_get_assignments, mod_assign_get_grades.",
                [[0, 0]],
            )
        ]
    )
    assert points_of(demo, STUDENT) == 80


async def test_a_read_that_fails_does_not_stop_the_write(demo: Demo) -> None:
    context = demo.context()
    await context.learn(GRADES)
    body = b'{"exception":"moodle_exception","errorcode":"nosuch","message":"m"}'
    demo.site.faults.append(InjectedFault.answer(body, function="core_cohort_get_cohort_members"))
    members = [{"cohortid": 1, "userid": 4}]
    name = "core_cohort_delete_cohort_members"
    reply = await CallService().call(context, name, {"members": members})
    if reply.outcome.fault is not None:
        token = str(reply.outcome.fault.hint).split("_confirm: ")[1].split()[0]
        again = {"members": members, "_confirm": token}
        reply = await CallService().call(context, name, again)
    await context.aclose()
    assert reply.outcome.fault is None
    assert 4 not in demo.site.world.cohorts[1].members


async def test_the_reads_do_not_grow_with_the_items(demo: Demo) -> None:
    students = [each.user for each in demo.site.world.enrolled(2) if each.user != TEACHER]
    await graded(demo, *(grade(user, 50) for user in students))
    functions = [each.function for each in demo.site.requests]
    reads = [name for name in functions if name not in (GRADES, "core_webservice_get_site_info")]
    assert len(reads) <= MOST_READS
    # Only the grades are read twice: before the write and after it.
    assert {name for name in reads if reads.count(name) > 1} == {"mod_assign_get_grades"}


async def test_a_dry_run_names_what_would_not_be_sent(demo: Demo) -> None:
    reply = await graded(demo, grade(NOBODY, 10), _dry_run=True)
    assert reply["batch"]["not_sent"] == [[0, 0]]
    assert [each["index"] for each in reply["batch"]["would_fail"]] == [0]
    assert demo.calls_of("mod_assign_save_grades") == 0


LOCK = "mod_assign_lock_submissions"

UNCHANGED = [
    (
        "core_cohort_delete_cohort_members",
        {"members": [{"cohortid": 1, "userid": 4}, {"cohortid": 1, "userid": 50}]},
        ("unchanged", "Nobody with this id was in the cohort.", [[1, 1]]),
    ),
    (
        "core_group_add_group_members",
        {"members": [{"groupid": 1, "userid": 4}, {"groupid": 2, "userid": 4}]},
        ("unchanged", "This person was in the group already.", [[0, 0]]),
    ),
    (
        "core_group_delete_group_members",
        {"members": [{"groupid": 1, "userid": 4}, {"groupid": 2, "userid": 4}]},
        ("unchanged", "Nobody with this id was in the group.", [[1, 1]]),
    ),
    (
        "enrol_manual_unenrol_users",
        {"enrolments": [{"courseid": 2, "userid": 4}, {"courseid": 2, "userid": ELSEWHERE}]},
        ("unchanged", "Nobody with this id was a participant of the course.", [[1, 1]]),
    ),
    (
        "core_group_delete_groups",
        {"groupids": [1, 999]},
        (
            "unchanged",
            "No group with this id can be seen, so most likely nothing was deleted.",
            [[1, 1]],
        ),
    ),
    (
        "core_user_update_users",
        {"users": [{"id": 4, "firstname": "Amina"}, {"id": 5, "firstname": "New"}]},
        ("unchanged", "The account had these values already.", [[0, 0]]),
    ),
]


@pytest.mark.parametrize(("name", "arguments", "remark"), UNCHANGED, ids=[c[0] for c in UNCHANGED])
async def test_what_was_so_already_is_unchanged(
    demo: Demo,
    name: str,
    arguments: dict[str, Any],
    remark: tuple[str, str, list[list[int]]],
) -> None:
    reply = await confirmed(demo, name, arguments)
    assert "error" not in reply
    assert remarks(reply) == [remark]


async def confirmed(demo: Demo, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Call with the consent that a destructive function needs."""
    context = demo.context()
    try:
        reply = (await CallService().call(context, name, arguments)).envelope
        asked = reply.get("error", {}).get("hint", "")
        if "_confirm: " in asked:
            token = asked.split("_confirm: ")[1].split()[0]
            again = {**arguments, "_confirm": token}
            reply = (await CallService().call(context, name, again)).envelope
        return reply
    finally:
        await context.aclose()


REFUSED = [
    (LOCK, {"assignmentid": 1, "userids": [4, TEACHER, NOBODY]}, [1, 2]),
    (
        "core_group_assign_grouping",
        {"assignments": [{"groupingid": 1, "groupid": 1}, {"groupingid": 1, "groupid": 3}]},
        [1],
    ),
    (
        "core_message_send_instant_messages",
        {"messages": [{"touserid": 4, "text": " "}, {"touserid": 4, "text": "Hello"}]},
        [0],
    ),
    (
        "core_notes_create_notes",
        {
            "notes": [
                {"userid": user, "publishstate": "course", "courseid": 2, "text": text}
                for user, text in ((4, ""), (ELSEWHERE, "x"), (4, "x"))
            ]
        },
        [0, 1],
    ),
    (
        "core_calendar_create_calendar_events",
        {
            "events": [
                {"name": "x", "eventtype": "course"},
                {"name": "x", "eventtype": "group", "courseid": 2, "groupid": 999},
                {"name": "x", "eventtype": "course", "courseid": 2, "timeduration": -5},
                {"name": "x", "eventtype": "course", "courseid": 2},
            ]
        },
        [0, 1, 2],
    ),
    (
        "enrol_manual_enrol_users",
        {
            "enrolments": [
                {"roleid": 5, "courseid": 2, "userid": 30, "timestart": 20, "timeend": 10},
                {"roleid": 5, "courseid": 2, "userid": 31},
            ]
        },
        [0],
    ),
]


@pytest.mark.parametrize(("name", "arguments", "wrong"), REFUSED, ids=[c[0] for c in REFUSED])
async def test_what_would_be_accepted_silently_is_refused_item_by_item(
    demo: Demo, name: str, arguments: dict[str, Any], wrong: list[int]
) -> None:
    reply = await confirmed(demo, name, arguments)
    found = [
        index
        for each in reply["batch"]["failed"]
        for index in range(each["index"], each.get("to", each["index"]) + 1)
    ]
    assert found == wrong
    assert reply["batch"]["succeeded"] == reply["batch"]["items"] - len(wrong)
    assert demo.calls_of(name) == 1


def test_every_check_names_a_fact_that_can_be_read() -> None:
    silent = Silent()
    facts = {check.fact for name in silent for check in silent[name].checks if check.fact}
    assert facts - {"answer"} <= FACTS.keys()
