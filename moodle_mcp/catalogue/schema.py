"""JSON Schema 2020-12 from a function's trees.

Input schemas are strict. Clients pass them to a model's API, and one schema that the API rejects
makes all tools of all servers unusable. So they use only what all common APIs accept: no `anyOf`,
no `$ref`, no list of types, no object without properties, and `enum` only with non-empty strings
(Gemini accepts no others).

Output schemas describe the envelope around a coerced answer and are tolerant: nothing in them is
required. They are not passed to a model's API. Clients validate answers against them, and null is a
value in answers, so they use `anyOf` with null.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias

from moodle_mcp.catalogue.control_arguments import reserved_schema
from moodle_mcp.catalogue.model import (
    Function,
    ListOf,
    Node,
    Object,
    ParameterText,
    Value,
    scalar,
)

Schema: TypeAlias = dict[str, Any]

_NULL: Final[Schema] = {"type": "null"}

ANYTHING: Final[Schema] = {
    "anyOf": [{"type": kind} for kind in ("object", "array", "string", "number", "boolean", "null")]
}
"""Any value, described in words: linters mistake an empty schema for a forgotten one."""


def input_schema(function: Function) -> Schema:
    """Return the schema of a function's arguments for clients: a closed object, or a free-form one
    if the function is untyped.
    """
    return _arguments(function, every_enum=False)


def checked_schema(function: Function) -> Schema:
    """Return the schema that arguments are checked against: that for clients, plus the values that
    it can only list in a description.
    """
    return _arguments(function, every_enum=True)


def free_form(properties: Schema) -> Schema:
    """Return the schema of an object that may have other keys than those named.

    It says so explicitly: converters to stricter schemas would otherwise close the object.
    """
    return {"type": "object", "properties": properties, "additionalProperties": True}


def output_schema(function: Function) -> Schema:
    """Return the schema of the envelope that a call of the function answers."""
    if not function.typed:
        return envelope_schema(ANYTHING)
    if function.returns is None:
        return envelope_schema(_NULL)
    # Null if the whole answer had another type and was moved to a warning.
    return envelope_schema(_or_null(result_schema(function.returns)))


def envelope_schema(result: Schema) -> Schema:
    """Return the schema of an envelope around a result; none of its keys is required."""
    properties: Schema = {"result": result}
    for key in ("warnings", "batch", "page", "error"):
        properties[key] = {"type": "array" if key == "warnings" else "object"}
    return {"type": "object", "properties": properties}


def result_schema(node: Node) -> Schema:
    """Return the schema of a coerced answer."""
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


def _arguments(function: Function, *, every_enum: bool) -> Schema:
    own = reserved_schema(function)
    if not function.typed:
        return free_form(own)
    schema = _input(function.params, "", _texts(function), every_enum=every_enum)
    schema["properties"] |= own
    return schema


def _texts(function: Function) -> Mapping[str, ParameterText]:
    """Return the parameters' texts, with a mark where the site may not know the parameter."""
    texts = function.text.params
    marked = {
        path: replace(known, text=f"{known.text} {doubt.mark}".lstrip())
        for path, doubt in function.doubts.items()
        for known in [texts.get(path, ParameterText(""))]
    }
    return {**texts, **marked} if marked else texts


def _input(
    node: Node, path: str, texts: Mapping[str, ParameterText], *, every_enum: bool
) -> Schema:
    """Return the schema of an argument.

    Lists need at least one item, because REST can't send an empty one. REST can't send null either,
    so keys with default null are simply optional.
    """
    schema: Schema
    match node:
        case Value():
            schema = {"type": scalar(node)}
        case ListOf():
            items = _input(node.item, f"{path}[]", texts, every_enum=every_enum)
            schema = {"type": "array", "items": items, "minItems": 1}
        case Object():
            keys = {key: child for key, child in node.keys.items() if _can_hold(child)}
            schema = {
                "type": "object",
                "properties": {
                    key: _input(child, f"{path}.{key}".lstrip("."), texts, every_enum=every_enum)
                    for key, child in keys.items()
                },
                "additionalProperties": False,
            }
            required = [key for key, child in keys.items() if child.presence == "required"]
            if required:
                schema["required"] = required
    text = texts.get(path)
    if text is not None and text.enum and (every_enum or _every_client_takes(text.enum)):
        schema["enum"] = list(text.enum)
    if node.presence == "default" and node.default not in (None, [], {}):
        schema["default"] = node.default
    if text is not None and not _repeats_key(text, path):
        schema["description"] = _description(text)
    return schema


def _repeats_key(text: ParameterText, path: str) -> bool:
    """Whether a text says no more than the key: "Course id." of `courseid` or `courseids[]`."""
    key = path.rpartition(".")[2].removesuffix("[]")
    words = "".join(re.findall(r"\w+", text.text.lower()))
    return not text.enum and words in (key, key.removesuffix("s"))


def _can_hold(node: Node) -> bool:
    """Whether an argument can contain a value: an object without keys can't, nor a list of such
    (`options` of mod_glossary_get_entries_to_approve in 4.5).
    """
    match node:
        case Value():
            return True
        case ListOf():
            return _can_hold(node.item)
        case Object():
            return any(map(_can_hold, node.keys.values()))


def _every_client_takes(enum: Sequence[Any]) -> bool:
    return all(isinstance(value, str) and value for value in enum)


def _description(text: ParameterText) -> str:
    """Return a parameter's text, with its values if neither `enum` nor the text has them."""
    if _every_client_takes(text.enum) or _names_all(text):
        return text.text
    *most, last = (
        str(value) or "empty" for value in sorted(text.enum, key=lambda each: each == "")
    )
    return f"{text.text} One of {', '.join(most)} or {last}."


def _names_all(text: ParameterText) -> bool:
    words = re.findall(r"-?\w+", text.text.lower())
    return all((str(value) or "empty") in words for value in text.enum)
