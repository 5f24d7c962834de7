"""Tools of this server's own, beside Moodle's functions.

They are described as Moodle's functions are, so that one check of arguments serves them all.
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
        "The next page of an answer that was too long, or the rest of a text that was shortened. "
        "Moodle is not asked again.",
        {"cursor": ParameterText("page.next of an answer, or the name in a shortened text.")},
    ),
)


@dataclass(frozen=True, slots=True)
class BuiltinAnswer:
    """What a built-in tool answers.

    `rule` says which of its result people wrote; without it all of it is this server's own words.
    `page` is an envelope that was presented before, in place of the outcome's.
    """

    outcome: Outcome
    rule: RenderRule = None
    page: dict[str, Any] | None = None
    pictures: tuple[Picture, ...] = ()


Run: TypeAlias = Callable[[Mapping[str, Any], Observer], Awaitable[BuiltinAnswer]]
"""Runs a built-in tool with arguments that have been checked."""


@dataclass(frozen=True, slots=True)
class BuiltinTool:
    """A tool, and what runs it.

    Nothing runs `call_function` and `resume_batch`: the call that they stand for takes their place.
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
