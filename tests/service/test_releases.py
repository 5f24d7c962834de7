"""The site's own release decides which functions there are and which arguments they take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp import Client

from moodle_mcp import errors
from moodle_mcp.caller.caller import Caller
from moodle_mcp.catalogue.loading import load
from moodle_mcp.demo import SMALL_TOKEN, DemoSite, Hold, InjectedFault, serving
from moodle_mcp.errors import CallError, Kind
from moodle_mcp.policy.exposure import Mode
from moodle_mcp.service.process import ServiceSettings
from moodle_mcp.site.info import SITE_INFO, SiteInfo
from moodle_mcp.site.protocol import RESTFUL
from moodle_mcp.site.session import SiteSession
from tests.support.serving import NOW, connection, context_of, policy, server_for

pytestmark = pytest.mark.anyio

NAMES = (
    "mod_forum_mark_posts_read",
    "mod_chat_send_chat_message",
    "mod_choice_get_choice_results",
    "enrol_manual_unenrol_users",
)


async def tools(release: Any) -> dict[str, dict[str, Any]]:
    """Return the named tools of a site of this release, with the schemas of their arguments."""
    with serving(DemoSite(now=NOW, release=release).app) as url:
        site = SiteSession(connection(url))
        app = context_of(site, Caller(site), policy(",".join(NAMES)), ServiceSettings(Mode.DIRECT))
        async with Client(server_for(app)) as session:
            listed = (await session.list_tools()).tools
    return {tool.name: tool.input_schema["properties"] for tool in listed}


async def test_what_a_release_has_not_is_not_listed() -> None:
    assert "mod_forum_mark_posts_read" not in await tools("4.5")
    assert "mod_chat_send_chat_message" not in await tools("5.1")


async def test_arguments_that_a_release_does_not_know_are_not_in_the_schema() -> None:
    older, newer = await tools("4.5"), await tools("5.1")
    assert "groupid" not in older["mod_choice_get_choice_results"]
    assert "groupid" in newer["mod_choice_get_choice_results"]
    enrolment = "enrol_manual_unenrol_users"
    assert "roleid" in older[enrolment]["enrolments"]["items"]["properties"]
    assert "roleid" not in newer[enrolment]["enrolments"]["items"]["properties"]


async def test_a_function_that_only_the_site_knows_is_a_free_form_tool_and_says_so() -> None:
    demo = DemoSite(now=NOW)
    with serving(demo.app) as url:
        site = SiteSession(connection(url))
        info = await site.info()
        plugin = "local_shop_get_orders"
        known = replace(info, functions=(info.functions or frozenset()) | {plugin})
        app = context_of(KnownSite(url, known), Caller(site), policy("local_shop_*"))
        async with Client(server_for(app)) as session:
            *_, tool = (await session.list_tools()).tools
        await site.aclose()
    assert tool.name == plugin
    assert tool.input_schema["type"] == "object"
    assert tool.input_schema["additionalProperties"] is True
    assert "does not know its parameters" in (tool.description or "")
    assert tool.annotations is not None
    assert tool.annotations.destructive_hint


async def test_over_restful_all_that_is_allowed_is_listed_since_the_site_does_not_tell() -> None:
    """What the token's service lacks is refused when it is called, and the hint names it."""
    demo = DemoSite(now=NOW)
    with serving(demo.app) as url:
        site = SiteSession(connection(url, SMALL_TOKEN, (RESTFUL,)))
        app = context_of(site, Caller(site), policy(",".join(NAMES)), ServiceSettings(Mode.DIRECT))
        async with Client(server_for(app)) as session:
            listed = (await session.list_tools()).tools
            result = await session.call_tool("mod_choice_get_choice_results", {"choiceid": 1})
    names = {tool.name for tool in listed} - {
        "more_results",
        "confirm",
        "resolve",
        "bulk_call",
        "resume_batch",
    }
    assert names == set(NAMES) & set(load("4.5"))
    assert result.structured_content is not None
    error = result.structured_content["error"]
    assert error["kind"] == "access_denied"
    assert "Add functions: mod_choice_get_choice_results" in error["hint"]


class KnownSite(SiteSession):
    """A site client with a given site info."""

    def __init__(self, url: str, info: SiteInfo) -> None:
        super().__init__(connection(url))
        self._info = info


async def test_arguments_are_judged_by_the_release_once_it_is_known() -> None:
    demo = DemoSite(now=NOW, release="5.1")
    demo.faults.append(InjectedFault.status(503, function=SITE_INFO))
    read = "mod_choice_get_choice_results"
    with serving(demo.app) as url:
        site = SiteSession(connection(url))
        async with Client(server_for(context_of(site, Caller(site), policy(read)))) as session:
            before = await session.call_tool(read, {"choiceid": 1, "groupid": 3})
            await session.list_tools()
            after = await session.call_tool(read, {"choiceid": 1, "groupid": 3})
    assert kind(before) == "invalid_arguments"
    assert kind(after) != "invalid_arguments"


async def test_who_calls_while_the_site_is_first_asked_waits_for_its_answer() -> None:
    demo = DemoSite(now=NOW, release="5.1")
    hold = Hold()
    demo.faults.append(InjectedFault.hang(hold, function=SITE_INFO))
    read = "mod_choice_get_choice_results"
    with serving(demo.app) as url:
        site = SiteSession(connection(url))
        async with Client(server_for(context_of(site, Caller(site), policy(read)))) as session:
            results: list[types.CallToolResult] = []

            async def call() -> None:
                arguments = {"choiceid": 1, "groupid": 3}
                results.append(await session.call_tool(read, arguments))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call)
                await anyio.to_thread.run_sync(hold.wait_arrived)
                tasks.start_soon(call)
                await anyio.wait_all_tasks_blocked()
                hold.release()
    assert "invalid_arguments" not in [kind(each) for each in results]


class SilentSite(SiteSession):
    """A site client whose site info never arrives."""

    def __init__(self, url: str) -> None:
        super().__init__(connection(url))
        self.asked = 0
        self.given_up = anyio.Event()

    async def info(self, *, fresh: bool = False) -> SiteInfo:
        self.asked += 1
        await self.given_up.wait()
        raise CallError(errors.Fault(Kind.TIMEOUT, "It says nothing."))


async def test_calls_that_come_at_once_do_not_each_wait_for_a_site_that_is_silent() -> None:
    read = "mod_choice_get_choice_results"
    with serving(DemoSite(now=NOW).app) as url:
        site = SilentSite(url)
        async with (
            Client(server_for(context_of(site, Caller(site), policy(read)))) as session,
            anyio.create_task_group() as tasks,
        ):
            for _ in range(5):
                tasks.start_soon(session.call_tool, read, {"choiceid": 1})
            await anyio.wait_all_tasks_blocked()
            site.given_up.set()
    assert site.asked == 1


def kind(result: types.CallToolResult) -> str | None:
    assert result.structured_content is not None
    error: dict[str, Any] = result.structured_content.get("error", {})
    return error.get("kind")
