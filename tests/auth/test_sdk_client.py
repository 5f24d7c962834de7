"""The whole flow with the Python SDK's own OAuth client, over real sockets."""

from __future__ import annotations

import pytest

from tests.support.hosted import HostedSite, Person, sdk_client

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_person_signs_in_and_acts_with_their_own_rights(
    site: HostedSite, mode: str
) -> None:
    person = Person("student1", [("moodle:write",)])
    async with sdk_client(site, person, mode) as client:
        result = await client.call_tool("core_webservice_get_site_info", {})
        assert result.structured_content is not None
        assert result.structured_content["result"]["username"] == "student1"
        names = {tool.name for tool in (await client.list_tools()).tools}
    assert "core_course_delete_courses" not in names
    assert "enrol_manual_enrol_users" in names
    assert person.asked == 1
    assert person.kept.tokens is not None
    assert person.kept.tokens.scope == "moodle:read moodle:write offline_access"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_call_that_needs_more_makes_the_client_ask_for_it(
    site: HostedSite, mode: str
) -> None:
    person = Person("admin", [(), ("moodle:write", "moodle:destructive")])
    async with sdk_client(site, person, mode) as client:
        await client.call_tool("core_webservice_get_site_info", {})
        result = await client.call_tool("core_course_delete_courses", {"courseids": [3]})
    assert person.asked == 2
    assert result.structured_content is not None
    assert result.structured_content["error"]["kind"] == "needs_confirmation"
