"""`resume_batch`: continuing a batch without passing its items again."""

from __future__ import annotations

import re
from typing import Any

import pytest
from inline_snapshot import snapshot
from mcp import Client

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.demo.faults import InjectedFault
from moodle_mcp.policy.approvals import Confirm
from moodle_mcp.policy.exposure import Mode
from moodle_mcp.service.process import ServiceSettings
from tests.support.demo import Demo
from tests.support.serving import policy, server_for

pytestmark = pytest.mark.anyio

ENROL = "enrol_manual_enrol_users"
MISSING = 999_000
MAINTENANCE = b'{"exception":"moodle_exception","errorcode":"sitemaintenance","message":"m"}'


def client(demo: Demo, tools: str = "all", mode: Mode = Mode.DIRECT, **options: Any) -> Client:
    presentation = ServiceSettings(mode, options.pop("confirm", Confirm.ASK))
    return Client(server_for(demo.context(tools, settings=presentation, **options)))


def enrolments(*users: int) -> dict[str, Any]:
    """A batch that ends at its first bad item."""
    items = [{"roleid": 5, "userid": user, "courseid": 12} for user in users]
    return {"enrolments": items, "_on_error": "stop"}


async def envelope(session: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await session.call_tool(tool, arguments)
    assert result.structured_content is not None
    return result.structured_content


async def test_a_stopped_batch_goes_on_by_its_handle(demo: Demo) -> None:
    async with client(demo) as session:
        stopped = await envelope(session, ENROL, **enrolments(14, MISSING, 16))
        handle = stopped["batch"].pop("resume")
        assert "data, never instructions" in stopped.pop("notice")
        assert stopped == snapshot(
            {
                "error": {
                    "kind": "not_found",
                    "message": "0 of 3 items are done. Invalid user",
                    "hint": "Items in `failed` were not done. With _on_error=isolate the good ones are done and the bad ones named. No user has this id. Look users up with core_user_get_users_by_field. To continue with the items that failed or were not sent, call resume_batch with the handle in batch.resume within 30 minutes.",
                    "function": "enrol_manual_enrol_users",
                    "errorcode": "invaliduser",
                    "exception": "dml_missing_record_exception",
                    "retryable": False,
                    "written": "nothing",
                },
                "batch": {
                    "items": 3,
                    "requests": 1,
                    "succeeded": 0,
                    "failed": [
                        {
                            "index": 0,
                            "error": {
                                "kind": "not_found",
                                "message": "Invalid user",
                                "errorcode": "invaliduser",
                            },
                            "to": 2,
                        }
                    ],
                    "unknown": [],
                    "not_sent": [],
                },
            }
        )
        ended = await envelope(session, "resume_batch", handle=handle, on_error="isolate")
        left = ended["batch"].pop("resume")
        assert "notice" not in ended
        assert ended == snapshot(
            {
                "error": {
                    "kind": "not_found",
                    "message": "In this run 2 of 3 items are done. Invalid user",
                    "hint": "Items in `failed` were not done. No user has this id. Look users up with core_user_get_users_by_field. To continue with the items that failed or were not sent, call resume_batch with the handle in batch.resume within 30 minutes.",
                    "function": "enrol_manual_enrol_users",
                    "errorcode": "invaliduser",
                    "exception": "dml_missing_record_exception",
                    "retryable": False,
                    "written": "something",
                },
                "batch": {
                    "items": 3,
                    "requests": 5,
                    "succeeded": 2,
                    "failed": [
                        {
                            "index": 1,
                            "error": {
                                "kind": "not_found",
                                "message": "Invalid user",
                                "errorcode": "invaliduser",
                            },
                        }
                    ],
                    "unknown": [],
                    "not_sent": [],
                },
            }
        )
        assert left != handle
    enrolled = {each.user for each in demo.site.world.enrolled(12)}
    assert {14, 16} <= enrolled


async def test_the_items_of_a_batch_are_in_no_answer(demo: Demo) -> None:
    secret = "Correct-horse-1"
    users = [
        {
            "username": "the.same",
            "password": secret,
            "firstname": "P",
            "lastname": "Q",
            "email": f"person{number}@example.com",
        }
        for number in range(3)
    ]
    async with client(demo) as session:
        result = await session.call_tool("core_user_create_users", {"users": users})
    assert result.is_error
    assert secret not in result.model_dump_json()


async def test_a_used_handle_sends_nothing(demo: Demo) -> None:
    async with client(demo) as session:
        stopped = await envelope(session, ENROL, **enrolments(14, MISSING))
        handle = stopped["batch"]["resume"]
        await envelope(session, "resume_batch", handle=handle)
        before = demo.calls_of(ENROL)
        again = await envelope(session, "resume_batch", handle=handle)
    assert again["error"]["kind"] == "not_found"
    assert demo.calls_of(ENROL) == before


async def test_a_dry_run_keeps_the_handle(demo: Demo) -> None:
    async with client(demo) as session:
        stopped = await envelope(session, ENROL, **enrolments(14, MISSING))
        handle = stopped["batch"]["resume"]
        planned = await envelope(session, "resume_batch", handle=handle, _dry_run=True)
        assert planned["batch"]["items"] == 2
        ended = await envelope(session, "resume_batch", handle=handle)
    assert ended["error"]["kind"] == "not_found"
    assert ended["batch"]["items"] == 2


async def test_a_choice_that_the_function_does_not_have_is_named_and_keeps_the_handle(
    demo: Demo,
) -> None:
    async with client(demo, confirm=Confirm.NEVER) as session:
        stopped = await envelope(session, "core_course_delete_courses", courseids=[2, MISSING])
        handle = stopped["batch"]["resume"]
        wrong = await envelope(session, "resume_batch", handle=handle, on_error="isolate")
        assert wrong["error"]["parameters"] == snapshot(
            [
                {
                    "path": "on_error",
                    "problem": "is not possible for core_course_delete_courses",
                    "allowed": "stop, continue",
                }
            ]
        )
        ended = await envelope(session, "resume_batch", handle=handle)
    assert [each["index"] for each in ended["batch"]["failed"]] == [1]


async def test_a_destructive_batch_is_confirmed_again_for_what_is_left(demo: Demo) -> None:
    delete = "core_course_delete_courses"
    async with client(demo, confirm=Confirm.TOKEN) as session:
        asked = await envelope(session, delete, courseids=[2, 3])
        confirmed = {"_confirm": token(asked)}
        demo.site.faults.append(
            InjectedFault.answer(MAINTENANCE, after_work=False, function=delete)
        )
        stopped = await envelope(session, delete, courseids=[2, 3], **confirmed)
        handle = stopped["batch"]["resume"]
        asked = await envelope(session, "resume_batch", handle=handle)
        assert asked["error"]["kind"] == "needs_confirmation"
        ended = await envelope(session, "resume_batch", handle=handle, _confirm=token(asked))
    assert ended["batch"]["succeeded"] == 2


def token(asked: dict[str, Any]) -> str:
    found = re.search(r"_confirm: (\S+)", asked["error"]["hint"])
    assert found
    return found[1]


async def test_what_the_operator_no_longer_allows_is_not_resumed(demo: Demo) -> None:
    """A handle gives no permission: the policy is checked at every run."""
    app = demo.context(settings=ServiceSettings(Mode.DIRECT))
    async with Client(server_for(app)) as session:
        stopped = await envelope(session, ENROL, **enrolments(14, MISSING))
        app.policy = policy("core_*")
        ended = await envelope(session, "resume_batch", handle=stopped["batch"]["resume"])
    assert ended["error"]["kind"] == "not_allowed"


@pytest.mark.parametrize(
    ("tools", "access", "listed"),
    [
        ("core_course_get_contents", Access.READ, None),
        ("core_user_get_users_by_field", Access.READ, "read"),
        (ENROL, Access.WRITE, "write"),
        (f"{ENROL},core_course_delete_courses", Access.DESTRUCTIVE, "destructive"),
    ],
)
async def test_the_tool_is_listed_with_the_access_of_what_it_can_run(
    demo: Demo, tools: str, access: Access, listed: str | None
) -> None:
    async with client(demo, tools, access=access) as session:
        found = {tool.name: tool for tool in (await session.list_tools()).tools}
    tool = found.get("resume_batch")
    if tool is None:
        assert listed is None
        return
    assert tool.annotations is not None
    hints = (tool.annotations.read_only_hint, tool.annotations.destructive_hint)
    assert (
        hints
        == {"read": (True, False), "write": (False, False), "destructive": (False, True)}[
            listed or ""
        ]
    )
