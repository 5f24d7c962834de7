"""The three discovery tools reach all functions, under the same policy and checks."""

from __future__ import annotations

import json
from typing import Any

import mcp_types as types
import pytest
from inline_snapshot import snapshot
from mcp import Client, MCPError

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.loading import load
from moodle_mcp.catalogue.naming import tool_name
from moodle_mcp.catalogue.search import Index
from moodle_mcp.policy.allowlist import everyday_writes, profile
from moodle_mcp.policy.exposure import MOST_WRITES, Mode
from moodle_mcp.service.process import ServiceSettings
from tests.support.demo import Demo
from tests.support.serving import policy, server_for
from tools.tokens import counter, shown

pytestmark = pytest.mark.anyio

FACADE = ["find_functions", "describe_function", "call_function"]
OWN = ["more_results", "confirm", "resolve", "bulk_call", "resume_batch"]
CATALOGUE = load()
ERAS = pytest.mark.parametrize("mode", ["legacy", "auto"])


def client(demo: Demo, mode: Any = "auto", shown: Mode = Mode.FACADE, **policy: Any) -> Client:
    app = demo.context(settings=ServiceSettings(mode=shown), **policy)
    return Client(server_for(app), mode=mode)


def structured(result: types.CallToolResult) -> dict[str, Any]:
    assert result.structured_content is not None
    return result.structured_content


@ERAS
async def test_the_whole_of_moodle_costs_under_two_thousand_tokens(demo: Demo, mode: str) -> None:
    async with client(demo, mode, tools=",".join(CATALOGUE)) as session:
        tools = (await session.list_tools()).tools
    assert [tool.name for tool in tools] == [*FACADE, *OWN[:-1], "upload_users", OWN[-1]]
    shown = [[tool.name, tool.description, tool.input_schema] for tool in tools]
    assert len(json.dumps(shown)) / 4 < 2_000


async def test_the_default_list_with_our_own_tools_costs_at_most_six_thousand_tokens(
    demo: Demo,
) -> None:
    count = counter()
    context = demo.context("default", Access.READ, settings=ServiceSettings(Mode.AUTO))
    async with Client(server_for(context)) as session:
        tools = (await session.list_tools()).tools
    assert sum(count(shown(tool)) for tool in tools) <= 6_000


@pytest.mark.parametrize(
    ("tools", "facade"), [("default", False), ("teacher", True), ("core_course_*", False)]
)
async def test_auto_shows_up_to_sixty_tools_and_the_facade_with_everyday_ones_above(
    demo: Demo, tools: str, facade: bool
) -> None:
    async with client(demo, shown=Mode.AUTO, tools=tools) as session:
        names = [tool.name for tool in (await session.list_tools()).tools]
    assert (names[:3] == FACADE) == facade
    assert len(names) <= 60 + len(FACADE) + len(OWN) + 2
    if facade:
        writes = [name for name in everyday_writes() if name in profile(tools)][:MOST_WRITES]
        everyday = (profile("default") & profile(tools)) | set(writes)
        own = {*FACADE, *OWN, "download_file", "upload_file"}
        assert set(names) == own | {tool_name(function) for function in everyday}


async def test_direct_never_shows_the_facade(demo: Demo) -> None:
    async with client(demo, shown=Mode.DIRECT) as session:
        names = [tool.name for tool in (await session.list_tools()).tools]
        assert set(FACADE).isdisjoint(names)
        with pytest.raises(MCPError):
            await session.call_tool("call_function", {"function": "core_course_get_contents"})


@ERAS
async def test_found_then_described_then_called(demo: Demo, mode: str) -> None:
    async with client(demo, mode) as session:
        found = await session.call_tool("find_functions", {"query": "course contents", "limit": 3})
        name = structured(found)["result"]["functions"][0]["function"]
        assert name == "core_course_get_contents"
        described = await session.call_tool("describe_function", {"function": name})
        assert structured(described)["result"]["input_schema"]["required"] == ["courseid"]
        call = {"function": name, "arguments": {"courseid": 2}}
        called = await session.call_tool("call_function", call)
    assert structured(called)["result"][0]["modules"]


@ERAS
async def test_arguments_written_as_json_text_are_read(demo: Demo, mode: str) -> None:
    call = {"function": "core_course_get_contents", "arguments": '{"courseid": 2}'}
    async with client(demo, mode) as session:
        assert not (await session.call_tool("call_function", call)).is_error


@ERAS
@pytest.mark.parametrize(
    "arguments",
    [{}, {"function": 5}, {"function": "core_course_get_contents", "arguments": [1]}, {"f": 1}],
)
async def test_a_malformed_call_of_the_facade_is_explained(
    demo: Demo, mode: str, arguments: dict[str, Any]
) -> None:
    async with client(demo, mode) as session:
        result = await session.call_tool("call_function", arguments)
    assert structured(result)["error"]["kind"] == "invalid_arguments"
    assert demo.calls_of("core_course_get_contents") == 0


@ERAS
@pytest.mark.parametrize("tool", ["describe_function", "call_function"])
@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("core_course_get_content", "is not a known function"),
        ("CORE_COURSE_GET_CONTENTS", "is not a known function"),
        ("more_results", "is a built-in tool: call it directly"),
    ],
)
async def test_a_name_inside_the_facade_that_none_is_has_an_answer_and_no_protocol_error(
    demo: Demo, mode: str, tool: str, name: str, problem: str
) -> None:
    async with client(demo, mode) as session:
        result = await session.call_tool(tool, {"function": name})
    (fault,) = structured(result)["error"]["parameters"]
    assert (fault["path"], fault["problem"]) == ("function", problem)
    assert "core_course_get_contents" in fault.get("allowed", "core_course_get_contents")


async def test_words_that_find_nothing_are_answered_with_what_to_try(demo: Demo) -> None:
    async with client(demo) as session:
        found = structured(await session.call_tool("find_functions", {"query": "zzzzqqq"}))
    assert found["result"]["functions"] == []
    assert "Search in English" in found["result"]["hint"]


async def test_each_hit_names_its_required_arguments(demo: Demo) -> None:
    query = {"query": "add a student to my course", "limit": 1}
    async with client(demo) as session:
        found = structured(await session.call_tool("find_functions", query))
    assert found["result"]["functions"] == snapshot(
        [
            {
                "function": "enrol_manual_enrol_users",
                "access": "write",
                "description": "Enrol users in courses with a role, all or none; needs the manual method in the course. Someone already enrolled gets the new times and status and also the ...",
                "required": ["enrolments[].roleid", "enrolments[].userid", "enrolments[].courseid"],
            }
        ]
    )


async def test_what_no_function_does_is_answered_with_the_allowed_ones_that_help(
    demo: Demo,
) -> None:
    tools = "core_course_duplicate_course,core_course_get_contents"
    async with client(demo, tools=tools) as session:
        query = {"query": "make a page or a quiz", "limit": 1}
        found = structured(await session.call_tool("find_functions", query))
    assert found["result"] == snapshot(
        {
            "functions": [],
            "allowed": 2,
            "not_possible": [
                {
                    "text": "Moodle's web services can't create activities or resources. Make them on the site, or bring them along from another course.",
                    "instead": ["core_course_duplicate_course"],
                }
            ],
        }
    )


async def test_a_search_in_another_language_says_how_it_was_read(demo: Demo) -> None:
    query = {"query": "Schüler in Kurs einschreiben", "limit": 1}
    async with client(demo) as session:
        found = structured(await session.call_tool("find_functions", query))
    assert found["result"]["read_as"] == snapshot(
        {"language": "german", "english": "student course enrol"}
    )


@ERAS
async def test_inner_arguments_are_checked_as_in_a_direct_call(demo: Demo, mode: str) -> None:
    call = {"function": "core_course_get_contents", "arguments": {"courseId": 2}}
    async with client(demo, mode) as session:
        result = await session.call_tool("call_function", call)
    assert structured(result)["error"]["parameters"] == snapshot(
        [
            {
                "path": "courseId",
                "problem": "is not a known key; did you mean courseid?",
                "allowed": "courseid, options",
            },
            {"path": "courseid", "problem": "is missing and required", "allowed": "integer"},
        ]
    )


async def test_over_all_functions_nothing_but_reads_passes_a_server_that_only_reads(
    demo: Demo,
) -> None:
    """In every mode, by the function's own name and through call_function."""
    writes = [name for name in CATALOGUE if not CATALOGUE.get(name).reads_only]
    assert len(writes) > 300
    for mode in Mode:
        async with client(
            demo, shown=mode, tools=",".join(CATALOGUE), access=Access.READ
        ) as session:
            listed = {tool.name for tool in (await session.list_tools()).tools}
            assert listed.isdisjoint(writes)
            for name in writes:
                results = [await session.call_tool(name, {})]
                if mode is not Mode.DIRECT:
                    call: dict[str, Any] = {"function": name, "arguments": {}}
                    results.append(await session.call_tool("call_function", call))
                    described = await session.call_tool("describe_function", {"function": name})
                    results.append(described)
                kinds = {structured(result)["error"]["kind"] for result in results}
                assert kinds == {"not_allowed"}, name
    assert {received.function for received in demo.site.requests} <= {
        "core_webservice_get_site_info"
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("course contents", "core_course_get_contents"),
        ("enrolled users of a course", "core_enrol_get_enrolled_users"),
        ("enrol users manually", "enrol_manual_enrol_users"),
        ("asignment submisions", "mod_assign_get_submissions"),
        ("create user account", "core_user_create_users"),
        ("forum discusions", "mod_forum_get_forum_discussions"),
        ("user grade items report", "gradereport_user_get_grade_items"),
        ("send message", "core_message_send_instant_messages"),
        ("cohort members", "core_cohort_get_cohort_members"),
        ("quiz attempts", "mod_quiz_get_user_attempts"),
    ],
)
def test_a_search_finds_what_is_meant_among_its_first_five(query: str, expected: str) -> None:
    allowed = policy("all", Access.DESTRUCTIVE)
    functions = [CATALOGUE.get(name) for name in CATALOGUE]
    index = Index([function for function in functions if allowed.allows(function)])
    assert expected in [each.name for each in index.search(query, 5).functions]


@ERAS
async def test_the_sdks_own_client_takes_the_list_of_all_functions(demo: Demo, mode: str) -> None:
    async with client(demo, mode, Mode.DIRECT, tools=",".join(CATALOGUE)) as session:
        tools = (await session.list_tools()).tools
    assert {tool.title for tool in tools} == {
        *CATALOGUE,
        *(name.replace("_", " ").capitalize() for name in (*OWN, "upload_users")),
    }
    assert len({tool.name for tool in tools}) == len({*CATALOGUE, *OWN, "upload_users"})
