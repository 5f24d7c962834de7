"""A function's arguments as the bodies that Moodle's protocols read: form fields, or JSON.

PHP puts nested values together from brackets in the names of form fields:
`users[0][email]=a@b.example`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias, cast
from urllib.parse import quote_plus, urlencode

Field: TypeAlias = tuple[str, str]

_SAFE: Final = "[]"
"""Brackets stay as they are: PHP reads them so, and names of fields are full of them."""


def form_body(fields: Iterable[Field]) -> bytes:
    """Form fields as a body."""
    return urlencode([*fields], safe=_SAFE).encode()


def form_size(fields: Iterable[Field]) -> int:
    """The bytes of form fields in a body, with what parts them from those before."""
    return sum(
        len(quote_plus(name, _SAFE)) + len(quote_plus(value, _SAFE)) + 2 for name, value in fields
    )


def form_fields(arguments: Mapping[str, Any]) -> Iterator[Field]:
    """The form fields of checked arguments, in order; null is never sent, only left out."""
    for name, value in arguments.items():
        yield from _fields(name, value)


def json_body(value: Any) -> bytes:
    """A value as JSON text in UTF-8, without spaces.

    Nothing but a whole and valid text may be sent: what PHP can't read as JSON counts as no
    arguments at all, without a word (observed with webservice_restful on 4.5.6).
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode()


def _fields(name: str, value: Any) -> Iterator[Field]:
    match value:
        case None:
            return
        case bool():
            # Moodle takes 1 and 0 only: "true" and the empty string are refused.
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
