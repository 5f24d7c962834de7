"""The tool `bulk_call` with the rows that a read answers, on the demo site."""

from __future__ import annotations

from typing import Any

import pytest
from inline_snapshot import snapshot

from moodle_mcp.demo.records import STUDENT
from moodle_mcp.policy.approvals import Confirm
from tests.service.bulk.calling import BIO101, bulk, client, written
from tests.support.demo import Demo

pytestmark = pytest.mark.anyio

UNENROL: dict[str, Any] = {
    "function": "enrol_manual_unenrol_users",
    "read": "core_enrol_get_enrolled_users",
    "read_with": {"courseid": BIO101},
    "query": "[?roles[0].shortname == 'student'].{userid: id}",
    "defaults": ["course=BIO101"],
}


def students(demo: Demo) -> list[int]:
    return [each.user for each in demo.site.world.enrolled(BIO101) if STUDENT in each.roles]


async def test_the_students_of_a_course_are_taken_out_and_the_teachers_stay(demo: Demo) -> None:
    before = len(demo.site.world.enrolled(BIO101))
    count = len(students(demo))
    answer = await bulk(demo, **UNENROL)
    assert answer["batch"]["succeeded"] == count > 10
    assert students(demo) == []
    assert len(demo.site.world.enrolled(BIO101)) == before - count > 0


async def test_people_who_joined_since_are_asked_about_again(demo: Demo) -> None:
    async with client(demo, confirm=Confirm.TOKEN) as session:
        asked = await session.call_tool("bulk_call", UNENROL)
        assert asked.structured_content is not None
        token = asked.structured_content["error"]["hint"].partition("_confirm: ")[2].split()[0]
        world = demo.site.world
        one = world.enrolled(BIO101)[-1]
        del world.enrolments[BIO101, one.user]
        again = await session.call_tool("confirm", {"token": token})
    assert again.structured_content is not None
    assert again.structured_content["error"]["kind"] == "needs_confirmation"
    assert written(demo) == {}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"read": "core_user_delete_users"},
            snapshot("Nothing was sent: core_user_delete_users is not a read."),
        ),
        (
            {"query": "[?id == `0`]"},
            snapshot("Nothing was sent: read has no rows: the query finds none in its answer."),
        ),
        (
            {"query": "[?"},
            snapshot("Nothing was sent: _query ends too early."),
        ),
        (
            {"read_with": {"courseid": 999}},
            snapshot("Can't find data record in database table course."),
        ),
        (
            {"csv": "userid\n4\n"},
            snapshot("Nothing was sent: csv or read must be given, and only one of them."),
        ),
        (
            {"tools": "enrol_manual_unenrol_users"},
            snapshot(
                "core_enrol_get_enrolled_users is withheld by the operator: not in MOODLE_MCP_TOOLS."
            ),
        ),
    ],
)
async def test_without_rows_nothing_is_sent(
    given: dict[str, Any], message: str, demo: Demo
) -> None:
    answer = await bulk(demo, **{**UNENROL, **given})
    assert answer["error"]["message"] == message
    assert answer["error"]["written"] == "nothing"
    assert written(demo) == {}


async def test_a_read_needs_a_query(demo: Demo) -> None:
    without = {name: value for name, value in UNENROL.items() if name != "query"}
    assert (await bulk(demo, **without))["error"]["parameters"] == snapshot(
        [{"path": "query", "problem": "belongs to read, and read needs it"}]
    )
