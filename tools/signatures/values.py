"""PHP's values.

An array is a dict in PHP's order. `Unknown` is a value that can't be read, such as a text in the
user's language; it only matters where it decides a type or a structure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Php: TypeAlias = Any


class Array(dict[Any, Any]):
    """An array."""


class UnreadableError(Exception):
    """Something that reading can't tell; the message says what."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that reading can't tell."""

    what: str


@dataclass(eq=False, slots=True)
class Instance:
    """An object: the full name of its class in lower case, and its properties."""

    of: str
    properties: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Function:
    """A closure."""

    call: Callable[..., Php]


def known(value: Php) -> Php:
    """Return a value that must be readable.

    Raises:
        UnreadableError: it is not.
    """
    if isinstance(value, Unknown):
        raise UnreadableError(value.what)
    return value


def truth(value: Php) -> bool:
    """Return a value as a condition."""
    known(value)
    return value not in ("", "0", 0, 0.0, None, False) and value != {}


def array(values: Iterable[Php]) -> Array:
    """Return a list as PHP's array."""
    return Array(enumerate(values))


def append(into: Array, value: Php) -> None:
    """Add a value under the next free number."""
    numbers = [key for key in into if isinstance(key, int)]
    into[max(numbers, default=-1) + 1] = value


def key_of(key: Php) -> Php:
    """Return a key as PHP stores it: a text of digits is a number."""
    key = known(key)
    if isinstance(key, str) and key.lstrip("-").isdigit() and str(int(key)) == key:
        return int(key)
    if isinstance(key, bool | float):
        return int(key)
    return "" if key is None else key
