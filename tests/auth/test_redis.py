"""Several replicas with one Redis; Redis goes and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest

from moodle_mcp.auth import attempts
from moodle_mcp.auth.keys import new_keys, write_keys
from tests.support.demo import Demo
from tests.support.hosted import (
    Agent,
    Browser,
    HostedSite,
    agent_of,
    browsing,
    hosting,
    problem_of,
    query_of,
)
from tests.support.hosted_users import User, envelope
from tests.support.redis_server import RedisServer, needs_redis, redis_server

pytestmark = [pytest.mark.anyio, needs_redis]

SEARCH = {"criterianame": "search", "criteriavalue": "bio"}
ENROL = "enrol_manual_enrol_users"


def enrolment(user: int) -> dict[str, Any]:
    return {"enrolments": [{"roleid": 5, "userid": user, "courseid": 3}]}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with redis_server(folder) as found:
        yield found


@pytest.fixture
def kept(server: RedisServer, tmp_path: Path) -> dict[str, Any]:
    keys = tmp_path / "keys"
    write_keys(keys, new_keys(0))
    return {"store": server.url, "secret_key_file": keys}


async def test_while_redis_is_gone_reads_go_on_and_all_else_is_refused(
    demo: Demo, server: RedisServer, kept: dict[str, Any]
) -> None:
    with hosting(demo, **kept) as site:
        async with agent_of(site) as agent, browsing(site) as browser:
            tokens = await agent.tokens()
            someone = User(agent, tokens["access_token"])
            assert "result" in await someone.call("core_course_search_courses", **SEARCH)
            server.stop()
            assert "result" in await someone.call("core_course_search_courses", **SEARCH)
            write = await agent.call(someone.token, ENROL, **enrolment(20))
            assert (write.status_code, write.json()["error"]) == (503, "temporarily_unavailable")
            unseen = await agent.call("mma_" + "0" * 96)
            assert unseen.status_code == 503
            assert (await agent.refresh(tokens["refresh_token"])).status_code == 503
            browser.http.headers["Accept"] = "text/html"
            page = await browser.get(agent.authorize_url())
            assert page.status_code == 503
            assert problem_of(page).startswith("The server can't keep anything at the moment.")
            assert (await agent.http.get(f"{site.url}/readyz")).status_code == 503
            assert (await agent.http.get(f"{site.url}/healthz")).status_code == 200
            sent = [each.function for each in demo.site.requests]
            assert ENROL not in sent
            server.start()
            assert (await agent.http.get(f"{site.url}/readyz")).status_code == 200
            assert "error" not in await someone.call(ENROL, **enrolment(20))
            assert (await agent.refresh(tokens["refresh_token"])).status_code == 200


async def test_a_revoked_token_is_not_remembered(
    demo: Demo, server: RedisServer, kept: dict[str, Any]
) -> None:
    with hosting(demo, **kept) as site:
        async with agent_of(site) as agent:
            token = (await agent.tokens())["access_token"]
            envelope(await agent.call(token))
            await agent.revoke(token)
            assert (await agent.call(token)).status_code == 401
            server.stop()
            assert (await agent.call(token)).status_code == 503
            server.start()


class Replicas:
    """Replicas under one public address, each request at the next one."""

    def __init__(self, sites: list[HostedSite]) -> None:
        self.sites = sites
        self._turn = 0

    def next(self) -> HostedSite:
        self._turn += 1
        return self.sites[self._turn % len(self.sites)]


@pytest.fixture
def replicas(demo: Demo, kept: dict[str, Any]) -> Iterator[Replicas]:
    public = "http://127.0.0.1:9"
    with ExitStack() as stack:
        sites = [stack.enter_context(hosting(demo, public_url=public, **kept)) for _ in range(3)]
        yield Replicas(sites)


class AtEachReplica(Agent):
    """An agent whose requests go to another replica each time."""

    def __init__(self, replicas: Replicas) -> None:
        super().__init__(replicas.sites[0])
        self.http.event_hooks["request"].append(self._elsewhere)
        self._replicas = replicas

    async def _elsewhere(self, request: Any) -> None:
        """Send a request to the next replica, under the public name."""
        target = self._replicas.next()
        port = int(target.url.rpartition(":")[2])
        request.url = request.url.copy_with(port=port)
        request.headers["Host"] = "127.0.0.1:9"


def browser_at(agent: AtEachReplica) -> Browser:
    browser = Browser(agent.site.url)
    browser.http.event_hooks["request"].append(agent._elsewhere)  # pyright: ignore[reportPrivateUsage]
    return browser


async def test_each_request_may_go_to_another_replica(replicas: Replicas, demo: Demo) -> None:
    agent = AtEachReplica(replicas)
    await agent.register()
    browser = browser_at(agent)
    page = await browser.get(agent.authorize_url(resource=None))
    page = await browser.sign_in(page, "admin")
    answer = await browser.submit(
        page, decision="allow", scope=["moodle:write", "moodle:destructive"]
    )
    given = query_of(answer.headers["location"])
    assert given["iss"] == "http://127.0.0.1:9"
    tokens = (await agent.token(given["code"], resource=None)).json()
    admin = User(agent, tokens["access_token"])
    for _ in range(6):
        assert "result" in await admin.call("core_webservice_get_site_info")
    wrong = [{"roleid": 5, "userid": user, "courseid": 2} for user in (14, 9999)]
    stopped = await admin.call(ENROL, enrolments=wrong, _on_error="isolate")
    handle = stopped["batch"]["resume"]
    again = await admin.call("resume_batch", handle=handle)
    assert (again["batch"]["items"], again["batch"]["succeeded"]) == (2, 1)
    fresh = (await agent.refresh(tokens["refresh_token"], resource=None)).json()
    assert (await agent.call(fresh["access_token"])).status_code == 200
    await agent.revoke(fresh["access_token"])
    for _ in range(3):
        assert (await agent.call(fresh["access_token"])).status_code == 401
    await browser.aclose()
    await agent.aclose()


async def test_a_code_sent_to_all_replicas_at_once_is_used_once(replicas: Replicas) -> None:
    agent = AtEachReplica(replicas)
    await agent.register()
    browser = browser_at(agent)
    for _ in range(5):
        code = await agent.code(browser, resource=None)
        statuses: list[int] = []

        async def use(code: str = code, statuses: list[int] = statuses) -> None:
            statuses.append((await agent.token(code, resource=None)).status_code)

        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(use)
        assert statuses.count(200) <= 1
    await browser.aclose()
    await agent.aclose()


async def test_a_refresh_token_sent_to_all_replicas_at_once_is_used_once(
    replicas: Replicas,
) -> None:
    agent = AtEachReplica(replicas)
    await agent.register()
    browser = browser_at(agent)
    for _ in range(5):
        code = await agent.code(browser, resource=None)
        token = (await agent.token(code, resource=None)).json()["refresh_token"]
        statuses: list[int] = []

        async def use(token: str = token, statuses: list[int] = statuses) -> None:
            statuses.append((await agent.refresh(token, resource=None)).status_code)

        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(use)
        assert statuses.count(200) <= 1
        assert set(statuses) <= {200, 400}
    await browser.aclose()
    await agent.aclose()


async def test_attempts_are_counted_by_all_replicas(replicas: Replicas) -> None:
    agent = AtEachReplica(replicas)
    await agent.register()
    browser = browser_at(agent)
    page = await browser.get(agent.authorize_url(resource=None))
    statuses: list[int] = []
    for _ in range(attempts.ACCOUNT + 1):
        page = await browser.sign_in(page, "teacher1", "wrong")
        statuses.append(page.status_code)
    assert statuses == [400] * attempts.ACCOUNT + [429]
    await browser.aclose()
    await agent.aclose()
