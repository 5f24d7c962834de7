"""The discovery tools find, describe and call any allowed function, with the same checks.

They are for hosts that load every tool into the model's context: all allowed functions together
then cost less than 2,000 tokens.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from moodle_mcp.background import Background
from moodle_mcp.caller.executor import Observer
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.catalogue.arguments import arguments_fault, checked_size, parsed_json
from moodle_mcp.catalogue.classification import Access, Classification
from moodle_mcp.catalogue.control_arguments import CONTROL_ARGUMENTS, SCHEMAS
from moodle_mcp.catalogue.model import Function, FunctionText, ListOf, Object, ParameterText, Value
from moodle_mcp.catalogue.naming import description
from moodle_mcp.catalogue.schema import free_form, input_schema
from moodle_mcp.errors import CallError, ParameterFault
from moodle_mcp.service.builtin_tools import BuiltinAnswer, BuiltinTool
from moodle_mcp.service.registry import Functions

if TYPE_CHECKING:
    from moodle_mcp.catalogue.search import Index

_USUAL: Final = 10
_MOST: Final = 50
_MAX_TEXT: Final = 160

_FIRST: Final = 3
"""Among how many hits the answer that no function does it must be, to be given."""

_NOTHING_FOUND: Final = (
    "Nothing fits. Search in English, with another noun or verb: course, enrol, grade."
)

FIND: Final = Function(
    "find_functions",
    params=Object(
        {"query": Value("raw"), "limit": Value("int", presence="default", default=_USUAL)}
    ),
    classification=Classification(Access.READ),
    text=FunctionText(
        "Find Moodle functions by words, the best first, among all that are allowed here, listed "
        "as tools or not: courses, users, enrolments, groups, grades, assignments, quizzes, "
        "forums, messages, calendar and more. Says so where Moodle's functions can't do it. "
        "Then use describe_function.",
        {
            "query": ParameterText(
                "Plain words, such as: take someone off a course. English works best."
            ),
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
            "description": "As the function's schema says, reserved arguments included.",
        },
    },
    "additionalProperties": False,
    "required": ["function"],
}


FACADE: Final = (
    BuiltinTool(FIND),
    BuiltinTool(DESCRIBE),
    BuiltinTool(CALL, schema=CALL_SCHEMA, changes_nothing=False),
)

Learn: TypeAlias = Callable[[], Awaitable[Functions]]
"""Fetches the site info, if it is not known yet, and returns the allowed functions."""


class Discovery:
    """The discovery tools of one user."""

    def __init__(self, learn: Learn, background: Background) -> None:
        self._learn = learn
        self._background = background
        self._indexed: tuple[Functions, Index] | None = None
        find, describe_one, call = FACADE
        self.tools = (
            replace(find, run=self._find),
            replace(describe_one, run=self._describe),
            call,
        )

    async def _find(self, arguments: Mapping[str, Any], _: Observer) -> BuiltinAnswer:
        functions = await self._learn()
        # The first search builds the index of all functions.
        result = await self._background.run(self._found, functions, arguments)
        return BuiltinAnswer(Outcome(result=result))

    def _found(self, functions: Functions, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The functions that match the query."""
        limit = arguments.get("limit", _USUAL)
        index = self._index(functions)
        results = index.search(arguments["query"], min(max(limit, 1), _MOST))
        rows = [_row(each) for each in results.functions]
        result: dict[str, Any] = {"functions": rows, "allowed": len(functions.allowed)}
        if answers := results.not_possible(_FIRST):
            allowed = {each.name for each in functions.allowed}
            result["not_possible"] = [
                {"text": each.text, "instead": [name for name in each.instead if name in allowed]}
                for each in answers
            ]
        if translation := results.translation:
            result["read_as"] = {"language": translation.language, "english": translation.english}
        if not rows and not answers:
            result["hint"] = _NOTHING_FOUND
        return result

    def _index(self, functions: Functions) -> Index:
        # Importing the search library takes 18 ms, and most servers are never searched.
        from moodle_mcp.catalogue.search import Index

        if self._indexed is None or self._indexed[0] is not functions:
            self._indexed = functions, Index(functions.allowed)
        return self._indexed[1]

    async def _describe(self, arguments: Mapping[str, Any], _: Observer) -> BuiltinAnswer:
        functions = await self._learn()
        return BuiltinAnswer(describe(functions, functions.named(DESCRIBE, arguments["function"])))


def describe(functions: Functions, function: Function) -> Outcome:
    """A function's text and schema.

    Raises:
        CallError: `not_allowed`.
    """
    functions.policy.check(function)
    return Outcome(
        result={
            "function": function.name,
            "access": function.classification.access.value,
            "description": description(function),
            "input_schema": input_schema(function),
        }
    )


def inner_call(arguments: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the function's name and its arguments from those of `call_function`.

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
        faults.append(ParameterFault("arguments", "is not an object", "an object"))
    # Reserved arguments are accepted beside `arguments` too: models put them in either place.
    beside = {key: value for key, value in arguments.items() if key in CONTROL_ARGUMENTS}
    properties = CALL_SCHEMA["properties"]
    unknown = [key for key in arguments if key not in properties and key not in beside]
    known = ", ".join(properties)
    faults += [ParameterFault(key, "is not a known key", known) for key in unknown]
    if faults or not isinstance(name, str) or not isinstance(inner, dict):
        raise CallError.not_sent(arguments_fault(CALL, faults))
    return name, {**beside, **cast("dict[str, Any]", inner)}


def _row(function: Function) -> dict[str, Any]:
    return {
        "function": function.name,
        "access": function.classification.access.value,
        "description": _short(description(function)),
        "required": list(_required(function.params)),
    }


def _required(params: Object) -> Iterator[str]:
    """The paths of the arguments that a call can't do without: `enrolments[].userid`."""
    for key, node in params.keys.items():
        inner = node.item if isinstance(node, ListOf) else node
        mark = "[]" if isinstance(node, ListOf) else ""
        if node.presence != "required":
            continue
        below = list(_required(inner)) if isinstance(inner, Object) else []
        yield from (f"{key}{mark}.{path}" for path in below) if below else [f"{key}{mark}"]


def _short(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT].rsplit(' ', 1)[0]} ..."
