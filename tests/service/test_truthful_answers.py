"""What stands beside an answer: what was left out, what reverses it, why it may be empty."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

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

ENROL = "enrol_manual_enrol_users"
COPY = "core_course_duplicate_course"
CREATE = "core_user_create_users"


def client(demo: Demo, confirm: Confirm = Confirm.NEVER) -> Client:
    return Client(server_for(demo.context(settings=ServiceSettings(Mode.DIRECT, confirm))))


async def envelope(session: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await session.call_tool(tool, arguments)
    assert result.structured_content is not None
    return result.structured_content


def user(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "username": name,
        "firstname": "A",
        "lastname": "B",
        "email": f"{name}@example.org",
        "createpassword": True,
        **fields,
    }


async def test_a_write_names_what_reverses_it(demo: Demo) -> None:
    async with client(demo) as session:
        items = [{"roleid": 5, "userid": 14, "courseid": 12}]
        done = await envelope(session, ENROL, enrolments=items)
        failed = await envelope(session, ENROL, enrolments=[{**items[0], "userid": 999_000}])
    assert done["undo"] == "enrol_manual_unenrol_users"
    assert "undo" not in failed


async def test_a_failed_item_is_named_by_its_ids(demo: Demo) -> None:
    items = [{"roleid": 5, "userid": each, "courseid": 12} for each in (14, 999_000, 16)]
    async with client(demo) as session:
        ended = await envelope(session, ENROL, enrolments=items)
    (failure,) = ended["batch"]["failed"]
    assert (failure["index"], failure["ids"]) == (
        1,
        {"roleid": 5, "userid": 999_000, "courseid": 12},
    )
    assert ended["batch"]["succeeded"] == 2


async def test_an_empty_answer_says_which_ids_were_not_given(demo: Demo) -> None:
    demo.site.world.cohorts.clear()
    demo.site.world.groups.clear()
    async with client(demo) as session:
        cohorts = await envelope(session, "core_cohort_get_cohorts")
        groups = await envelope(session, "core_group_get_course_groups", courseid=12)
    assert cohorts["empty"] == "Nothing was found, and no cohortids were given."
    # This read has no list of ids that could have been left out.
    assert "empty" not in groups


async def test_of_many_messages_only_those_that_failed_come_back(demo: Demo) -> None:
    messages = [{"touserid": each, "text": "Hello"} for each in range(10, 40)]
    async with client(demo) as session:
        many = await envelope(session, "core_message_send_instant_messages", messages=messages)
        few = await envelope(session, "core_message_send_instant_messages", messages=messages[:2])
    assert many["result"] == []
    assert many["fields"] == "30 entries of items that succeeded are left out"
    assert many["batch"]["succeeded"] == 30
    assert len(few["result"]) == 2


async def test_the_notice_is_given_once_in_full_and_then_where_marks_are(demo: Demo) -> None:
    async with client(demo) as session:
        first = await envelope(session, "core_course_get_courses", _fields=["*"])
        second = await envelope(session, "core_course_get_courses", _fields=["*"])
        short = await envelope(session, "core_course_get_courses", _fields=["shortname"])
    assert "Names and texts in this answer" in first["notice"]
    assert second["notice"].startswith("Between <moodle-text ")
    assert "notice" not in short


async def test_the_site_info_tells_the_time_zones(demo: Demo) -> None:
    async with client(demo) as session:
        info = await envelope(session, "core_webservice_get_site_info")
        other = await envelope(session, "core_course_get_contents", courseid=2)
    assert info["time_zone"] == snapshot("UTC")
    assert "time_zone" not in other


async def test_taken_names_and_addresses_are_found_by_a_look_up(demo: Demo) -> None:
    known = demo.site.world.users[14]
    users = [
        user("newcomer"),
        user(known.username, email="other@example.org"),
        user("second", email=known.email.upper()),
    ]
    async with client(demo) as session:
        ended = await envelope(session, CREATE, users=users)
    assert ended["error"]["suspects"] == snapshot(
        [
            {
                "path": "users[1].username",
                "problem": "belongs to user id 14 already",
                "value": "student11",
            },
            {
                "path": "users[2].email",
                "problem": "belongs to user id 14 already",
                "value": "STUDENT11@COLLEGE.EXAMPLE",
            },
        ]
    )
    assert [each["index"] for each in ended["batch"]["failed"]] == [1, 2]


COPIED = {"courseid": 2, "fullname": "Copy", "shortname": "copy", "categoryid": 1}
ANSWER = b'{"id": 99, "shortname": "copy"}'


async def test_a_copy_of_a_course_leaves_the_people_out_and_says_so(demo: Demo) -> None:
    demo.site.faults.append(InjectedFault.answer(ANSWER, function=COPY))
    async with client(demo) as session:
        copied = await envelope(session, COPY, **COPIED)
    form = parse_qs(demo.site.requests[-1].body.decode())
    assert (form["options[0][name]"], form["options[0][value]"]) == (["users"], ["0"])
    assert copied["warnings"] == snapshot(
        [
            {
                "warningcode": "safe_default",
                "message": 'No people were copied: that takes the option users "1".',
            }
        ]
    )


async def test_copying_people_is_confirmed(demo: Demo) -> None:
    demo.site.faults.append(InjectedFault.answer(ANSWER, function=COPY))
    options = [{"name": "users", "value": "1"}]
    async with client(demo, Confirm.TOKEN) as session:
        asked = await envelope(session, COPY, **COPIED, options=options)
        assert asked["error"]["kind"] == "needs_confirmation"
        assert demo.calls_of(COPY) == 0
        without = await envelope(session, COPY, **COPIED)
    assert "error" not in without
    assert demo.calls_of(COPY) == 1
