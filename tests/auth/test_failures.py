"""A replica is killed and Redis restarted in the middle of work; every report must be true."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx2
import pytest

from moodle_mcp.auth.keys import new_keys, write_keys
from tests.support.demo import Demo
from tests.support.hosted import Agent, HostedSite, free_port
from tests.support.hosted_process import running
from tests.support.hosted_users import envelope
from tests.support.redis_server import needs_redis, redis_server

pytestmark = [pytest.mark.anyio, needs_redis]

CREATE = "core_calendar_create_calendar_events"
PEOPLE = 6
WRITES = 25


async def test_no_report_is_false_when_a_replica_and_redis_fail(demo: Demo, tmp_path: Path) -> None:
    """Each event has a name of its own, so the site's table shows what was lost or done twice."""
    keys, folder = tmp_path / "keys", tmp_path / "redis"
    folder.mkdir()
    write_keys(keys, new_keys(0))
    reported: dict[str, str] = {}
    nothing: Any = None
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(folder))
        urls = [f"http://127.0.0.1:{free_port()}" for _ in range(3)]
        settings = {
            "MOODLE_URL": demo.url,
            "MOODLE_MCP_AUTH": "oauth",
            "MOODLE_MCP_SERVICE": "all",
            "MOODLE_MCP_STORE": redis.url,
            "MOODLE_MCP_SECRET_KEY_FILE": str(keys),
            "MOODLE_MCP_ACCESS": "write",
            "MOODLE_MCP_TOOLS": CREATE,
            "MOODLE_MCP_RATE": "1000",
            "MOODLE_MCP_PERSON_RATE": "1000",
            "MOODLE_MCP_PUBLIC_URL": urls[0],
        }
        processes = [
            stack.enter_context(running(settings, "serve", "--http", url.removeprefix("http://")))
            for url in urls
        ]
        agents = [Agent(HostedSite(urls[0], nothing, demo)) for _ in range(PEOPLE)]
        for agent in agents:
            agent.http.headers["Host"] = urls[0].removeprefix("http://")
        tokens = [(await agent.tokens("admin"))["access_token"] for agent in agents]

        async def work(person: int) -> None:
            agent = agents[person]
            for number in range(WRITES):
                name = f"event {person}-{number}"
                agent.site = HostedSite(urls[(person + number) % 3], nothing, demo)
                event = {"name": name, "eventtype": "user"}
                try:
                    answer = await agent.call(tokens[person], CREATE, events=[event])
                except httpx2.ConnectError:
                    reported[name] = "nothing"
                except httpx2.TransportError:
                    reported[name] = "unknown"
                else:
                    reported[name] = written(answer)

        async def fail() -> None:
            while len(reported) < 30:
                await anyio.lowlevel.checkpoint()
            processes[2].kill()
            while len(reported) < 60:
                await anyio.lowlevel.checkpoint()
            await anyio.to_thread.run_sync(redis.stop)
            await anyio.to_thread.run_sync(redis.start)

        async with anyio.create_task_group() as tasks:
            for person in range(PEOPLE):
                tasks.start_soon(work, person)
            tasks.start_soon(fail)
        for agent in agents:
            await agent.aclose()
    done = Counter(event.name for event in demo.site.world.events.values())
    assert len(reported) == PEOPLE * WRITES
    false = {
        name: (report, done[name])
        for name, report in reported.items()
        if done[name] not in {"something": (1,), "nothing": (0,), "unknown": (0, 1)}[report]
    }
    assert false == {}
    kinds = Counter(reported.values())
    assert kinds["something"] > 60
    assert kinds["nothing"] > 0


def written(answer: httpx2.Response) -> str:
    """What an answer says was written."""
    if answer.status_code != 200:
        assert answer.status_code == 503, answer.text
        return "nothing"
    result = envelope(answer)
    return result["error"]["written"] if "error" in result else "something"
