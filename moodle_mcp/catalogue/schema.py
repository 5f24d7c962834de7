"""JSON Schema 2020-12 from a function's trees.

Input schemas are strict and are what arguments are checked against. Output schemas describe the
envelope around a fitted answer and are tolerant: nothing in them is required.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from moodle_mcp.catalogue.model import (
    Function,
    ListOf,
    Node,
    Object,
    ParameterText,
    Value,
    scalar,
)
from moodle_mcp.catalogue.reserved import reserved_schema

Schema: TypeAlias = dict[str, Any]

_NULL: Final[Schema] = {"type": "null"}

ANYTHING: Final[Schema] = {
    "anyOf": [{"type": kind} for kind in ("object", "array", "string", "number", "boolean", "null")]
}
"""Any value, said in words: linters take an empty schema for one that was forgotten."""


def input_schema(function: Function) -> Schema:
    """The schema of a function's arguments: a closed object, or a free-form one if untyped."""
    own = reserved_schema(function)
    if not function.typed:
        return {"type": "object", "properties": own} if own else {"type": "object"}
    schema = _input(function.params, "", function.text.params)
    schema["properties"] |= own
    return schema


def output_schema(function: Function) -> Schema:
    """The schema of the envelope that a call of the function answers."""
    if not function.typed:
        return envelope_schema(ANYTHING)
    if function.returns is None:
        return envelope_schema(_NULL)
    # Null where the whole answer had another type and stands in a warning.
    return envelope_schema(_or_null(result_schema(function.returns)))


def envelope_schema(result: Schema) -> Schema:
    """The schema of an envelope around a result; none of its keys is required."""
    properties: Schema = {"result": result}
    for key in ("warnings", "batch", "page", "error"):
        properties[key] = {"type": "array" if key == "warnings" else "object"}
    return {"type": "object", "properties": properties}


def result_schema(node: Node) -> Schema:
    """The schema of a fitted answer."""
    match node:
        case Value():
            schema: Schema = {"type": scalar(node)}
            return _or_null(schema) if node.nullable else schema
        case ListOf():
            return {"type": "array", "items": result_schema(node.item)}
        case Object():
            keys = {key: result_schema(child) for key, child in node.keys.items()}
            return {"type": "object", "properties": keys} if keys else {"type": "object"}


def _or_null(schema: Schema) -> Schema:
    return schema if "anyOf" in schema else {"anyOf": [schema, _NULL]}


def _input(node: Node, path: str, texts: Mapping[str, ParameterText]) -> Schema:
    """The schema of an argument.

    A list needs an item, since REST can't send an empty one. Null is allowed only where it is the
    default: REST can't send it either, and there it means the same as leaving the key out.
    """
    text = texts.get(path)
    schema: Schema
    match node:
        case Value():
            schema = _value(node, text)
        case ListOf():
            items = _input(node.item, f"{path}[]", texts)
            schema = {"type": "array", "items": items, "minItems": 1}
        case Object():
            schema = {
                "type": "object",
                "properties": {
                    key: _input(child, f"{path}.{key}".lstrip("."), texts)
                    for key, child in node.keys.items()
                },
                "additionalProperties": False,
            }
            required = [key for key, child in node.keys.items() if child.presence == "required"]
            if required:
                schema["required"] = required
    if node.presence == "default" and node.default:
        schema["default"] = node.default
    if text is not None:
        schema["description"] = text.text
    return schema


def _value(node: Value, text: ParameterText | None) -> Schema:
    schema: Schema = {"type": scalar(node)}
    if text is not None and text.enum:
        schema["enum"] = list(text.enum)
    if node.presence == "default":
        if node.default is None:
            schema = {"anyOf": [schema, _NULL]}
        schema["default"] = node.default
    return schema
