"""Checking an agent's arguments against what the function takes, before anything is sent.

Clients send things that mean the right thing in the wrong type; `accept` mends those without
guessing. What remains is checked against the schema that the agent sees, so there is one truth,
and against what REST can carry.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, cast

import jsonschema_rs

from moodle_mcp.catalogue.compiled import CompiledSchemas
from moodle_mcp.catalogue.model import Function, ListOf, Node, Object, Value, scalar
from moodle_mcp.catalogue.reserved import RESERVED, reserved_schema
from moodle_mcp.catalogue.schema import input_schema
from moodle_mcp.errors import CallError, Fault, Kind, ParameterFault

MAX_FAULTS: Final = 20
"""How many faults one report names; a list of thousands of bad items must fit an answer."""

MAX_DEPTH: Final = 60
"""How deep values may nest: PHP drops what lies deeper than 64 levels without a word."""

_MAX_FOUND: Final = 1000
"""How many faults are looked for; of 100,000 bad items the rest is as bad."""

_MAX_SHOWN: Final = 60
_INT64: Final = range(-(2**63), 2**63)
_EXACT: Final = 2.0**53
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# Names that Moodle's protocol itself reads, whatever the function.
_PROTOCOL = re.compile(r"(?i)ws(token|function)|moodlews(restformat|setting.*)")
_BOOLEANS: Final[Mapping[Any, bool]] = {
    "1": True, "0": False, "true": True, "false": False, 1: True, 0: False,
}  # fmt: skip

Path = tuple[str | int, ...]


class ArgumentChecker:
    """Checks arguments of functions, keeping each function's compiled schema."""

    def __init__(self) -> None:
        self._schemas = CompiledSchemas(input_schema)

    def check(self, function: Function, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as they can be sent, without nulls.

        Raises:
            CallError: `invalid_arguments` with one entry for each fault; nothing was sent.
        """
        own = {name: value for name, value in arguments.items() if name not in RESERVED}
        ours = {name: value for name, value in arguments.items() if name in RESERVED}
        accepted = accept(function.params, own) if function.typed else _without_nulls(own)
        accepted |= accept(Object(RESERVED), ours)
        faults = list(islice(_unsendable(accepted, ()), _MAX_FOUND))
        if not faults and not function.typed:
            faults = list(_free_form_faults(function, accepted))
        if not faults:
            faults = self._schema_faults(function, accepted)
        if not faults:
            faults = list(_empty_objects(accepted, ()))
        if faults:
            raise CallError(arguments_fault(function, faults))
        return accepted

    def _schema_faults(self, function: Function, arguments: Any) -> list[ParameterFault]:
        validator = self._schemas.of(function)
        if validator.is_valid(arguments):
            return []
        errors = validator.iter_errors(arguments)
        faults = (fault for error in errors for fault in _explain(function.params, error))
        return list(islice(faults, _MAX_FOUND))


def accept(node: Node, value: Any) -> Any:
    """The value with what clients are known to send put right, and nulls left out.

    A list or object written as a JSON string is read, "5" becomes 5 where an integer belongs and
    5 becomes "5" where text belongs (ids in `values`, for example), 1 and "true" become a boolean.
    Anything else stays as it is, to be refused with its name.
    """
    match node:
        case Value():
            return _accept_scalar(scalar(node), value)
        case ListOf():
            value = parsed_json(value, list)
            if not isinstance(value, list):
                return value
            return [accept(node.item, item) for item in cast("list[Any]", value)]
        case Object():
            value = parsed_json(value, dict)
            if not isinstance(value, Mapping):
                return value
            items = cast("Mapping[str, Any]", value).items()
            return {
                key: accept(node.keys[key], item) if key in node.keys else item
                for key, item in items
                if not (item is None and _may_be_left_out(node.keys.get(key)))
            }


def _may_be_left_out(node: Node | None) -> bool:
    return node is not None and node.presence != "required"


def _accept_scalar(kind: str, value: Any) -> Any:
    match kind, value:
        case "boolean", str() | int() if value in _BOOLEANS:
            return _BOOLEANS[value]
        case "integer", str() if _INTEGER.fullmatch(value):
            return int(value) if len(value) <= _MAX_SHOWN else value
        case "integer", float() if value.is_integer():
            # A larger double stands for many integers; as text it is refused.
            return int(value) if abs(value) < _EXACT else str(value)
        case "number", str() if _NUMBER.fullmatch(value):
            return float(value)
        case "string", float() if math.isfinite(value):
            return json.dumps(value)
        case "string", int() if not isinstance(value, bool) and value in _INT64:
            return str(value)
        case _:
            return value


def parsed_json(value: Any, expected: type[list[Any]] | type[dict[str, Any]]) -> Any:
    """The list or object that a text of JSON holds; any other value as it is."""
    if not isinstance(value, str):
        return value
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return cast("Any", parsed) if isinstance(parsed, expected) else value


def _without_nulls(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in arguments.items() if value is not None}


def _unsendable(value: Any, path: Path) -> Iterator[ParameterFault]:
    """What JSON can say and a Moodle request can't."""
    if len(path) > MAX_DEPTH:
        yield ParameterFault(
            path_text(path[:1]), "is nested too deeply to be sent", f"{MAX_DEPTH} levels"
        )
        return
    match value:
        case float() if not math.isfinite(value):
            yield ParameterFault(path_text(path), f"{value} is not a number that can be sent")
        case int() if value not in _INT64:
            yield ParameterFault(
                path_text(path), f"{_shown(value)} does not fit in 64 bits",
                f"{_INT64.start} to {_INT64.stop - 1}",
            )  # fmt: skip
        case str() if not _encodable(value):
            yield ParameterFault(path_text(path), "the text holds half a character (a surrogate)")
        case dict() | list():
            for step, child in _children(value):
                here = (*path, step)
                if isinstance(step, str) and not _encodable(step):
                    yield ParameterFault(path_text(here), "is not a name of an argument")
                yield from _unsendable(child, here)
        case _:
            pass


def _children(value: Any) -> Iterable[tuple[str | int, Any]]:
    """The parts of a list or an object, each with its index or key."""
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).items()
    return enumerate(cast("list[Any]", value))


def _free_form_faults(function: Function, arguments: Mapping[str, Any]) -> Iterator[ParameterFault]:
    """What no schema refuses where the parameters are not known.

    PHP makes other names of some: a dot and a space become an underscore, a bracket nests, and a
    null byte ends a name. So only plain names pass, and none that the protocol reads.
    """
    reserved = reserved_schema(function)
    for name, value in arguments.items():
        if name in reserved:
            continue
        if _PROTOCOL.fullmatch(name):
            yield ParameterFault(path_text((name,)), "belongs to the protocol, not to a function")
        else:
            yield from _name_faults(name, (name,))
            yield from _unknown_value_faults(value, (name,))


def _name_faults(name: str, path: Path) -> Iterator[ParameterFault]:
    if not _NAME.fullmatch(name):
        allowed = "a letter, then letters, digits and underscores"
        yield ParameterFault(path_text(path), "is not a name of an argument", allowed)


def _unknown_value_faults(value: Any, path: Path) -> Iterator[ParameterFault]:
    match value:
        case None:
            yield ParameterFault(path_text(path), "is null, which can't be sent", "leave it out")
        case []:
            yield ParameterFault(path_text(path), _empty_list(None), "at least one item")
        case dict() | list():
            for step, child in _children(value):
                if isinstance(step, str):
                    yield from _name_faults(step, (*path, step))
                yield from _unknown_value_faults(child, (*path, step))
        case _:
            pass


def _encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _empty_objects(value: Any, path: Path) -> Iterator[ParameterFault]:
    """The empty objects: PHP sees no field for one, so a key is missing or a list is shorter."""
    if value == {} and path:
        problem = "is an empty object, which can't be sent"
        yield ParameterFault(path_text(path), problem, "at least one key, or leave out")
    elif isinstance(value, dict | list):
        for step, child in _children(value):
            yield from _empty_objects(child, (*path, step))


def _explain(params: Object, error: jsonschema_rs.ValidationError) -> Iterator[ParameterFault]:
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
            yield ParameterFault(path_text(path), _empty_list(node), "at least one item")
        case "enum":
            choices = ", ".join(str(choice) for choice in cast("Any", error.kind).options)
            found = _shown(error.instance)
            yield ParameterFault(path_text(path), f"{found} is not one of its values", choices)
        case _:
            found = _shown(error.instance)
            allowed = _describe(node) if node is not None else _of_schema(error)
            yield ParameterFault(path_text(path), f"{found} is not allowed", allowed)


def _of_schema(error: jsonschema_rs.ValidationError) -> str | None:
    """What the schema allows where no tree tells it: for the reserved arguments."""
    rule = error.kind.as_dict()
    allowed = cast("list[Any]", rule.get("options") or rule.get("types") or [])
    return ", ".join(map(str, allowed)) or None


def _empty_list(node: Node | None) -> str:
    if node is not None and node.presence != "required":
        return (
            "is an empty list, which can't be sent: Moodle would take it as left out, "
            "which means all"
        )
    return "is an empty list, which can't be sent to Moodle"


def _unknown(key: str, node: Object) -> str:
    near = difflib.get_close_matches(key, node.keys, n=1, cutoff=0.6)
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


def node_at(node: Node | None, path: Path) -> Node | None:
    """The part of a tree that a path leads to; None where the tree has nothing."""
    for step in path:
        match node:
            case Object():
                node = node.keys.get(str(step))
            case ListOf():
                node = node.item
            case _:
                return None
    return node


def path_text(path: Path) -> str:
    """A path as agents read it: `users[0].email`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{_key(step)}" for step in path)
    return text.removeprefix(".")


def _key(key: str) -> str:
    """A key as a path shows it, which may be anything that a client sent."""
    text = key.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _shown(value: Any) -> str:
    """A value as an error may show it: its kind if large, and cut."""
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "an object"
    if isinstance(value, int) and abs(value) >= 10**_MAX_SHOWN:
        return f"an integer of more than {_MAX_SHOWN} digits"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}… ({len(text)} characters)"


def arguments_fault(function: Function, faults: Sequence[ParameterFault]) -> Fault:
    """The fault of arguments that do not fit; the first few of theirs are named."""
    count = len(faults)
    first = faults[0]
    where = f"{first.path} {first.problem}" if first.path else first.problem
    more = "at least " if count >= _MAX_FOUND else ""
    rest = "" if count == 1 else f" (and {more}{count - 1} more)"
    return Fault(
        Kind.INVALID_ARGUMENTS,
        f"Nothing was sent: {where}{rest}.",
        function=function.name,
        parameters=tuple(faults[:MAX_FAULTS]),
        written="nothing",
    )
