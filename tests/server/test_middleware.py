"""Unexpected exceptions inside the server."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest
from mcp import Client, MCPError

from moodle_mcp.caller.caller import Caller, Prepared, Zone, no_zone
from moodle_mcp.catalogue.loading import load
from moodle_mcp.catalogue.model import Function
from moodle_mcp.demo import ADMIN_TOKEN, SMALL_TOKEN
from moodle_mcp.logs import start_logging
from moodle_mcp.site.decoding import Answer, IsOwnAnswer, always_a_failure
from moodle_mcp.site.info import SiteInfo
from moodle_mcp.site.protocol import Request
from moodle_mcp.site.session import SiteSession
from tests.support.demo import Demo
from tests.support.serving import connection, context_of, policy, server_for

pytestmark = pytest.mark.anyio

ERAS = pytest.mark.parametrize("mode", ["legacy", "auto"])
SECRET = f"https://moodle/?wstoken={ADMIN_TOKEN}"


class BrokenCaller(Caller):
    """A caller that raises an unexpected exception."""

    async def prepare(
        self, function: Function, arguments: Mapping[str, Any], zone: Zone = no_zone
    ) -> Prepared:
        raise RuntimeError(SECRET)


class BrokenSite(SiteSession):
    """A site client that raises for the site info and after it has sent a request."""

    async def info(self, *, fresh: bool = False) -> SiteInfo:
        raise RuntimeError(SECRET)

    async def send(
        self,
        request: Request,
        *,
        timeout: float,  # noqa: ASYNC109
        alone: bool = False,
        own: IsOwnAnswer = always_a_failure,
        hands_out_keys: bool = False,
    ) -> Answer:
        await super().send(request, timeout=timeout, alone=alone, own=own)
        raise RuntimeError(SECRET)


@ERAS
async def test_a_fault_of_ours_in_a_call_is_an_answer_that_says_nothing_of_it(
    demo: Demo, mode: Any
) -> None:
    site = SiteSession(connection(demo.url))
    app = context_of(site, BrokenCaller(site), policy())
    async with Client(server_for(app), mode=mode) as session:
        result = await session.call_tool("core_course_get_contents", {"courseid": 2})
        assert result.structured_content is not None
        assert result.structured_content["error"]["kind"] == "internal"
        assert ADMIN_TOKEN not in result.model_dump_json()
        assert (await session.list_tools()).tools


@pytest.mark.usefixtures("own_log")
async def test_a_secret_is_in_no_line_of_a_fault_of_ours(
    demo: Demo, capfd: pytest.CaptureFixture[str]
) -> None:
    class Repeating(BrokenCaller):
        async def prepare(
            self, function: Function, arguments: Mapping[str, Any], zone: Zone = no_zone
        ) -> Prepared:
            raise KeyError(arguments["users"][0]["password"], SECRET)

    start_logging("debug", ADMIN_TOKEN)
    site = SiteSession(connection(demo.url))
    users = {"users": [{"password": "Hidden-1\n", "username": "u"}]}
    async with Client(server_for(context_of(site, Repeating(site), policy()))) as session:
        await session.call_tool("core_user_create_users", users)
        inner = {"function": "core_user_create_users", "arguments": users}
        await session.call_tool("call_function", inner)
    log = capfd.readouterr().err
    assert log.count("KeyError: ('(removed)', 'https://moodle/?wstoken=(removed)')") == 2
    assert "Hidden" not in log


@ERAS
async def test_a_fault_of_ours_outside_a_call_is_a_plain_protocol_error(
    demo: Demo, mode: Any
) -> None:
    site = BrokenSite(connection(demo.url))
    app = context_of(site, Caller(site), policy())
    async with Client(server_for(app), mode=mode) as session:
        with pytest.raises(MCPError) as caught:
            await session.list_tools()
    assert ADMIN_TOKEN not in str(caught.value)


async def test_items_of_a_request_that_ended_in_a_fault_of_ours_are_logged_as_unknown(
    demo: Demo, caplog: pytest.LogCaptureFixture
) -> None:
    site = BrokenSite(connection(demo.url))
    items = [{"roleid": 5, "userid": 20, "courseid": 12}]
    caplog.set_level(logging.WARNING)
    function = load().get("enrol_manual_enrol_users")
    with pytest.raises(BaseExceptionGroup):
        await Caller(site).call(function, {"enrolments": items})
    await site.aclose()
    assert "'unknown': [[0, 0]]" in caplog.text


async def test_a_site_that_did_not_answer_is_asked_again_at_the_next_list(demo: Demo) -> None:
    demo.site.switches.web_services = False
    async with Client(demo.server("default", token=SMALL_TOKEN)) as session:
        whole = (await session.list_tools(cache_mode="bypass")).tools
        assert len(whole) > 30
        demo.site.switches.web_services = True
        offered = (await session.list_tools(cache_mode="bypass")).tools
    names = ["more_results", "download_file", "core_webservice_get_site_info"]
    assert [tool.name for tool in offered] == names


async def test_a_password_is_not_repeated_in_a_question(demo: Demo) -> None:
    user = {"id": 10, "password": "Hidden-pass-1"}
    async with Client(demo.server()) as session:
        result = await session.call_tool("core_user_update_users", {"users": [user]})
    assert result.is_error
    assert "Hidden" not in result.model_dump_json()
