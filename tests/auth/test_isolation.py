"""Two people in one server: whatever has a handle belongs to one of them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.support.demo import Demo
from tests.support.hosted import HostedSite, agent_of, hosting
from tests.support.hosted_users import User, user

pytestmark = pytest.mark.anyio

ALL = ("moodle:write", "moodle:destructive")


@pytest.fixture
def wide(demo: Demo) -> Any:
    with hosting(demo, tools="all", max_result=6_000, mode="direct") as found:
        yield found


async def test_cursors_belong_to_one_person(wide: HostedSite) -> None:
    async with agent_of(wide) as first, agent_of(wide) as second:
        admin, teacher = await user(first, "admin"), await user(second, "teacher1")
        long = await admin.call("core_course_get_courses", _fields=["*"])
        cursor = long["page"]["next"]
        stolen = await teacher.call("more_results", cursor=cursor)
        assert stolen["error"]["kind"] == "invalid_arguments"
        assert "result" in await admin.call("more_results", cursor=cursor)


async def test_approvals_belong_to_one_person(wide: HostedSite) -> None:
    async with agent_of(wide) as first, agent_of(wide) as second:
        admin = await user(first, "admin")
        # Even of two with the same rights.
        other = await user(second, "teacher1")
        asked = await admin.call("core_course_delete_courses", courseids=[3])
        found = re.search(r"_confirm: (\S+)", json.dumps(asked))
        assert found is not None
        confirmed = {"courseids": [3], "_confirm": found[1]}
        stolen = await other.call("core_course_delete_courses", **confirmed)
        assert stolen["error"]["kind"] == "needs_confirmation"
        assert 3 in wide.moodle.site.world.courses
        assert "error" not in await admin.call("core_course_delete_courses", **confirmed)


async def test_rests_of_batches_belong_to_one_person(wide: HostedSite) -> None:
    async with agent_of(wide) as first, agent_of(wide) as second:
        admin, teacher = await user(first, "admin"), await user(second, "teacher1")
        wrong = [{"roleid": 5, "userid": 9999, "courseid": 2}]
        stopped = await admin.call("enrol_manual_enrol_users", enrolments=wrong)
        handle = stopped["batch"]["resume"]
        stolen = await teacher.call("resume_batch", handle=handle)
        assert stolen["error"]["kind"] == "not_found"
        again = await admin.call("resume_batch", handle=handle)
        assert again["batch"]["items"] == 1


async def test_a_session_belongs_to_one_person_and_client(wide: HostedSite) -> None:
    async with agent_of(wide) as first, agent_of(wide) as second:
        admin, teacher = await user(first, "admin"), await user(second, "teacher1")
        session = {"mcp-session-id": await admin.session()}
        listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
        assert (await admin.post(listing, **session)).status_code == 200
        stolen = await teacher.post(listing, **session)
        assert stolen.status_code == 404
        # Ending it needs its owner too.
        headers = {"Authorization": f"Bearer {teacher.token}", **session}
        await second.http.delete(wide.mcp, headers=headers)
        assert (await admin.post(listing, **session)).status_code == 200
        # Nor does a session stand in for a token.
        without = await first.http.post(wide.mcp, json=listing, headers=session)
        assert without.status_code == 401


async def test_a_session_has_the_rights_of_each_requests_token(wide: HostedSite) -> None:
    """A client that refreshes for less has less at once, in the same session."""
    async with agent_of(wide) as agent:
        tokens = await agent.tokens("admin", ALL)
        admin = User(agent, tokens["access_token"])
        session = {"mcp-session-id": await admin.session()}
        less = await agent.refresh(tokens["refresh_token"], scope="moodle:read")
        reader = User(agent, less.json()["access_token"])
        delete = {
            "jsonrpc": "2.0",
            "id": 3,
            "method": "tools/call",
            "params": {"name": "core_course_delete_courses", "arguments": {"courseids": [3]}},
        }
        assert (await reader.post(delete, **session)).status_code == 403
        assert (await admin.post(delete, **session)).status_code == 200


async def listed(someone: User) -> set[str]:
    session = {"mcp-session-id": await someone.session()}
    answer = await someone.post({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}, **session)
    text = next(line[5:] for line in answer.text.splitlines() if line.startswith("data:"))
    return {tool["name"] for tool in json.loads(text)["result"]["tools"]}


async def test_lists_follow_the_scopes_of_each_grant(wide: HostedSite) -> None:
    async with agent_of(wide) as first, agent_of(wide) as second, agent_of(wide) as third:
        everything = await user(first, "admin", ALL)
        writing = await user(second, "admin", ("moodle:write",))
        reading = await user(third, "admin", ())
        lists = [await listed(each) for each in (everything, writing, reading, everything)]
    assert lists[0] > lists[1] > lists[2]
    assert lists[3] == lists[0]
    names = ("core_course_delete_courses", "enrol_manual_enrol_users", "core_course_get_courses")
    assert [[name in names_of for name in names] for names_of in lists[:3]] == [
        [True, True, True],
        [False, True, True],
        [False, False, True],
    ]


async def test_each_person_acts_with_their_own_token(wide: HostedSite) -> None:
    async with agent_of(wide) as first, agent_of(wide) as second:
        admin, student = await user(first, "admin"), await user(second, "student1")
        for _ in range(2):
            for someone, name in ((admin, "admin"), (student, "student1")):
                info = await someone.call("core_webservice_get_site_info")
                assert info["result"]["username"] == name
        refused = await student.call("core_user_get_users", criteria=[{"key": "a", "value": "b"}])
        assert "error" in refused


async def test_completions_are_those_of_the_person(wide: HostedSite) -> None:
    async with agent_of(wide) as first, agent_of(wide) as second:
        admin, student = await user(first, "admin"), await user(second, "student1")
        found: list[Any] = []
        for someone in (admin, student):
            session = {"mcp-session-id": await someone.session()}
            answer = await someone.post(
                {
                    "jsonrpc": "2.0",
                    "id": 4,
                    "method": "completion/complete",
                    "params": {
                        "ref": {"type": "ref/resource", "uri": "moodle://course/{courseid}"},
                        "argument": {"name": "courseid", "value": ""},
                    },
                },
                **session,
            )
            found.append(answer.text)
        assert found[0] != found[1] or "error" in found[0]


async def test_a_grant_does_not_widen_another_grant_of_the_same_person(wide: HostedSite) -> None:
    """A rest of a batch that writes can't be continued by an agent that may only read."""
    async with agent_of(wide) as first, agent_of(wide) as second:
        writer, reader = await user(first, "admin"), await user(second, "admin", ())
        wrong = [{"roleid": 5, "userid": 9999, "courseid": 2}]
        stopped = await writer.call("enrol_manual_enrol_users", enrolments=wrong)
        handle = stopped["batch"]["resume"]
        answer = await second.call(reader.token, "resume_batch", handle=handle)
        assert answer.status_code == 403
        assert 'scope="moodle:read moodle:write"' in answer.headers["www-authenticate"]
