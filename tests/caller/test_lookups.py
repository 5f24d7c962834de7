"""Look-ups by values: what is not found is named, and one bad value does not fail the others."""

from __future__ import annotations

from typing import Any

import pytest
from inline_snapshot import snapshot

from moodle_mcp.caller.lookups import MOST_SPLITS
from moodle_mcp.service.service import CallService
from tests.support.demo import Demo

pytestmark = pytest.mark.anyio

USERS = "core_user_get_users_by_field"


async def shown(demo: Demo, name: str, **arguments: Any) -> dict[str, Any]:
    context = demo.context()
    try:
        return (await CallService().call(context, name, arguments)).envelope
    finally:
        await context.aclose()


async def test_addresses_are_trimmed_and_found_in_any_case(demo: Demo) -> None:
    values = [" Student1@College.example", "student2@college.example ", "nobody@college.example"]
    found = await shown(demo, USERS, field="email", values=values, _fields=["email"])
    assert found["not_found"] == ["nobody@college.example"]
    assert [each["email"] for each in found["result"]] == [
        "student1@college.example",
        "student2@college.example",
    ]
    assert demo.calls_of(USERS) == 1


async def test_one_value_that_moodle_refuses_does_not_fail_the_others(demo: Demo) -> None:
    found = await shown(demo, USERS, field="id", values=["4", "four", "5", "6"], _fields=["id"])
    assert [each["id"] for each in found["result"]] == [4, 5, 6]
    assert found["not_found"] == ["four"]
    assert "error" not in found


async def test_values_that_moodle_refuses_all_are_an_error(demo: Demo) -> None:
    found = await shown(demo, USERS, field="id", values=["four", "five"])
    assert found["error"]["kind"] == "invalid_parameter"
    assert "not_found" not in found


async def test_unknown_courses_in_a_joined_list_are_named(demo: Demo) -> None:
    name = "core_course_get_courses_by_field"
    found = await shown(demo, name, field="ids", value="2, 999,3", _fields=["courses.id"])
    assert found["not_found"] == ["999"]
    assert found["result"]["courses"] == [{"id": 2}, {"id": 3}]


async def test_a_group_that_does_not_exist_is_named(demo: Demo) -> None:
    found = await shown(demo, "core_group_get_group_members", groupids=[1, 999, 2])
    assert [each["groupid"] for each in found["result"]] == [1, 2]
    assert found["not_found"] == [999]


async def test_criteria_that_nobody_meets_are_not_found(demo: Demo) -> None:
    criteria = [{"key": "email", "value": " nobody@college.example "}]
    found = await shown(demo, "core_user_get_users", criteria=criteria)
    assert found == snapshot(
        {
            "fields": '13 of 41; _fields ["*"] gives all',
            "not_found": ["nobody@college.example"],
            "result": {"users": [], "warnings": []},
        }
    )


async def test_a_look_up_that_finds_everything_has_no_list(demo: Demo) -> None:
    assert "not_found" not in await shown(demo, USERS, field="id", values=["4", "5"])


async def test_splitting_ends(demo: Demo) -> None:
    values = [f"x{number}" for number in range(2 * MOST_SPLITS)]
    found = await shown(demo, USERS, field="id", values=[*values, "4"])
    assert found["error"]["kind"] == "invalid_parameter"
    assert demo.calls_of(USERS) < 2 * MOST_SPLITS


async def test_a_query_keeps_what_was_not_found(demo: Demo) -> None:
    found = await shown(demo, USERS, field="id", values=["4", "999"], _query="length(@)")
    assert found == {"not_found": ["999"], "query_result": 1}
