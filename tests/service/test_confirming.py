"""Calls that are kept until they are confirmed: `confirm`, `_confirm` alone, dry runs of writes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import mcp_types as types
import pytest
from inline_snapshot import snapshot
from mcp import Client

from moodle_mcp.demo.faults import InjectedFault
from moodle_mcp.policy.approvals import Confirm
from moodle_mcp.policy.exposure import Mode
from moodle_mcp.service.process import ServiceSettings
from tests.support.demo import Demo
from tests.support.serving import server_for

pytestmark = pytest.mark.anyio

DELETE = "core_course_delete_courses"
ENROL = "enrol_manual_enrol_users"
MAINTENANCE = b'{"exception":"moodle_exception","errorcode":"sitemaintenance","message":"m"}'


def client(demo: Demo, tools: str = "all", confirm: Confirm = Confirm.TOKEN) -> Client:
    return Client(server_for(demo.context(tools, settings=ServiceSettings(Mode.DIRECT, confirm))))


async def envelope(session: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await session.call_tool(tool, arguments)
    assert result.structured_content is not None
    return result.structured_content


def token_in(asked: dict[str, Any]) -> str:
    assert asked["error"]["kind"] == "needs_confirmation"
    found = re.search(r"_confirm: (\S+)", asked["error"]["hint"])
    assert found
    return found[1]


async def test_confirm_carries_out_the_kept_call_once(demo: Demo) -> None:
    async with client(demo) as session:
        token = token_in(await envelope(session, DELETE, courseids=[2, 3]))
        done = await envelope(session, "confirm", token=token)
        again = await envelope(session, "confirm", token=token)
    assert done["batch"]["succeeded"] == 2
    assert again == snapshot(
        {
            "error": {
                "kind": "not_found",
                "message": "Nothing was sent: this token is used already.",
                "hint": "A token is valid once, for 15 minutes, and only until the server is started again. Make the call again without it to get a new one.",
                "function": "confirm",
                "retryable": False,
                "written": "nothing",
            }
        }
    )
    assert demo.calls_of(DELETE) == 1


async def test_the_token_alone_stands_for_the_kept_arguments(demo: Demo) -> None:
    async with client(demo) as session:
        token = token_in(await envelope(session, DELETE, courseids=[2, 3]))
        done = await envelope(session, DELETE, _confirm=token)
    assert done["batch"]["succeeded"] == 2


async def test_the_token_of_another_function_is_refused_and_stays_valid(demo: Demo) -> None:
    async with client(demo) as session:
        token = token_in(await envelope(session, DELETE, courseids=[2]))
        other = await envelope(session, "core_user_delete_users", _confirm=token)
        assert other["error"]["message"] == snapshot(
            "Nothing was sent: this token is for core_course_delete_courses."
        )
        done = await envelope(session, "confirm", token=token)
    assert "error" not in done


async def test_other_arguments_do_not_end_the_token(demo: Demo) -> None:
    async with client(demo) as session:
        token = token_in(await envelope(session, DELETE, courseids=[2]))
        other = await envelope(session, DELETE, courseids=[3], _confirm=token)
        assert other["error"]["message"] == snapshot(
            'The token is for other values of: courseids. Nothing was sent. Delete courses (core_course_delete_courses): courseids: "Molecular Biology Laboratory" (course id 3). Deleted along with each: 3: 18 enrolments, 8 activities.'
        )
        done = await envelope(session, DELETE, courseids=[2], _confirm=token)
    assert "error" not in done
    assert 3 in demo.site.world.courses


@pytest.mark.parametrize("inside", [True, False], ids=["inside", "beside"])
async def test_the_facade_takes_the_token_inside_the_arguments_and_beside_them(
    demo: Demo, inside: bool
) -> None:
    settings = ServiceSettings(Mode.FACADE, Confirm.TOKEN)
    async with Client(server_for(demo.context("all", settings=settings))) as session:
        call = {"function": DELETE, "arguments": {"courseids": [2]}}
        token = token_in(await envelope(session, "call_function", **call))
        confirmed: dict[str, Any] = (
            {**call, "arguments": {"courseids": [2], "_confirm": token}}
            if inside
            else {**call, "_confirm": token}
        )
        done = await envelope(session, "call_function", **confirmed)
        token = token_in(
            await envelope(session, "call_function", function=DELETE, arguments={"courseids": [3]})
        )
        alone = await envelope(session, "call_function", function=DELETE, _confirm=token)
    assert "error" not in done
    assert "error" not in alone
    assert {2, 3}.isdisjoint(demo.site.world.courses)


async def test_a_dry_run_of_a_write_says_who_and_what_and_its_token_carries_it_out(
    demo: Demo,
) -> None:
    items = [{"roleid": 5, "userid": user, "courseid": 12} for user in (14, 16, 999_000)]
    async with client(demo) as session:
        planned = await envelope(session, ENROL, enrolments=items, _dry_run=True)
        assert demo.calls_of(ENROL) == 0
        token = planned["batch"].pop("confirm")
        assert planned == snapshot(
            {
                "batch": {
                    "dry_run": True,
                    "items": 3,
                    "requests": 1,
                    "succeeded": 0,
                    "failed": [],
                    "unknown": [],
                    "not_sent": [[0, 2]],
                    "text": 'Enrol users (enrol_manual_enrol_users): 3 enrolments: roleid 5, userid "Kofi Mensah" (user id 14), "梅 陈" (user id 16), nothing with user id 999000, courseid "Teaching Online" (course id 12).',
                    "unknown_ids": {"user": [[999000, 999000]]},
                },
                "result": None,
            }
        )
        done = await envelope(session, "confirm", token=token)
        again = await envelope(session, "confirm", token=token)
    assert done["batch"]["items"] == 3
    assert again["error"]["kind"] == "not_found"


async def test_a_dry_run_does_not_let_an_agent_confirm_where_the_person_is_asked(
    demo: Demo,
) -> None:
    async def refuse(context: Any, params: Any) -> types.ElicitResult:
        return types.ElicitResult(action="decline")

    app = demo.context(settings=ServiceSettings(Mode.DIRECT, Confirm.ASK))
    async with Client(server_for(app), elicitation_callback=refuse) as session:
        planned = await envelope(session, DELETE, courseids=[2], _dry_run=True)
        ended = await envelope(session, "confirm", token=planned["batch"]["confirm"])
    assert ended["error"]["kind"] == "declined"
    assert demo.calls_of(DELETE) == 0


async def test_a_dry_run_of_confirm_sends_nothing_and_keeps_the_token(demo: Demo) -> None:
    async with client(demo) as session:
        token = token_in(await envelope(session, DELETE, courseids=[2, 3]))
        planned = await envelope(session, "confirm", token=token, _dry_run=True)
        assert planned["batch"]["dry_run"]
        assert demo.calls_of(DELETE) == 0
        done = await envelope(session, "confirm", token=token)
    assert done["batch"]["succeeded"] == 2


async def test_a_name_that_means_somebody_else_since_the_dry_run_sends_nothing(demo: Demo) -> None:
    table = "user,course,roleid\nstudent50,PHY120,5\n"
    async with client(demo) as session:
        planned = await envelope(session, "bulk_call", function=ENROL, csv=table, _dry_run=True)
        users = demo.site.world.users
        users[53], users[54] = (
            replace(users[53], username="formerly50"),
            replace(users[54], username="student50"),
        )
        ended = await envelope(session, "confirm", token=planned["batch"]["confirm"])
    assert ended == snapshot(
        {
            "error": {
                "kind": "needs_confirmation",
                "message": "Nothing was sent: what the call would do has changed since the dry run. The token is for other values of: enrolments.",
                "hint": "Make the dry run again, and confirm what it shows.",
                "function": "enrol_manual_enrol_users",
                "retryable": False,
                "written": "nothing",
            }
        }
    )
    assert demo.calls_of(ENROL) == 0


async def test_a_long_name_hides_nothing_that_a_person_is_asked_for(demo: Demo) -> None:
    course = {"courseid": 2, "fullname": "N" * 3_000, "shortname": "N", "categoryid": 1}
    options = [{"name": "users", "value": "1"}]
    async with client(demo) as session:
        asked = await envelope(session, "core_course_duplicate_course", **course, options=options)
    assert asked["error"]["kind"] == "needs_confirmation"
    assert asked["error"]["message"].endswith('options: name "users", value "1".')


async def test_confirming_the_rest_of_a_batch_uses_its_handle_up(demo: Demo) -> None:
    async with client(demo) as session:
        token = token_in(await envelope(session, DELETE, courseids=[2, 3]))
        demo.site.faults.append(
            InjectedFault.answer(MAINTENANCE, after_work=False, function=DELETE)
        )
        stopped = await envelope(session, "confirm", token=token)
        handle = stopped["batch"]["resume"]
        token = token_in(await envelope(session, "resume_batch", handle=handle))
        ended = await envelope(session, "confirm", token=token)
        assert ended["batch"]["succeeded"] == 2
        gone = await envelope(session, "resume_batch", handle=handle)
    assert gone["error"]["kind"] == "not_found"


@pytest.mark.parametrize(
    ("tools", "hint"),
    [("core_course_get_contents", None), (ENROL, False), (DELETE, True)],
    ids=["reads", "writes", "destructive"],
)
async def test_confirm_is_listed_with_the_highest_access_of_the_writes(
    demo: Demo, tools: str, hint: bool | None
) -> None:
    async with client(demo, tools) as session:
        listed = {tool.name: tool for tool in (await session.list_tools()).tools}
    confirm = listed.get("confirm")
    annotations = None if confirm is None else confirm.annotations
    assert (None if annotations is None else annotations.destructive_hint) is hint
