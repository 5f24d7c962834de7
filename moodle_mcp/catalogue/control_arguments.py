"""The arguments of our own beside a function's: they begin with an underscore, which none of
Moodle's do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.model import Function, ListOf, Node, Object, Value
from moodle_mcp.catalogue.times import is_moment

OnError: TypeAlias = Literal["stop", "continue", "isolate"]

DRY_RUN: Final = "_dry_run"
ON_ERROR: Final = "_on_error"
CONFIRM: Final = "_confirm"
FIELDS: Final = "_fields"
FORMAT: Final = "_format"
TIMES: Final = "_times"
QUERY: Final = "_query"

CONTROL_ARGUMENTS: Final[Mapping[str, Node]] = {
    DRY_RUN: Value("bool", presence="optional"),
    ON_ERROR: Value("alpha", presence="optional"),
    CONFIRM: Value("alphanum", presence="optional"),
    FIELDS: ListOf(Value("raw"), presence="optional"),
    FORMAT: Value("alpha", presence="optional"),
    TIMES: Value("bool", presence="optional"),
    QUERY: Value("raw", presence="optional"),
}
"""Their types, by which what clients get wrong is put right; a schema says which a function has."""

SCHEMAS: Final[Mapping[str, dict[str, Any]]] = {
    DRY_RUN: {"type": "boolean", "description": "Check and plan only; send nothing."},
    CONFIRM: {"type": "string", "description": "Token of needs_confirmation."},
    FIELDS: {"type": "array", "items": {"type": "string"}},
    QUERY: {"type": "string"},
}
"""The schemas of those that are the same for all functions that have them."""


@dataclass(frozen=True, slots=True)
class ControlArguments:
    """How the caller of a function wants it to be called."""

    dry_run: bool = False
    on_error: OnError = "stop"
    confirm: str | None = None
    fields: tuple[str, ...] = ()
    raw: bool = False
    times: bool = False
    query: str | None = None


def reserved_schema(function: Function) -> dict[str, Any]:
    """The JSON Schema properties of the reserved arguments that make sense for a function.

    A read without any other argument has `_dry_run`: Gemini and OpenAI reject an object without
    properties.
    """
    if function.reads_only:
        properties = _for_answers(function)
        return properties if properties or function.params.keys else _only(DRY_RUN)
    properties = _only(DRY_RUN)
    if function.batching is not None:
        properties[ON_ERROR] = {
            "type": "string",
            "enum": list(on_error_choices(function)),
            "description": "After a failed request.",
        }
    if function.classification.access is Access.DESTRUCTIVE:
        properties |= _only(CONFIRM)
    return properties


def _only(*names: str) -> dict[str, Any]:
    return {name: SCHEMAS[name] for name in names}


def split(arguments: Mapping[str, Any]) -> tuple[ControlArguments, dict[str, Any]]:
    """The reserved arguments and the function's own, of arguments that have been checked."""
    own = {name: value for name, value in arguments.items() if name not in CONTROL_ARGUMENTS}
    control = ControlArguments(
        dry_run=arguments.get(DRY_RUN, False),
        on_error=arguments.get(ON_ERROR, "stop"),
        confirm=arguments.get(CONFIRM),
        fields=tuple(arguments.get(FIELDS, ())),
        raw=FORMAT in arguments,
        times=arguments.get(TIMES, False),
        query=arguments.get(QUERY),
    )
    return control, own


def as_arguments(control: ControlArguments) -> dict[str, Any]:
    """The reserved arguments as they were passed, what has its usual value left out."""
    arguments: dict[str, Any] = {
        DRY_RUN: control.dry_run,
        ON_ERROR: control.on_error if control.on_error != "stop" else None,
        CONFIRM: control.confirm,
        FIELDS: list(control.fields),
        FORMAT: "raw" if control.raw else None,
        TIMES: control.times,
        QUERY: control.query,
    }
    return {name: value for name, value in arguments.items() if value}


def has_fields(function: Function) -> bool:
    """Whether an answer has fields to choose from."""
    return function.typed and function.reads_only and bool(list(_objects(function.returns)))


def _for_answers(function: Function) -> dict[str, Any]:
    """How the answer of a read is wanted, where it has fields, formatted texts or times.

    The server's instructions describe them once: here they would cost each tool's place twice.
    """
    if not has_fields(function):
        return {}
    properties = _only(FIELDS, QUERY)
    objects = list(_objects(function.returns))
    if any(f"{key}format" in keys for keys in objects for key in keys):
        properties[FORMAT] = {"type": "string", "enum": ["raw"]}
    if any(is_moment(key, child) for keys in objects for key, child in keys.items()):
        properties[TIMES] = {"type": "boolean"}
    return properties


def _objects(node: Node | None) -> Iterator[Mapping[str, Node]]:
    """The keys of all objects in an answer."""
    match node:
        case ListOf():
            yield from _objects(node.item)
        case Object() if node.keys:
            yield node.keys
            for child in node.keys.values():
                yield from _objects(child)
        case _:
            pass


def on_error_choices(function: Function) -> tuple[OnError, ...]:
    """The ways of going on after a failed request that a function has.

    `isolate` halves a failed request, which is right only where nothing of it was written.
    """
    if function.reads_only:
        return ("stop",)
    if function.is_transaction:
        return "stop", "continue", "isolate"
    return "stop", "continue"
