"""Functions and built-in tools as MCP lists them."""

from __future__ import annotations

from typing import Final

import mcp_types as types

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.naming import description, tool_name
from moodle_mcp.catalogue.schema import ANYTHING, envelope_schema, input_schema, output_schema
from moodle_mcp.policy.approvals import Confirm
from moodle_mcp.policy.exposure import Mode, shown_directly
from moodle_mcp.presentation.clean import clean, clean_all
from moodle_mcp.service.builtin_tools import BuiltinTool
from moodle_mcp.service.registry import Registry

FUNCTION_KEY: Final = "moodle/function"
"""The key in a tool's `_meta` that holds the function's full name."""


def listed_tools(registry: Registry, mode: Mode, confirm: Confirm) -> list[types.Tool]:
    """List the tools that a client is shown."""
    tools = [builtin_to_tool(tool) for tool in registry.listed_builtins]
    tools += map(to_tool, shown_directly(mode, registry.functions.allowed))
    if confirm is Confirm.HOST:
        _ask_in_host(tools)
    return tools


def to_tool(function: Function) -> types.Tool:
    """The MCP tool for a function. Texts from a site's own catalogue are cleaned."""
    access = function.classification.access
    ours = not function.text.by_the_site
    schema = input_schema(function)
    return types.Tool(
        name=tool_name(function.name),
        title=function.name,
        description=description(function) if ours else clean(description(function)),
        input_schema=schema if ours else clean_all(schema),
        output_schema=output_schema(function),
        annotations=types.ToolAnnotations(
            read_only_hint=access is Access.READ,
            destructive_hint=access is Access.DESTRUCTIVE,
            idempotent_hint=access is Access.READ or function.repeat_is_harmless,
            open_world_hint=False,
        ),
        _meta={FUNCTION_KEY: function.name},
    )


def builtin_to_tool(tool: BuiltinTool) -> types.Tool:
    """The MCP tool for a built-in tool."""
    function = tool.function
    return types.Tool(
        name=function.name,
        title=function.name.replace("_", " ").capitalize(),
        description=function.text.text,
        input_schema=tool.input_schema,
        output_schema=envelope_schema(ANYTHING),
        annotations=types.ToolAnnotations(
            read_only_hint=tool.changes_nothing,
            destructive_hint=function.classification.access is Access.DESTRUCTIVE,
            idempotent_hint=tool.changes_nothing,
            open_world_hint=False,
        ),
    )


def _ask_in_host(tools: list[types.Tool]) -> None:
    """Mark the destructive tools: a host that knows the key asks its user before every call."""
    for tool in tools:
        if tool.annotations is not None and tool.annotations.destructive_hint:
            tool.meta = {**(tool.meta or {}), "anthropic/requiresUserInteraction": True}
