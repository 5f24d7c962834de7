"""The tool `resolve`."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from inline_snapshot import snapshot
from mcp import Client

from moodle_mcp.policy.exposure import Mode
from moodle_mcp.service.process import ServiceSettings
from tests.support.demo import Demo
from tests.support.serving import server_for

pytestmark = pytest.mark.anyio


def client(demo: Demo, tools: str = "all", **settings: Any) -> Client:
    shown = ServiceSettings(Mode.FACADE, **settings)
    return Client(server_for(demo.context(tools, settings=shown)))


async def resolved(demo: Demo, *names: dict[str, Any], **options: Any) -> dict[str, Any]:
    async with client(demo, **options) as session:
        answer = await session.call_tool("resolve", {"names": list(names)})
    assert answer.structured_content is not None
    # The marks have a random number.
    text = re.sub(r"</?moodle-text \w+>", "", json.dumps(answer.structured_content))
    return {key: each for key, each in json.loads(text).items() if key != "notice"}


async def test_names_of_several_kinds_become_ids_in_one_call(demo: Demo) -> None:
    assert await resolved(
        demo,
        {"of": "user", "values": ["student1@college.example", "teacher1", "nobody"]},
        {"of": "course", "values": ["BIO101", "BIO101"]},
        {"of": "role", "values": ["student", "teachers"], "course": "BIO101"},
        {"of": "group", "values": ["Lab group A", "Lab group Z"], "course": "2"},
        {"of": "category", "values": ["Biology"]},
    ) == snapshot(
        {
            "result": [
                {
                    "of": "user",
                    "ids": {"student1@college.example": 4, "teacher1": 3},
                    "unknown": [{"name": "nobody"}],
                },
                {"of": "course", "ids": {"BIO101": 2}},
                {"of": "role", "ids": {"student": 5}, "unknown": [{"name": "teachers"}]},
                {
                    "of": "group",
                    "ids": {"Lab group A": 1},
                    "unknown": [{"name": "Lab group Z", "near": ["Lab group B", "Lab group A"]}],
                },
                {
                    "of": "category",
                    "ids": {},
                    "unknown": [{"name": "Biology", "near": ["Natural sciences / Biology"]}],
                },
            ],
            "warnings": [
                {
                    "warningcode": "roles",
                    "message": "Moodle lists no roles: they are seen only on people of a course. resolve finds the role's id in a course in which somebody has it; then give roleid. Or the operator sets MOODLE_MCP_ROLES, such as student=5.",
                }
            ],
        }
    )


async def test_ids_become_names(demo: Demo) -> None:
    assert await resolved(
        demo,
        {"of": "user.id", "values": ["3", "999999", "me"]},
        {"of": "course.id", "values": ["2"]},
        {"of": "role.id", "values": ["5", "77"], "course": "BIO101"},
        {"of": "activity.id", "values": ["1", "999999"]},
        {"of": "cohort.id", "values": ["1"]},
    ) == snapshot(
        {
            "result": [
                {
                    "of": "user.id",
                    "names": [{"id": 3, "name": "Полина Новикова"}],
                    "unknown": [{"name": "999999"}, {"name": "me"}],
                },
                {"of": "course.id", "names": [{"id": 2, "name": "Introduction to Biology"}]},
                {
                    "of": "role.id",
                    "names": [{"id": 5, "name": "student"}],
                    "unknown": [{"name": "77"}],
                },
                {
                    "of": "activity.id",
                    "names": [{"id": 1, "name": "Announcements"}],
                    "unknown": [{"name": "999999"}],
                },
                {"of": "cohort.id", "names": [{"id": 1, "name": "First-year students"}]},
            ],
            "warnings": [
                {
                    "warningcode": "roles",
                    "message": "Moodle lists no roles: they are seen only on people of a course. resolve finds the role's id in a course in which somebody has it; then give roleid. Or the operator sets MOODLE_MCP_ROLES, such as student=5.",
                }
            ],
        }
    )


async def test_what_two_people_share_is_ambiguous(demo: Demo) -> None:
    users = demo.site.world.users
    users[6] = replace(users[6], email=users[5].email)
    (found,) = (await resolved(demo, {"of": "user.email", "values": [users[5].email]}))["result"]
    assert found == {"of": "user.email", "ids": {}, "ambiguous": {users[5].email: [5, 6]}}


@pytest.mark.parametrize(
    "names",
    [
        {"of": "person", "values": ["a"]},
        {"of": "user.surname", "values": ["a"]},
        {"of": "group", "values": ["a"]},
        {"of": "group", "values": ["a"], "course": "NO101"},
        {"of": "user", "values": []},
    ],
    ids=str,
)
async def test_a_wrong_question_sends_no_lookup(demo: Demo, names: dict[str, Any]) -> None:
    answer = await resolved(demo, names)
    assert answer["error"]["kind"] == "invalid_arguments"
    assert {each["path"] for each in answer["error"]["parameters"]} <= {
        "names[0].of",
        "names[0].course",
        "names[0].values",
    }


async def test_it_is_offered_if_people_or_courses_can_be_looked_up(demo: Demo) -> None:
    for tools, offered in (("core_user_get_users_by_field", True), ("core_notes_*", False)):
        async with client(demo, tools) as session:
            names = {each.name for each in (await session.list_tools()).tools}
        assert ("resolve" in names) is offered


async def test_a_withheld_lookup_is_named(demo: Demo) -> None:
    answer = await resolved(
        demo, {"of": "cohort", "values": ["a"]}, tools="core_user_get_users_by_field"
    )
    assert answer["error"] == snapshot(
        {
            "kind": "not_allowed",
            "message": "Can't look up cohorts: core_cohort_get_cohorts is withheld by the operator: not in MOODLE_MCP_TOOLS.",
            "hint": "To name cohorts instead of giving ids, the operator adds core_cohort_get_cohorts to MOODLE_MCP_TOOLS. Otherwise give ids.",
            "function": "resolve",
            "retryable": False,
            "written": "nothing",
        }
    )


async def test_the_operator_names_roles(demo: Demo) -> None:
    answer = await resolved(demo, {"of": "role", "values": ["tutor"]}, roles={"tutor": 12})
    assert answer["result"] == [{"of": "role", "ids": {"tutor": 12}}]
