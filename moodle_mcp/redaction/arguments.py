"""The secrets among a call's arguments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast
from urllib.parse import parse_qsl

from moodle_mcp.redaction.known import Secrets
from moodle_mcp.redaction.names import (
    is_secret_name,
    is_value_of_pair,
    may_name_secret,
    names_of_pair,
)

_FORM: Final = re.compile(r"[^\s<>\"]+")


class Hidden(str):
    """The text that stands for a secret; another text is never one of these."""

    __slots__ = ()


HIDDEN: Final = Hidden("(not shown)")


def without_secret_arguments(value: Any) -> Any:
    """The arguments, or a part of them, with `HIDDEN` in the place of each secret."""
    return _hidden(value, [])


def secret_texts(arguments: Any) -> tuple[str, ...]:
    """The texts of all secrets among the arguments, each once."""
    found: list[str] = []
    _hidden(arguments, found)
    return tuple(dict.fromkeys(found))


def is_secret_at(arguments: Any, path: tuple[str | int, ...]) -> bool:
    """Whether the part of the arguments that a path leads to is a secret, or a part of one."""
    value = arguments
    for step in path:
        match step, value:
            case str(), dict():
                siblings = cast("dict[str, Any]", value)
                if _is_secret(step, siblings):
                    return True
                value = siblings.get(step)
            case int(), list():
                value = cast("list[Any]", value)[step]
            case _:
                return False
    return False


def _is_secret(key: str, siblings: Mapping[str, Any]) -> bool:
    return is_secret_name(key) or (
        is_value_of_pair(key) and any(map(is_secret_name, names_of_pair(siblings)))
    )


def _hidden(value: Any, found: list[str]) -> Any:
    """The value with its secrets hidden, whose texts are added to those that were found."""
    match value:
        case dict():
            pairs = cast("dict[str, Any]", value)
            shown: dict[str, Any] = {}
            for key, child in pairs.items():
                is_secret = _is_secret(key, pairs)
                shown[key] = HIDDEN if is_secret else _hidden(child, found)
                found.extend(_texts(child) if is_secret else ())
            return shown
        case list():
            return [_hidden(child, found) for child in cast("list[Any]", value)]
        case str() if ("=" in value or '"' in value) and may_name_secret(value):
            inside: list[str] = []
            _hidden(_structure(value), inside)
            found.extend(inside)
            return Secrets(arguments=inside).sentence(value) if inside else value
        case _:
            return value


def _structure(text: str) -> Any:
    """What a text of JSON or of an encoded form holds, or a text of JSON that is such a form."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        # Moodle's functions for forms take a form as a text.
        return [{name: value} for name, value in parse_qsl(text)] if _FORM.fullmatch(text) else None


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case bool() | None:
            pass
        case int() | float():
            yield str(value)
        case dict():
            for child in cast("dict[str, Any]", value).values():
                yield from _texts(child)
        case list():
            for child in cast("list[Any]", value):
                yield from _texts(child)
        case _:
            pass
