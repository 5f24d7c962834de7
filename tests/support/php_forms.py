"""How PHP reads a form."""

from __future__ import annotations

import json
from typing import Any, cast
from urllib.parse import unquote_to_bytes


def php(body: bytes) -> dict[str, Any]:
    """Decode a form as PHP does: brackets become arrays, here dicts by their keys."""
    fields: dict[str, Any] = {}
    for pair in body.split(b"&"):
        name, _, value = pair.replace(b"+", b" ").partition(b"=")
        first, *keys = _steps(unquote_to_bytes(name).decode("utf-8"))
        place, key = fields, first
        for step in keys:
            place, key = place.setdefault(key, {}), step
        place[key] = unquote_to_bytes(value).decode("utf-8")
    return fields


def _steps(name: str) -> list[str]:
    first, bracket, rest = name.partition("[")
    if not bracket:
        return [first]
    assert rest.endswith("]")
    return [first, *rest[:-1].split("][")]


def as_php(value: Any) -> Any:
    """Return what PHP should decode: arrays as dicts, scalars as text, None for no field."""
    match value:
        case None:
            return None
        case bool():
            return "1" if value else "0"
        case int() | float():
            return json.dumps(value)
        case str():
            return value
        case list():
            pairs = enumerate(cast("list[Any]", value))
            return _array({str(index): item for index, item in pairs})
        case _:
            return _array(cast("dict[str, Any]", value))


def _array(value: dict[str, Any]) -> dict[str, Any] | None:
    items = {key: as_php(child) for key, child in value.items()}
    return {key: child for key, child in items.items() if child is not None} or None
