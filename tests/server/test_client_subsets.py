"""Every tool in every mode keeps to the schema subsets of common clients' APIs.

`tests/data/clients` has a JSON Schema of each API's tools, with the public sources of its rules.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import mcp_types as types
import pytest
from mcp import Client

from moodle_mcp.catalogue.classification import Access, Classification
from moodle_mcp.catalogue.loading import RELEASES, load
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.site_file import load_site_file
from moodle_mcp.catalogue.site_overrides import SiteOverrides, parse_accesses
from moodle_mcp.policy.allowlist import PROFILES
from moodle_mcp.policy.exposure import Mode
from moodle_mcp.server.tools import builtin_to_tool, to_tool
from moodle_mcp.service.builtin_tools import BuiltinTool
from moodle_mcp.service.discovery import describe
from moodle_mcp.service.file_tools import download_function, upload_function
from moodle_mcp.service.process import ServiceSettings
from moodle_mcp.service.registry import Functions
from tests.support.demo import Demo
from tests.support.plugin import ADD, EXPORTED, GET, SETTING
from tests.support.serving import policy, server_for

CLIENTS = Path(__file__).parent.parent / "data" / "clients"
PREFIX = "mcp__moodle__"
"""What Claude Code puts before a tool's name."""


def for_gemini(tool: types.Tool) -> dict[str, Any]:
    """Return a declaration as made by clients that use `parameters`."""
    parameters = without_additional_properties(tool.input_schema)
    return {"name": tool.name, "description": tool.description, "parameters": parameters}


def without_additional_properties(schema: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in schema.items() if key != "additionalProperties"}
    if "items" in kept:
        kept["items"] = without_additional_properties(kept["items"])
    if "properties" in kept:
        children = kept["properties"].items()
        kept["properties"] = {key: without_additional_properties(child) for key, child in children}
    return kept


def for_openai(tool: types.Tool) -> dict[str, Any]:
    return {
        "name": PREFIX + tool.name,
        "description": tool.description,
        "parameters": tool.input_schema,
    }


def for_bedrock(tool: types.Tool) -> dict[str, Any]:
    return {
        "name": PREFIX + tool.name,
        "description": tool.description,
        "inputSchema": {"json": tool.input_schema},
    }


DECLARED: dict[str, Callable[[types.Tool], dict[str, Any]]] = {
    "gemini": for_gemini,
    "openai": for_openai,
    "bedrock": for_bedrock,
}
VALIDATORS = {
    client: jsonschema_rs.Draft202012Validator(
        json.loads((CLIENTS / f"{client}.json").read_text("utf-8"))
    )
    for client in DECLARED
}


def rejections(tools: list[types.Tool]) -> Iterator[str]:
    """Yield the reasons for which a client would reject a tool."""
    for tool in tools:
        for client, declared in DECLARED.items():
            for error in VALIDATORS[client].iter_errors(declared(tool)):
                yield f"{client}: {tool.name}: {error.instance_path}: {error.message}"
        yield from (f"{tool.name}: {problem}" for problem in unkept(tool.input_schema))


def unkept(schema: dict[str, Any]) -> Iterator[str]:
    """Yield violations of our own stricter rules, and of rules that no meta-schema can express."""
    properties = schema.get("properties", {})
    if "anyOf" in schema or "$ref" in schema:
        yield "a choice or a reference"
    if not set(schema.get("required", [])) <= properties.keys():
        yield "a required key that is no property"
    for child in (*properties.values(), *([schema["items"]] if "items" in schema else [])):
        yield from unkept(child)


def plugin(access: Access) -> Function:
    """A function that only the site knows."""
    return Function("local_shop_do", typed=False, classification=Classification(access))


@pytest.mark.parametrize("release", RELEASES)
def test_all_functions(release: str) -> None:
    catalogue = load(release)
    tools = [to_tool(catalogue.get(name)) for name in catalogue]
    assert len(tools) == len(catalogue)
    assert list(rejections(tools)) == []


@pytest.mark.parametrize("access", Access)
def test_functions_that_only_the_site_knows(access: Access) -> None:
    tool = to_tool(plugin(access))
    assert list(rejections([tool])) == []
    assert tool.input_schema["additionalProperties"] is True


@pytest.mark.parametrize("access", Access)
def test_functions_that_an_administrator_has_exported(access: Access) -> None:
    found = load_site_file(EXPORTED, SETTING)
    said = parse_accesses(f"local_example_*={access.value}", SETTING)
    catalogue = load(overrides=SiteOverrides(found.functions, found.release, said))
    tools = [to_tool(catalogue.get(name)) for name in (GET, ADD)]
    assert all(tool.input_schema["additionalProperties"] is False for tool in tools)
    assert list(rejections(tools)) == []


@pytest.mark.parametrize("has_folder", [True, False])
def test_file_tools(*, has_folder: bool) -> None:
    functions = (download_function(saves=has_folder), upload_function(reads=has_folder))
    assert list(rejections([builtin_to_tool(BuiltinTool(each)) for each in functions])) == []


@pytest.mark.anyio
@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("profile", PROFILES)
async def test_what_a_server_lists(demo: Demo, mode: Mode, profile: str) -> None:
    server = server_for(demo.context(profile, settings=ServiceSettings(mode=mode)))
    async with Client(server) as session:
        tools = (await session.list_tools()).tools
    assert "more_results" in {tool.name for tool in tools}
    assert list(rejections(tools)) == []


def test_what_the_facade_describes_is_what_is_listed() -> None:
    function = load().get("core_notes_create_notes")
    described = describe(Functions(policy(), load()), function).result
    assert described["input_schema"] == to_tool(function).input_schema


REJECTED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "an integer enum": ({"type": "integer", "enum": [0, 1]}, ["gemini"]),
    "an empty value": ({"type": "string", "enum": ["", "a"]}, ["gemini"]),
    "an object without properties": ({"type": "object"}, ["gemini", "openai"]),
    "an object with empty properties": ({"type": "object", "properties": {}}, ["gemini"]),
    "an array without items": ({"type": "array"}, ["gemini", "openai"]),
    "a list of types": ({"type": ["string", "null"]}, ["gemini"]),
    "null as a choice": ({"anyOf": [{"type": "string"}, {"type": "null"}]}, ["gemini"]),
    "a reference": ({"$ref": "#/properties/y"}, ["bedrock", "gemini"]),
    "a value of any type": ({"description": "Any."}, ["gemini"]),
}


@pytest.mark.parametrize("case", REJECTED)
def test_the_subsets_reject_what_the_apis_reject(case: str) -> None:
    schema, clients = REJECTED[case]
    around = {"type": "object", "properties": {"x": {"type": "array", "items": schema}}}
    tool = types.Tool(name="t", description="T.", input_schema=around)
    by = [name for name in DECLARED if not VALIDATORS[name].is_valid(DECLARED[name](tool))]
    assert sorted(by) == clients


def test_the_subsets_reject_names_that_the_apis_reject() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string"}}}
    for name in ("a b", "a" * 65, ""):
        tool = types.Tool(name=name, description="T.", input_schema=schema)
        assert not any(VALIDATORS[each].is_valid(DECLARED[each](tool)) for each in DECLARED if name)
