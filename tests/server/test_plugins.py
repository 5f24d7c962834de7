"""Plugin functions that an administrator has exported are tools like Moodle's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import unquote

import pytest
from inline_snapshot import snapshot
from mcp import Client

from moodle_mcp.caller.caller import Caller
from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.loading import every_name
from moodle_mcp.catalogue.naming import BUILTIN_NAMES
from moodle_mcp.catalogue.site_file import load_site_file
from moodle_mcp.catalogue.site_overrides import SiteOverrides, parse_accesses
from moodle_mcp.demo import DemoSite, serving
from moodle_mcp.policy.allowlist import parse_allowlist
from moodle_mcp.policy.exposure import Mode
from moodle_mcp.policy.policy import Policy
from moodle_mcp.server.tools import FUNCTION_KEY
from moodle_mcp.service.context import UserContext
from moodle_mcp.service.process import ServiceSettings
from moodle_mcp.site.session import SiteSession
from tests.support.demo import Demo
from tests.support.plugin import ADD, EXPORTED, GET, SETTING
from tests.support.serving import NOW, connection, context_of, server_for

pytestmark = pytest.mark.anyio

FOUND = load_site_file(EXPORTED, SETTING)
PLUGINS = SiteOverrides(FOUND.functions, FOUND.release)


@pytest.fixture
def demo() -> Iterator[Demo]:
    """A demo site with the plugin."""
    site = DemoSite(now=NOW, plugins=PLUGINS)
    with serving(site.app) as url:
        yield Demo(site, url)


def app(
    demo: Demo, access: Access, said: str = "", overrides: SiteOverrides = PLUGINS
) -> UserContext:
    site = SiteSession(connection(demo.url))
    policy = Policy(parse_allowlist("local_example_*", [*every_name(), GET, ADD]), access)
    added = replace(overrides, accesses=parse_accesses(said, "MOODLE_MCP_PLUGIN_ACCESS"))
    return context_of(site, Caller(site), policy, overrides=added)


async def test_an_exported_function_is_a_typed_tool_with_its_description(demo: Demo) -> None:
    said = "local_example_get_*=read, local_example_add_*=write"
    async with Client(server_for(app(demo, Access.DESTRUCTIVE, said))) as session:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
    assert list(tools) == ["more_results", "confirm", ADD, GET]
    assert tools[GET].model_dump(exclude_none=True, exclude={"output_schema"}) == snapshot(
        {
            "name": "local_example_get_notices",
            "title": "local_example_get_notices",
            "description": "Notices that are pinned to the wall of a course, newest first. Needs moodle/course:view.",
            "input_schema": {
                "type": "object",
                "properties": {
                    "courseid": {"type": "integer", "description": "Id of the course"},
                    "since": {"type": "integer", "description": "Only notices changed since"},
                    "limit": {"type": "integer", "default": 20, "description": "How many at most"},
                    "pinned": {
                        "type": "boolean",
                        "default": True,
                        "description": "Only pinned ones",
                    },
                    "tags": {
                        "type": "array",
                        "items": {"type": "string", "description": "A tag"},
                        "minItems": 1,
                        "description": "With one of these tags",
                    },
                    "page": {
                        "type": "object",
                        "properties": {"size": {"type": "integer"}},
                        "additionalProperties": False,
                    },
                    "_fields": {"type": "array", "items": {"type": "string"}},
                    "_query": {"type": "string"},
                },
                "additionalProperties": False,
                "required": ["courseid"],
            },
            "annotations": {
                "read_only_hint": True,
                "destructive_hint": False,
                "idempotent_hint": True,
                "open_world_hint": False,
            },
            "meta": {"moodle/function": "local_example_get_notices"},
        }
    )
    add = tools[ADD].annotations
    assert add is not None
    assert (add.read_only_hint, add.destructive_hint) == (False, False)


async def test_its_arguments_are_checked_and_sent_by_the_exported_shape(demo: Demo) -> None:
    async with Client(server_for(app(demo, Access.READ, "local_example_get_*=read"))) as session:
        wrong = await session.call_tool(GET, {"courseid": "two", "tag": "a"})
        assert not demo.calls_of(GET)
        right = await session.call_tool(GET, {"courseid": 2, "tags": ["a"], "pinned": False})
    assert wrong.structured_content is not None
    assert wrong.structured_content["error"]["parameters"] == snapshot(
        [
            {"path": "courseid", "problem": '"two" is not allowed', "allowed": "integer"},
            {
                "path": "tag",
                "problem": "is not a known key; did you mean tags?",
                "allowed": "courseid, since, limit, pinned, tags, page",
            },
        ]
    )
    (received,) = (each for each in demo.site.requests if each.function == GET)
    fields = unquote(received.body.decode()).partition("&")[2]
    assert fields == snapshot("wsfunction=local_example_get_notices&courseid=2&tags[0]=a&pinned=0")
    # The demo site has the function's shape, and checks it as Moodle does; it does nothing more.
    assert right.structured_content is not None
    assert right.structured_content["error"]["errorcode"] == "demonotimplemented"


async def test_moodles_label_alone_makes_no_function_a_read(demo: Demo) -> None:
    assert FOUND.functions[GET].access == "read"
    async with Client(server_for(app(demo, Access.WRITE))) as session:
        assert [tool.name for tool in (await session.list_tools()).tools] == ["more_results"]
        withheld = await session.call_tool(GET, {"courseid": 2})
    assert withheld.structured_content is not None
    assert withheld.structured_content["error"]["message"] == snapshot(
        "local_example_get_notices is withheld by the operator: needs MOODLE_MCP_ACCESS=destructive."
    )
    assert not demo.calls_of(GET)


async def test_without_the_export_it_is_free_form(demo: Demo) -> None:
    untyped = app(demo, Access.DESTRUCTIVE, overrides=SiteOverrides())
    async with Client(server_for(untyped)) as session:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
    assert "does not know its parameters" in (tools[GET].description or "")


def taking_our_names() -> SiteOverrides:
    """A plugin whose functions have the names of built-in tools."""
    return replace(PLUGINS, functions=dict.fromkeys(BUILTIN_NAMES, FOUND.functions[ADD]))


@pytest.mark.parametrize("mode", [Mode.DIRECT, Mode.FACADE, Mode.AUTO])
async def test_no_function_of_a_site_takes_the_place_of_a_tool_of_ours(mode: Mode) -> None:
    overrides = taking_our_names()
    site = DemoSite(now=NOW, plugins=overrides)
    with serving(site.app) as url:
        client = SiteSession(connection(url))
        policy = Policy(parse_allowlist("all", every_name()), Access.DESTRUCTIVE)
        own = context_of(client, Caller(client), policy, ServiceSettings(mode), overrides=overrides)
        async with Client(server_for(own)) as session:
            tools = (await session.list_tools()).tools
            names = [tool.name for tool in tools]
            ours = {tool.name for tool in tools if FUNCTION_KEY not in (tool.meta or {})}
            if mode is not Mode.DIRECT:
                asked = {"function": "more_results", "arguments": {"courseid": 2, "text": "x"}}
                called = await session.call_tool("call_function", asked)
                assert called.structured_content is not None
                assert called.structured_content["error"]["parameters"] == snapshot(
                    [{"path": "function", "problem": "is a built-in tool: call it directly"}]
                )
    assert len(names) == len(set(names))
    assert ours == BUILTIN_NAMES if mode is not Mode.DIRECT else ours < BUILTIN_NAMES
    assert not BUILTIN_NAMES & {each.function for each in site.requests}
