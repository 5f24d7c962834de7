"""Encode a function's arguments for Moodle's protocols: as form fields or JSON.

PHP builds nested values from brackets in field names: `users[0][email]=a@b.example`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias, cast
from urllib.parse import quote_plus, urlencode

Field: TypeAlias = tuple[str, str]

_SAFE: Final = "[]"
"""Brackets are not percent-encoded: PHP accepts them, and field names are full of them."""


def form_body(fields: Iterable[Field]) -> bytes:
    """Encode form fields as a body."""
    return urlencode([*fields], safe=_SAFE).encode()


def form_size(fields: Iterable[Field]) -> int:
    """Return the bytes that form fields take in a body, including the leading separator."""
    return sum(
        len(quote_plus(name, _SAFE)) + len(quote_plus(value, _SAFE)) + 2 for name, value in fields
    )


def form_fields(arguments: Mapping[str, Any]) -> Iterator[Field]:
    """Yield the form fields of checked arguments, in order; nulls are left out, never sent."""
    for name, value in arguments.items():
        yield from _fields(name, value)


def json_body(value: Any) -> bytes:
    """Encode a value as compact JSON in UTF-8.

    The JSON must be complete and valid: PHP silently treats JSON that it can't read as no
    arguments at all (observed with webservice_restful on 4.5.6).
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode()


def _fields(name: str, value: Any) -> Iterator[Field]:
    match value:
        case None:
            return
        case bool():
            # Moodle accepts only 1 and 0: it refuses "true" and the empty string.
            yield name, "1" if value else "0"
        case str():
            yield name, value
        case dict():
            for key, child in cast("dict[str, Any]", value).items():
                yield from _fields(f"{name}[{key}]", child)
        case list():
            for index, child in enumerate(cast("list[Any]", value)):
                yield from _fields(f"{name}[{index}]", child)
        case int():
            yield name, str(value)
        case _:
            yield name, json.dumps(value, allow_nan=False)
