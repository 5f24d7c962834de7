"""The site's own release decides which functions there are and which arguments they take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from mcp import Client

from moodle_mcp.caller.caller import Caller
from moodle_mcp.catalogue.store import load
from moodle_mcp.demo import SMALL_TOKEN, DemoSite, serving
from moodle_mcp.gate.exposure import Mode
from moodle_mcp.server.app import App, Presentation
from moodle_mcp.server.face import server_of
from moodle_mcp.site.client import Site
from moodle_mcp.site.info import SiteInfo
from moodle_mcp.site.protocol import RESTFUL
from tests.conftest import NOW, connection, gate

pytestmark = pytest.mark.anyio

NAMES = (
    "mod_forum_mark_posts_read",
    "mod_chat_send_chat_message",
    "mod_choice_get_choice_results",
    "enrol_manual_unenrol_users",
)


async def tools(release: Any) -> dict[str, dict[str, Any]]:
    """The named tools that a site of a release offers, with the schemas of their arguments."""
    with serving(DemoSite(now=NOW, release=release).app) as url:
        site = Site(connection(url))
        app = App(site, Caller(site), gate(",".join(NAMES)), Presentation(Mode.DIRECT))
        async with Client(server_of(app)) as session:
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
        site = Site(connection(url))
        info = await site.info()
        plugin = "local_shop_get_orders"
        known = replace(info, functions=(info.functions or frozenset()) | {plugin})
        app = App(KnownSite(url, known), Caller(site), gate("local_shop_*"))
        async with Client(server_of(app)) as session:
            _, tool = (await session.list_tools()).tools
        await site.aclose()
    assert tool.name == plugin
    assert tool.input_schema["type"] == "object"
    assert "additionalProperties" not in tool.input_schema
    assert "does not know its parameters" in (tool.description or "")
    assert tool.annotations is not None
    assert tool.annotations.destructive_hint


async def test_over_restful_all_that_is_allowed_is_listed_since_the_site_does_not_tell() -> None:
    """What the token's service lacks is refused when it is called, and the hint names it."""
    demo = DemoSite(now=NOW)
    with serving(demo.app) as url:
        site = Site(connection(url, SMALL_TOKEN, (RESTFUL,)))
        app = App(site, Caller(site), gate(",".join(NAMES)), Presentation(Mode.DIRECT))
        async with Client(server_of(app)) as session:
            listed = (await session.list_tools()).tools
            result = await session.call_tool("mod_choice_get_choice_results", {"choiceid": 1})
    names = {tool.name for tool in listed} - {"more_results"}
    assert names == set(NAMES) & set(load("4.5"))
    assert result.structured_content is not None
    error = result.structured_content["error"]
    assert error["kind"] == "access_denied"
    assert "Add functions: mod_choice_get_choice_results" in error["hint"]


class KnownSite(Site):
    """A site that has said of itself what a test wants."""

    def __init__(self, url: str, info: SiteInfo) -> None:
        super().__init__(connection(url))
        self._info = info
