"""A function's arguments as the form fields that Moodle's REST protocol reads.

PHP puts nested values together from brackets in the names: `users[0][email]=a@b.example`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast
from urllib.parse import quote_plus, urlencode

Field: TypeAlias = tuple[str, str]

TOKEN_FIELDS: Final = 1
"""The site adds one field to each request: the token, which nothing else holds."""

_SAFE: Final = "[]"
"""Brackets stay as they are: PHP reads them so, and names of fields are full of them."""

TOKEN_BYTES: Final = len("wstoken=&") + 32
"""What that field adds to a body, in bytes; Moodle's tokens have 32 characters."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request to a function, complete but for the token."""

    function: str
    body: bytes
    fields: int

    @property
    def sent_fields(self) -> int:
        """How many form fields arrive at PHP, the token's included."""
        return self.fields + TOKEN_FIELDS

    @property
    def sent_bytes(self) -> int:
        """How many bytes the body has, the token's field included."""
        return len(self.body) + TOKEN_BYTES


def encode(function: str, arguments: Mapping[str, Any]) -> Request:
    """The request that calls a function with checked arguments."""
    fields = [("wsfunction", function), *form_fields(arguments)]
    return Request(function, urlencode(fields, safe=_SAFE).encode("ascii"), len(fields))


def encoded_size(fields: Iterable[Field]) -> int:
    """The bytes of form fields as `encode` writes them, with what parts them from those before."""
    return sum(
        len(quote_plus(name, _SAFE)) + len(quote_plus(value, _SAFE)) + 2 for name, value in fields
    )


def form_fields(arguments: Mapping[str, Any]) -> Iterator[Field]:
    """The form fields of checked arguments, in order; null is never sent, only left out."""
    for name, value in arguments.items():
        yield from _fields(name, value)


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
