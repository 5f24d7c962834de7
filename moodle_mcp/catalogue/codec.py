"""The catalogue's compact JSON for functions and their trees.

A value is `{"type": "int"}`, a list `{"item": …}`, an object `{"keys": {…}}`. Usual properties are
omitted: `"null": true` marks a nullable value, `"optional": true` an optional node, and the key
`"default"` a node with a default (which may be null).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moodle_mcp.catalogue.model import Batching, Function, ListOf, Node, Object, Presence, Value


def function_to_json(function: Function) -> dict[str, Any]:
    """Encode a function, without its name."""
    data: dict[str, Any] = {"component": function.component}
    if function.label:
        data["access"] = function.label
    if function.capabilities:
        data["capabilities"] = list(function.capabilities)
    if function.deprecated:
        data["deprecated"] = True
    if function.batching:
        data["batching"] = _batching_to_json(function.batching)
    data["params"] = node_to_json(function.params)
    data["returns"] = None if function.returns is None else node_to_json(function.returns)
    return data


def function_from_json(name: str, data: Mapping[str, Any]) -> Function:
    """Decode a function encoded by `function_to_json`."""
    params = node_from_json(data["params"])
    if not isinstance(params, Object):
        raise TypeError(f"{name}: the parameters of a function are an object")
    batching = data.get("batching")
    return Function(
        name=name,
        component=data["component"],
        label=data.get("access"),
        capabilities=tuple(data.get("capabilities", ())),
        deprecated=data.get("deprecated", False),
        params=params,
        returns=None if data["returns"] is None else node_from_json(data["returns"]),
        batching=None if batching is None else _batching_from_json(batching),
    )


def node_to_json(node: Node) -> dict[str, Any]:
    """Encode a tree."""
    match node:
        case Value():
            data: dict[str, Any] = {"type": node.type}
            if node.nullable:
                data["null"] = True
        case ListOf():
            data = {"item": node_to_json(node.item)}
        case Object():
            data = {"keys": {key: node_to_json(child) for key, child in node.keys.items()}}
    if node.presence == "optional":
        data["optional"] = True
    elif node.presence == "default":
        data["default"] = node.default
    return data


def node_from_json(data: Mapping[str, Any]) -> Node:
    """Decode a tree encoded by `node_to_json`."""
    presence: Presence = "required"
    if "default" in data:
        presence = "default"
    elif data.get("optional"):
        presence = "optional"
    default = data.get("default")
    if "keys" in data:
        keys = {key: node_from_json(child) for key, child in data["keys"].items()}
        return Object(keys, presence, default)
    if "item" in data:
        return ListOf(node_from_json(data["item"]), presence, default)
    return Value(data["type"], data.get("null", False), presence, default)


def _batching_to_json(batching: Batching) -> dict[str, Any]:
    data = {
        "items": list(batching.items),
        "on_item_error": batching.on_item_error,
        "repeat_is_harmless": batching.repeat_is_harmless,
        "size": batching.size,
        "warnings": list(batching.warnings),
        "harmless_codes": list(batching.harmless_codes),
        "errors_in": batching.errors_in,
        "expects": dict(batching.expects),
        "check_with": batching.check_with,
    }
    return {key: value for key, value in data.items() if value}


def _batching_from_json(data: Mapping[str, Any]) -> Batching:
    return Batching(
        items=tuple(data["items"]),
        on_item_error=data.get("on_item_error"),
        repeat_is_harmless=data.get("repeat_is_harmless", False),
        size=data.get("size"),
        warnings=tuple(data.get("warnings", ())),
        harmless_codes=tuple(data.get("harmless_codes", ())),
        errors_in=data.get("errors_in", ""),
        expects=data.get("expects", {}),
        check_with=data.get("check_with", ""),
    )
