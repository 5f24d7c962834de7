"""Tools of this server's own, beside Moodle's functions.

They are described as Moodle's functions are, so that one check of arguments serves them all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import mcp_types as types
from mcp.server import ServerRequestContext

from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.catalogue.classification import Access, Classification
from moodle_mcp.catalogue.model import Function, FunctionText, Object, ParameterText, Value
from moodle_mcp.catalogue.schema import ANYTHING, envelope_schema, input_schema

MORE: Final = Function(
    "more_results",
    params=Object({"cursor": Value("raw")}),
    classification=Classification(Access.READ),
    text=FunctionText(
        "The next page of an answer that was too long, or the rest of a text that was shortened. "
        "Moodle is not asked again.",
        {"cursor": ParameterText("page.next of an answer, or the name in a shortened text.")},
    ),
)


@dataclass(frozen=True, slots=True)
class ToolReply:
    """What a call came to, as the agent gets it: an envelope, and images that go with it."""

    outcome: Outcome
    envelope: dict[str, Any]
    images: list[types.ImageContent] = field(default_factory=list[types.ImageContent])


Run: TypeAlias = Callable[[ServerRequestContext[Any], Mapping[str, Any]], Awaitable[ToolReply]]


@dataclass(frozen=True, slots=True)
class BuiltinTool:
    """A tool, and what runs it with arguments that have been checked; `schema` is made from the
    function's parameters unless given.
    """

    function: Function
    run: Run
    schema: dict[str, Any] | None = None
    listed: types.Tool | None = None

    @property
    def input_schema(self) -> dict[str, Any]:
        """The JSON Schema of the arguments."""
        return self.schema or input_schema(self.function)

    @property
    def tool(self) -> types.Tool:
        """The tool as it is listed."""
        return self.listed or builtin_tool(self.function, self.schema)


def builtin_tool(
    function: Function,
    schema: dict[str, Any] | None = None,
    annotations: types.ToolAnnotations | None = None,
) -> types.Tool:
    """A tool of our own as it is listed; its schema is made from its parameters and its annotations
    from its classification unless given.
    """
    reads = function.reads_only
    return types.Tool(
        name=function.name,
        title=function.name.replace("_", " ").capitalize(),
        description=function.text.text,
        input_schema=schema or input_schema(function),
        output_schema=envelope_schema(ANYTHING),
        annotations=annotations
        or types.ToolAnnotations(
            read_only_hint=reads,
            destructive_hint=function.classification.access is Access.DESTRUCTIVE,
            idempotent_hint=reads,
            open_world_hint=False,
        ),
    )
