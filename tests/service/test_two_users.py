"""Two users in one process: each gets exactly what they would get alone."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.lowlevel
import pytest
from mcp import Client

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.demo import ADMIN_TOKEN, DemoSite, InjectedFault, serving
from moodle_mcp.server.factory import server_of
from moodle_mcp.service.audit import Audit
from moodle_mcp.service.context import UserContext
from moodle_mcp.service.process import Process
from moodle_mcp.service.service import CallService
from moodle_mcp.store.memory import MemoryStore
from tests.support.serving import NOW
from tests.support.users import ANN, BOB, SETTINGS, User

pytestmark = pytest.mark.anyio

_RANDOM: Final = re.compile(
    r"(?<=moodle-text )[0-9a-f]{8}|(?<=\")[0-9a-f]{10}(?=-)|(?<=_confirm: )\S+"
    r"|(?<=\"resume\": \")[^\"]+|(?<=127\.0\.0\.1:)[0-9]+"
)
"""The number of a fence or a cursor, an approval's token, a batch's handle, a site's port."""


async def deeds(context: UserContext) -> AsyncGenerator[Any]:
    """Yield the actions of a user and their results."""
    service = CallService()

    async def closed() -> None:
        """The context is closed by the test."""

    async with Client(server_of(context, closed)) as client:
        yield [tool.model_dump() for tool in (await client.list_tools()).tools]
        yield [each.name for each in (await client.list_prompts()).prompts]
    reply = await service.call(context, "core_course_get_courses", {"_fields": ["*"]})
    while "next" in reply.envelope.get("page", {}):
        yield reply.envelope
        cursor = reply.envelope["page"]["next"]
        reply = await service.call(context, "more_results", {"cursor": cursor})
    yield reply.envelope
    times = {"_times": True, "courseids": [2]}
    yield (await service.call(context, "mod_assign_get_assignments", times)).envelope
    delete = {"courseids": [3]}
    asked = await service.call(context, "core_course_delete_courses", delete)
    yield asked.envelope
    token = re.search(r"_confirm: (\S+)", json.dumps(asked.envelope))
    if token is not None:
        confirmed = {**delete, "_confirm": token[1]}
        yield (await service.call(context, "core_course_delete_courses", confirmed)).envelope
        yield (await service.call(context, "core_course_delete_courses", confirmed)).envelope
    wrong = {"enrolments": [{"roleid": 5, "userid": user, "courseid": 2} for user in (14, 9999)]}
    stopped = await service.call(context, "enrol_manual_enrol_users", wrong)
    yield stopped.envelope
    handle = stopped.envelope.get("batch", {}).get("resume", "none")
    yield (await service.call(context, "resume_batch", {"handle": handle})).envelope
    yield (await service.call(context, "core_user_get_users", {"nonsense": 1})).envelope
    # Only the newer release knows the group.
    choice = {"choiceid": 1, "groupid": 0}
    yield (await service.call(context, "mod_choice_get_choice_results", choice)).envelope


def seen(value: Any) -> Any:
    """Return a result without its random parts."""
    return json.loads(_RANDOM.sub("random", json.dumps(value, default=str)))


async def went(user: User, url: str, process: Process, turn: Callable[[], Any]) -> list[Any]:
    """Return all results of a user; `turn` lets the other user act in between."""
    context = await user.context(process, url)
    found: list[Any] = []
    async for each in deeds(context):
        found.append(seen(each))
        await turn()
    await context.aclose()
    return found


async def alone(user: User, path: Path) -> tuple[list[Any], list[str]]:
    """Return the results and the audit log of a user who is alone in the process."""
    with serving(DemoSite(now=NOW, release=user.release).app) as url:
        process = Process(SETTINGS, audit=Audit(str(path)), clock=lambda: NOW)
        found = await went(user, url, process, lambda: anyio.lowlevel.checkpoint())
        await process.aclose()
    return found, record(path, user)


def record(path: Path, user: User) -> list[str]:
    """Return a user's lines in the audit log, without times."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        json.dumps({key: each[key] for key in each if key not in ("time", "ms")})
        for each in lines
        if each["user"] == user.name
    ]


class Turns:
    """Lets two users act in turn."""

    def __init__(self) -> None:
        self._acted = 0
        self._condition = anyio.Condition()
        self._left = 2

    async def __call__(self) -> None:
        async with self._condition:
            self._acted += 1
            mine = (self._acted + 1) // 2
            self._condition.notify_all()
            while self._left == 2 and self._acted < 2 * mine:
                await self._condition.wait()

    async def end(self) -> None:
        async with self._condition:
            self._left -= 1
            self._condition.notify_all()


def own_messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the package logged; other tests may have switched on uvicorn's log."""
    records = [each for each in caplog.records if each.name.startswith("moodle_mcp")]
    return sorted(each.getMessage() for each in records)


async def test_each_of_two_users_sees_and_leaves_what_they_would_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "moodle_mcp")
    expected = {user.name: await alone(user, tmp_path / user.name) for user in (ANN, BOB)}
    logged = own_messages(caplog)
    caplog.clear()
    both, turns = tmp_path / "both", Turns()
    together: dict[str, list[Any]] = {}
    process = Process(SETTINGS, audit=Audit(str(both)), clock=lambda: NOW)

    async def run(user: User, url: str) -> None:
        together[user.name] = await went(user, url, process, turns)
        await turns.end()

    with (
        serving(DemoSite(now=NOW, release=ANN.release).app) as first,
        serving(DemoSite(now=NOW, release=BOB.release).app) as second,
    ):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run, ANN, first)
            tasks.start_soon(run, BOB, second)
        await process.aclose()
    for user in (ANN, BOB):
        assert (together[user.name], record(both, user)) == expected[user.name]
    assert own_messages(caplog) == logged
    text = both.read_text() + json.dumps(together) + "".join(logged)
    assert not any(user.token in text for user in (ANN, BOB))


async def test_two_users_of_one_site_share_its_connections_and_its_rate() -> None:
    site = DemoSite(now=NOW)
    with serving(site.app) as url:
        process = Process(SETTINGS)
        first, second = await ANN.context(process, url), await BOB.context(process, url)
        assert first.session.transport is second.session.transport
        site.faults.append(InjectedFault.status(429, function="core_group_create_groups"))
        group = {"courseid": 2, "name": "A", "description": ""}
        service = CallService()
        await service.call(first, "core_group_create_groups", {"groups": [group]})
        # A write is not repeated, but the site has asked for fewer requests.
        assert process.shared(second.session.address).rate_limit.rate == 12.5
        assert second.caller is not first.caller
        await process.aclose()


async def test_what_one_user_may_not_name_another_can_not_use() -> None:
    """Cursors, tokens and handles of others are unknown, even when they become known."""
    store = MemoryStore()
    with serving(DemoSite(now=NOW).app) as url:
        process = Process(SETTINGS, store=store)
        ann = await ANN.context(process, url)
        eve = await User("eve", ADMIN_TOKEN, "all", Access.DESTRUCTIVE, "4.5").context(process, url)
        service = CallService()
        long = await service.call(ann, "core_course_get_courses", {"_fields": ["*"]})
        cursor = long.envelope["page"]["next"]
        delete = {"courseids": [3]}
        asked = await service.call(ann, "core_course_delete_courses", delete)
        token = re.search(r"_confirm: (\S+)", json.dumps(asked.envelope))
        assert token is not None
        wrong = {"enrolments": [{"roleid": 5, "userid": 9999, "courseid": 2}]}
        stopped = await service.call(ann, "enrol_manual_enrol_users", wrong)
        handle = stopped.envelope["batch"]["resume"]
        stolen = [
            await service.call(eve, "more_results", {"cursor": cursor}),
            await service.call(eve, "core_course_delete_courses", {**delete, "_confirm": token[1]}),
            await service.call(eve, "resume_batch", {"handle": handle}),
        ]
        kinds = [each.envelope["error"]["kind"] for each in stolen]
        assert kinds == ["invalid_arguments", "needs_confirmation", "not_found"]
        own = await service.call(
            ann, "core_course_delete_courses", {**delete, "_confirm": token[1]}
        )
        assert "error" not in own.envelope
        await process.aclose()
