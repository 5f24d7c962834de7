"""Three tools for all functions: find, describe and call, under the same policy and checks.

For hosts that load every tool into the model's context: so the whole allowed Moodle costs under
2,000 tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

import mcp_types as types

from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.catalogue.arguments import arguments_fault, checked_size, parsed_json
from moodle_mcp.catalogue.classification import Access, Classification
from moodle_mcp.catalogue.control_arguments import SCHEMAS
from moodle_mcp.catalogue.model import Function, FunctionText, Object, ParameterText, Value
from moodle_mcp.catalogue.naming import description
from moodle_mcp.catalogue.schema import free_form, input_schema
from moodle_mcp.errors import CallError, ParameterFault
from moodle_mcp.server.builtin_tools import builtin_tool
from moodle_mcp.server.toolset import Toolset

if TYPE_CHECKING:
    from moodle_mcp.catalogue.search import Index

_USUAL: Final = 10
_MOST: Final = 50
_MAX_TEXT: Final = 160

FIND: Final = Function(
    "find_functions",
    params=Object(
        {"query": Value("raw"), "limit": Value("int", presence="default", default=_USUAL)}
    ),
    classification=Classification(Access.READ),
    text=FunctionText(
        "Find Moodle functions by words, the best first, among all that are allowed here, listed "
        "as tools or not: courses, users, enrolments, groups, grades, assignments, quizzes, "
        "forums, messages, calendar and more. Then use describe_function.",
        {
            "query": ParameterText("Words in English, such as: enrol users in a course."),
            "limit": ParameterText(f"At most {_MOST}."),
        },
    ),
)
DESCRIBE: Final = Function(
    "describe_function",
    params=Object({"function": Value("raw")}),
    classification=Classification(Access.READ),
    text=FunctionText(
        "What one function does, and the JSON Schema of its arguments.",
        {"function": ParameterText("Full name, as find_functions gives it.")},
    ),
)
CALL: Final = Function(
    "call_function",
    typed=False,
    text=FunctionText(
        "Call a function by its full name. The arguments are checked against its schema before "
        "anything is sent; a failure says what to correct."
    ),
)
CALL_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "function": {"type": "string"},
        "arguments": {
            **free_form(dict(SCHEMAS)),
            "description": "As its schema says; the reserved ones belong here too.",
        },
    },
    "additionalProperties": False,
    "required": ["function"],
}


class Facade:
    """The facade over one toolset."""

    def __init__(self, toolset: Toolset) -> None:
        self._toolset = toolset

    @cached_property
    def _index(self) -> Index:
        # The search's library takes 18 ms to import; most servers are never searched.
        from moodle_mcp.catalogue.search import Index

        return Index(self._toolset.functions)

    def find(self, arguments: Mapping[str, Any]) -> Outcome:
        """The functions that fit the words."""
        limit = arguments.get("limit", _USUAL)
        found = self._index.search(arguments["query"], min(max(limit, 1), _MOST))
        rows = [
            {
                "function": each.function.name,
                "access": each.function.classification.access.value,
                "description": _short(description(each.function)),
            }
            for each in found
        ]
        result: dict[str, Any] = {"functions": rows, "allowed": len(self._toolset.functions)}
        if not rows:
            result["hint"] = "Try another noun or verb, in English: course, enrol, grade."
        return Outcome(result=result)

    def describe(self, function: Function) -> Outcome:
        """A function's text and schema.

        Raises:
            CallError: `not_allowed`.
        """
        self._toolset.policy.check(function)
        return Outcome(
            result={
                "function": function.name,
                "access": function.classification.access.value,
                "description": description(function),
                "input_schema": input_schema(function),
            }
        )


def facade_tools() -> list[types.Tool]:
    """The three tools, as they are listed."""
    return [builtin_tool(FIND), builtin_tool(DESCRIBE), builtin_tool(CALL, CALL_SCHEMA)]


def inner_call(arguments: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The function and the arguments that `call_function` was given.

    Raises:
        CallError: `invalid_arguments` or `too_large`; nothing was sent.
    """
    checked_size(arguments)
    faults: list[ParameterFault] = []
    name, inner = arguments.get("function"), cast("Any", arguments.get("arguments") or {})
    inner = parsed_json(inner, dict)
    if not isinstance(name, str):
        faults.append(ParameterFault("function", "is missing and required", "string"))
    if not isinstance(inner, dict):
        faults.append(ParameterFault("arguments", "is no object", "an object"))
    unknown = [key for key in arguments if key not in CALL_SCHEMA["properties"]]
    known = ", ".join(CALL_SCHEMA["properties"])
    faults += [ParameterFault(key, "is not a known key", known) for key in unknown]
    if faults or not isinstance(name, str) or not isinstance(inner, dict):
        raise CallError.not_sent(arguments_fault(CALL, faults))
    return name, cast("dict[str, Any]", inner)


def _short(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT].rsplit(' ', 1)[0]} ..."
