"""Turn schema violations into faults that name the argument and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final, cast

import jsonschema_rs

from moodle_mcp.catalogue.model import Function, ListOf, Node, Object, Value, scalar
from moodle_mcp.catalogue.paths import Path, node_at, path_text, pattern, shown_at
from moodle_mcp.catalogue.time_values import MOMENT_KINDS, ParameterTimes
from moodle_mcp.catalogue.unix_seconds import UNIX_SECONDS, not_seconds
from moodle_mcp.errors import ParameterFault
from moodle_mcp.suggest import similar


@dataclass(frozen=True, slots=True)
class Reader:
    """Context for explaining a fault: which parameters are timestamps, the user's zone, and the
    arguments, of which no secret is shown.
    """

    times: ParameterTimes
    zone: tzinfo | None = None
    arguments: Any = None

    def shown(self, path: Path, value: Any) -> str:
        """Format a value of the arguments for an error."""
        return shown_at(self.arguments, path, value)

    def is_moment(self, function: Function, path: Path) -> bool:
        """Whether a path takes Unix seconds."""
        return self.times.kind(function.name, pattern(path)) in MOMENT_KINDS


def explain(
    function: Function, error: jsonschema_rs.ValidationError, reader: Reader
) -> Iterator[ParameterFault]:
    """Yield the faults that a violation of a function's schema stands for."""
    params = function.params
    path: Path = tuple(error.instance_path)
    node = node_at(params, path)
    match error.kind.name:
        case "required":
            key = cast("Any", error.kind).property
            missing = node.keys[key] if isinstance(node, Object) and key in node.keys else None
            allowed = None if missing is None else _describe(missing)
            yield ParameterFault(path_text((*path, key)), "is missing and required", allowed)
        case "additionalProperties" if isinstance(node, Object):
            for key in cast("Any", error.kind).unexpected:
                yield ParameterFault(
                    path_text((*path, key)), _unknown(key, node), _names(node.keys)
                )  # fmt: skip
        case "minItems":
            yield ParameterFault(path_text(path), empty_list(node), "at least one item")
        case "enum" if _has_wrong_type(node, error.instance):
            # The violation of the type says more.
            return
        case "enum":
            choices = ", ".join(str(choice) for choice in cast("Any", error.kind).options)
            found = reader.shown(path, error.instance)
            yield ParameterFault(path_text(path), f"{found} is not one of its values", choices)
        case _ if isinstance(node, Value) and node.type == "int":
            yield _not_an_integer(function, path, error.instance, reader)
        case _:
            found = reader.shown(path, error.instance)
            allowed = _describe(node) if node is not None else _of_schema(error)
            yield ParameterFault(path_text(path), f"{found} is not allowed", allowed)


def _not_an_integer(function: Function, path: Path, value: Any, reader: Reader) -> ParameterFault:
    where, problem = path_text(path), f"{reader.shown(path, value)} is not allowed"
    if reader.is_moment(function, path):
        date = not_seconds(where, value, reader.zone)
        return date or ParameterFault(where, problem, UNIX_SECONDS)
    if isinstance(value, bool) and not _IDS.search(pattern(path)):
        # Moodle uses integers for many switches and accepts no words for them.
        return ParameterFault(where, f"{problem}; use 1 or 0", "integer")
    return ParameterFault(where, problem, "integer")


def _has_wrong_type(node: Node | None, value: Any) -> bool:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return isinstance(node, Value) and node.type == "int" and not is_integer


_IDS: Final = re.compile(r"ids?(\[\])?$")


def _of_schema(error: jsonschema_rs.ValidationError) -> str | None:
    """Describe what the schema allows where there is no tree: for control arguments."""
    rule = error.kind.as_dict()
    allowed = cast("list[Any]", rule.get("options") or rule.get("types") or [])
    return ", ".join(map(str, allowed)) or None


def empty_list(node: Node | None) -> str:
    if node is not None and node.presence != "required":
        return (
            "is an empty list, which can't be sent: Moodle would treat it as omitted, "
            "which means all"
        )
    return "is an empty list, which can't be sent to Moodle"


def _unknown(key: str, node: Object) -> str:
    # People and spreadsheets write EMAIL and Username.
    near = similar(key, node.keys, most=1)
    return f"is not a known key; did you mean {near[0]}?" if near else "is not a known key"


def _names(keys: Sequence[str] | Mapping[str, Any]) -> str:
    return ", ".join(keys) if keys else "no keys: this takes no arguments"


def _describe(node: Node | None) -> str | None:
    match node:
        case None:
            return None
        case Value():
            return scalar(node)
        case ListOf():
            return f"a list of {_plural(node.item)}"
        case Object():
            return f"an object with {_names(node.keys)}"


def _plural(node: Node) -> str:
    match node:
        case Value():
            return f"{scalar(node)}s"
        case ListOf():
            return "lists"
        case Object():
            return f"objects with {_names(node.keys)}"
