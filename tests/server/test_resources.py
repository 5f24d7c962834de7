"""Resources answer like tools, under a URI, through the same policy and audit log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import mcp_types as types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot
from mcp import Client, MCPError

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.loading import load
from moodle_mcp.demo import ADMIN_TOKEN, STUDENT_TOKEN, InjectedFault
from moodle_mcp.demo.seed import FIRST_STUDENT_ID
from moodle_mcp.presentation.presenter import PresentationSettings
from moodle_mcp.server.resources import RESOURCES, Reader, reading
from moodle_mcp.service.audit import Audit
from moodle_mcp.service.process import ServiceSettings
from tests.support.demo import Demo
from tests.support.serving import NOW

pytestmark = pytest.mark.anyio

ERAS = pytest.mark.parametrize("mode", ["legacy", "auto"])
MODERN = "2026-07-28"
NOT_FOUND = {"legacy": -32002, "auto": types.INVALID_PARAMS}


def client(demo: Demo, mode: Any = "auto", **settings: Any) -> Client:
    return Client(demo.server(**settings), mode=mode)


async def read(session: Client, uri: str) -> dict[str, Any]:
    """The JSON of a resource."""
    (contents,) = (await session.read_resource(uri)).contents
    assert isinstance(contents, types.TextResourceContents)
    assert (contents.uri, contents.mime_type) == (uri, "application/json")
    return json.loads(contents.text)


async def refused(session: Client, uri: str) -> MCPError:
    with pytest.raises(MCPError) as caught:
        await session.read_resource(uri)
    return caught.value


def without_notice(envelope: dict[str, Any]) -> dict[str, Any]:
    """The envelope without the notice, which is whole in the first answer only."""
    return {key: value for key, value in envelope.items() if key != "notice"}


@ERAS
async def test_what_is_listed(demo: Demo, mode: str) -> None:
    async with client(demo, mode) as session:
        resources = (await session.list_resources()).resources
        templates = (await session.list_resource_templates()).resource_templates
    assert [each.uri for each in resources] == ["moodle://me/deadlines"]
    assert [each.uri_template for each in templates] == snapshot(
        [
            "moodle://course/{courseid}",
            "moodle://course/{courseid}/contents",
            "moodle://user/{userid}/deadlines",
        ]
    )
    assert all(each.description and each.title for each in [*resources, *templates])


@ERAS
async def test_a_course_is_what_its_tool_answers(demo: Demo, mode: str) -> None:
    async with client(demo, mode) as session:
        found = await read(session, "moodle://course/2")
        arguments = {"field": "id", "value": "2", "_times": True}
        reply = await session.call_tool("core_course_get_courses_by_field", arguments)
    assert without_notice(found) == reply.structured_content
    (course,) = found["result"]["courses"]
    assert (course["fullname"], course["startdate_iso"]) == snapshot(
        ("Introduction to Biology", "2026-12-18T00:00:00+00:00")
    )


@ERAS
async def test_the_contents_of_a_course_are_what_its_tool_answers(demo: Demo, mode: str) -> None:
    async with client(demo, mode) as session:
        found = await read(session, "moodle://course/2/contents")
        arguments = {"courseid": 2, "_times": True}
        reply = await session.call_tool("core_course_get_contents", arguments)
    assert without_notice(found) == without_notice(reply.structured_content or {})
    assert "<moodle-text " in found["notice"]
    assert [section["name"] for section in found["result"]] == snapshot(
        ["General", "Cells", "Genetics", "Ecology"]
    )


@ERAS
async def test_my_deadlines_begin_now_and_the_soonest_is_first(demo: Demo, mode: str) -> None:
    async with client(demo, mode, token=STUDENT_TOKEN) as session:
        found = await read(session, "moodle://me/deadlines")
    times = [event["timesort"] for event in found["result"]["events"]]
    assert times == sorted(times)
    assert min(times) >= NOW
    assert [event["name"] for event in found["result"]["events"]][:2] == snapshot(
        ["Report on genetics is due", "Report on proteins is due"]
    )


async def test_ones_own_id_gives_ones_own_deadlines(demo: Demo) -> None:
    """Moodle refuses a student who names themself; without a user id it answers for the caller."""
    async with client(demo, token=STUDENT_TOKEN) as session:
        # The first thing that is asked: who the user is must be found out before.
        named = await read(session, f"moodle://user/{FIRST_STUDENT_ID}/deadlines")
        mine = await read(session, "moodle://me/deadlines")
        itself = await session.call_tool(
            "core_calendar_get_action_events_by_timesort", {"userid": FIRST_STUDENT_ID}
        )
    assert without_notice(named) == without_notice(mine)
    assert itself.structured_content is not None
    assert itself.structured_content["error"]["errorcode"] == "nopermission"


async def test_a_managers_user_sees_the_deadlines_of_others(demo: Demo) -> None:
    async with client(demo, token=STUDENT_TOKEN) as student, client(demo) as admin:
        mine = await read(student, "moodle://me/deadlines")
        seen = await read(admin, f"moodle://user/{FIRST_STUDENT_ID}/deadlines")
    assert [event["id"] for event in seen["result"]["events"]] == [
        event["id"] for event in mine["result"]["events"]
    ]


@ERAS
async def test_the_deadlines_of_another_need_a_permission(demo: Demo, mode: str) -> None:
    uri = f"moodle://user/{FIRST_STUDENT_ID + 1}/deadlines"
    async with client(demo, mode, token=STUDENT_TOKEN) as session:
        error = await refused(session, uri)
    assert error.code == types.INTERNAL_ERROR
    assert error.data["uri"] == uri
    assert error.data["error"]["kind"] == "no_permission"
    assert error.data["error"]["hint"] in error.message


@ERAS
@pytest.mark.parametrize(
    "uri",
    [
        "moodle://course/99999",
        "moodle://course/99999/contents",
        "moodle://course/0",
        "moodle://course/02",
        "moodle://course/-1",
        "moodle://course/٢",
        "moodle://course/2/",
        "moodle://course/2/contents?x=1",
        "moodle://course/2%2Fcontents",
        "moodle://courses/2",
        "file:///etc/passwd",
        "",
    ],
)
async def test_what_does_not_exist_is_not_found_in_the_protocols_own_words(
    demo: Demo, mode: str, uri: str
) -> None:
    async with client(demo, mode) as session:
        error = await refused(session, uri)
    assert error.code == NOT_FOUND[mode]
    assert error.data["uri"] == uri


@ERAS
async def test_a_withheld_function_is_neither_listed_nor_read(demo: Demo, mode: str) -> None:
    async with client(
        demo, mode, tools="all,-core_course_get_contents,-core_calendar_*"
    ) as session:
        resources = (await session.list_resources()).resources
        templates = (await session.list_resource_templates()).resource_templates
        error = await refused(session, "moodle://course/2/contents")
    assert (resources, [each.name for each in templates]) == ([], ["course"])
    assert error.code == types.INVALID_PARAMS
    assert error.data["error"]["kind"] == "not_allowed"
    assert error.message == snapshot(
        "core_course_get_contents is withheld by the operator: excluded by -core_course_get_contents. The operator of this server has not allowed this function. Use another tool, or ask the operator to add it to MOODLE_MCP_TOOLS (and to raise MOODLE_MCP_ACCESS for writes)."
    )
    assert demo.calls_of("core_course_get_contents") == 0


async def test_reading_needs_no_more_than_reading(demo: Demo) -> None:
    functions = load()
    for place in RESOURCES:
        function = functions.get(place.function)
        assert function is not None
        assert function.classification.access is Access.READ
    async with client(demo, access=Access.READ, token=STUDENT_TOKEN) as session:
        assert (await read(session, "moodle://me/deadlines"))["result"]["events"]


async def test_a_read_is_one_line_of_the_record(demo: Demo, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    async with client(demo, audit=Audit(str(path))) as session:
        await read(session, "moodle://course/2")
        await refused(session, "moodle://course/99999/contents")
    text = path.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(each["function"], each["outcome"], each.get("kind")) for each in lines] == [
        ("core_course_get_courses_by_field", "done", None),
        ("core_course_get_contents", "failed", "not_found"),
    ]
    assert ADMIN_TOKEN not in text


async def test_a_long_resource_has_pages_that_a_tool_reads_on(demo: Demo) -> None:
    short = ServiceSettings(presentation=PresentationSettings(max_result=3_000))
    async with client(demo, settings=short) as session:
        (contents,) = (await session.read_resource("moodle://course/2/contents")).contents
        text = cast("types.TextResourceContents", contents).text
        page = json.loads(text)["page"]
        following = await session.call_tool("more_results", {"cursor": page["next"]})
    assert len(text) <= 3_000
    assert not following.is_error


async def test_a_client_may_not_keep_what_it_read_but_the_lists_for_a_while(demo: Demo) -> None:
    async with client(demo) as session:
        assert (await session.read_resource("moodle://course/2")).ttl_ms == 0
        lists = [
            await session.list_resources(),
            await session.list_resource_templates(),
            await session.list_prompts(),
        ]
    assert [(each.ttl_ms, each.cache_scope) for each in lists] == [(300_000, "private")] * 3


async def test_the_lists_of_a_site_that_does_not_answer_are_asked_for_again(demo: Demo) -> None:
    demo.site.switches.web_services = False
    async with client(demo) as session:
        lists = [
            await session.list_resources(),
            await session.list_resource_templates(),
            await session.list_prompts(),
        ]
    assert [each.ttl_ms for each in lists] == [0, 0, 0]


@ERAS
@pytest.mark.parametrize("method", ["list_resources", "list_resource_templates", "list_prompts"])
async def test_a_list_has_one_page(demo: Demo, mode: str, method: str) -> None:
    async with client(demo, mode) as session:
        with pytest.raises(MCPError, match="Invalid cursor"):
            await getattr(session, method)(cursor="2")


@given(st.text(max_size=40) | st.from_regex(r"moodle://(course|user|me)/[0-9a-z/{}.]{0,12}"))
def test_no_address_but_the_documented_ones_leads_anywhere(uri: str) -> None:
    places = [place for place in RESOURCES if place.id_in(uri) is not None]
    if not places:
        with pytest.raises(MCPError, match="Unknown resource"):
            reading(uri, Reader(NOW, 1), MODERN)
        return
    place, _ = reading(uri, Reader(NOW, 1), MODERN)
    number = str(place.id_in(uri))
    filled = place.uri.replace("{courseid}", number).replace("{userid}", number)
    assert (places, uri) == ([place], filled)


async def test_an_answer_of_another_kind_is_told_and_no_fault_of_the_server(demo: Demo) -> None:
    demo.site.faults.append(
        InjectedFault.answer(b"[1]", function="core_course_get_courses_by_field")
    )
    async with client(demo) as session:
        contents = await read(session, "moodle://course/2")
    assert contents["result"] is None
    assert [each["warningcode"] for each in contents["warnings"]] == ["unexpected_type"]


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ({"courses": [{"id": "x" * 500}] * 1000}, ["notice", "fields", "warnings", "page"]),
        ({"courses": [{"contacts": [{"k" * 60_000: 1}]}]}, ["fields", "text", "page"]),
    ],
    ids=["wrong values", "a key longer than a page"],
)
async def test_a_long_answer_need_not_begin_with_its_result(
    demo: Demo, answer: Any, shown: list[str]
) -> None:
    body = json.dumps(answer).encode()
    demo.site.faults.append(InjectedFault.answer(body, function="core_course_get_courses_by_field"))
    async with client(demo) as session:
        assert list(await read(session, "moodle://course/2")) == shown
