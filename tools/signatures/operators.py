"""PHP's operators."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Final

from tools.signatures.values import Array, Php, Unknown


def _sum(first: Php, second: Php) -> Php:
    if not isinstance(first, Array):
        return first + second
    more = {key: value for key, value in second.items() if key not in first}
    return Array({**first, **more})


def _joined(first: Php, second: Php) -> Php:
    return as_text(first) + as_text(second)


def _either(first: Php, second: Php) -> Php:
    return first | second


def _both(first: Php, second: Php) -> Php:
    return first & second


_OPERATORS: Final[Mapping[str, Callable[[Php, Php], Php]]] = {
    ".": _joined,
    "+": _sum,
    "-": operator.sub,
    "*": operator.mul,
    "%": operator.mod,
    "|": _either,
    "&": _both,
    "==": operator.eq,
    "===": operator.eq,
    "!=": operator.ne,
    "!==": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def operated(sign: str, first: Php, second: Php) -> Php:
    """Return what an operator makes of two values."""
    for each in (first, second):
        if isinstance(each, Unknown):
            return each
    return _OPERATORS[sign](first, second) if sign in _OPERATORS else Unknown(sign)


def as_text(value: Php) -> str:
    """Return a value as PHP writes it into a text."""
    if isinstance(value, bool):
        return "1" if value else ""
    return "" if value is None else str(value)
