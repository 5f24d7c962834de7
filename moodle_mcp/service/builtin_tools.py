"""The built-in tools, beside Moodle's functions.

They are described like Moodle's functions, so that the same check of arguments applies.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from moodle_mcp.caller.executor import Observer
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.catalogue.classification import Access, Classification
from moodle_mcp.catalogue.model import Function, FunctionText, Object, ParameterText, Value
from moodle_mcp.catalogue.schema import input_schema
from moodle_mcp.presentation.render import RenderRule
from moodle_mcp.service.reply import Picture

MORE: Final = Function(
    "more_results",
    params=Object({"cursor": Value("raw")}),
    classification=Classification(Access.READ),
    text=FunctionText(
        "Get the next page of a long answer, or the rest of a shortened text. Moodle is not asked "
        "again.",
        {"cursor": ParameterText("page.next of an answer, or the name in a shortened text.")},
    ),
)


@dataclass(frozen=True, slots=True)
class BuiltinAnswer:
    """Answer of a built-in tool.

    `rule` says which parts of the result people wrote; without it the server wrote all of it.
    `page` is an envelope presented earlier, which replaces the outcome's.
    """

    outcome: Outcome
    rule: RenderRule = None
    page: dict[str, Any] | None = None
    pictures: tuple[Picture, ...] = ()


Run: TypeAlias = Callable[[Mapping[str, Any], Observer], Awaitable[BuiltinAnswer]]
"""Runs a built-in tool with arguments that have been checked."""


@dataclass(frozen=True, slots=True)
class BuiltinTool:
    """A built-in tool and the function that runs it.

    `run` is None for `call_function`, `confirm` and `resume_batch`: the call that they stand for
    runs instead.
    `schema` is made from the function's parameters unless given. `changes_nothing` is False also
    for a read that writes on this machine.
    """

    function: Function
    run: Run | None = None
    schema: dict[str, Any] | None = None
    changes_nothing: bool = True

    @property
    def input_schema(self) -> dict[str, Any]:
        """The JSON Schema of the arguments."""
        return self.schema or input_schema(self.function)
