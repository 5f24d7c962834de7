"""Control arguments: our own arguments that are added to a function's. They begin with an
underscore, which no argument of Moodle's does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.model import Function, ListOf, Node, Object, Value
from moodle_mcp.catalogue.safe_options import may_ask_for_people
from moodle_mcp.catalogue.time_values import is_moment

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
"""Their types, for converting common client mistakes; the schema decides which ones apply."""

SCHEMAS: Final[Mapping[str, dict[str, Any]]] = {
    DRY_RUN: {"type": "boolean", "description": "Check and plan only; send nothing."},
    CONFIRM: {"type": "string", "description": "Token of needs_confirmation."},
    FIELDS: {"type": "array", "items": {"type": "string"}},
    QUERY: {"type": "string"},
}
"""Schemas of control arguments that are the same for all functions."""


@dataclass(frozen=True, slots=True)
class ControlArguments:
    """How to run a call, as set by its control arguments.

    Without `on_error` the function's default applies (`default_on_error`).
    """

    dry_run: bool = False
    on_error: OnError | None = None
    confirm: str | None = None
    fields: tuple[str, ...] = ()
    raw: bool = False
    times: bool = False
    query: str | None = None


def reserved_schema(function: Function) -> dict[str, Any]:
    """Return the JSON Schema properties of the control arguments that apply to a function.

    A read without other arguments gets `_dry_run`, because Gemini and OpenAI reject an object
    without properties.
    """
    if function.reads_only:
        properties = _for_answers(function)
        return properties if properties or function.params.keys else _only(DRY_RUN)
    properties = _only(DRY_RUN)
    if function.batching is not None:
        properties[ON_ERROR] = {
            "type": "string",
            "enum": list(on_error_choices(function)),
            "default": default_on_error(function),
            "description": "After a failed request.",
        }
    if function.classification.access is Access.DESTRUCTIVE or may_ask_for_people(function):
        properties |= _only(CONFIRM)
    return properties


def _only(*names: str) -> dict[str, Any]:
    return {name: SCHEMAS[name] for name in names}


def split(arguments: Mapping[str, Any]) -> tuple[ControlArguments, dict[str, Any]]:
    """Split checked arguments into the control arguments and the function's own."""
    own = {name: value for name, value in arguments.items() if name not in CONTROL_ARGUMENTS}
    control = ControlArguments(
        dry_run=arguments.get(DRY_RUN, False),
        on_error=arguments.get(ON_ERROR),
        confirm=arguments.get(CONFIRM),
        fields=tuple(arguments.get(FIELDS, ())),
        raw=FORMAT in arguments,
        times=arguments.get(TIMES, False),
        query=arguments.get(QUERY),
    )
    return control, own


def as_arguments(control: ControlArguments) -> dict[str, Any]:
    """Convert control arguments back to arguments; default values are omitted."""
    arguments: dict[str, Any] = {
        DRY_RUN: control.dry_run,
        ON_ERROR: control.on_error,
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
    """Return options for a read's answer, if it has fields, formatted text or times.

    The server's instructions describe them once: repeating that in each tool would double its size.
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
    """Yield the keys of each object in an answer."""
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
    """Return the `_on_error` choices of a function.

    `isolate` bisects a failed request, which is only safe if nothing of it was written.
    """
    if function.reads_only:
        return ("stop",)
    if function.is_transaction:
        return "stop", "continue", "isolate"
    return "stop", "continue"


def default_on_error(function: Function) -> OnError:
    """Return the default of `_on_error`: `isolate` where a failed request has written nothing."""
    return on_error_choices(function)[-1] if function.is_transaction else "stop"
