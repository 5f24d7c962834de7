"""The secrets among a call's arguments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast
from urllib.parse import quote, unquote_plus

from moodle_mcp.redaction.names import (
    is_secret_name,
    is_value_of_pair,
    may_name_secret,
    names_of_pair,
)

_FORM: Final = re.compile(r"[^\s<>\"]+")
_PLAIN: Final = ' (){}[]":,'
"""What parts no fields of a form, and is easier to read as it is."""

_LONGEST_USUAL: Final = 64
"""Characters of a secret above which its place says how long it is: it may be no secret at all."""


class Hidden(str):
    """The text that stands for a secret; another text is never one of these."""

    __slots__ = ()


HIDDEN: Final = Hidden("(not shown)")


def without_secret_arguments(value: Any) -> Any:
    """The arguments, or a part of them, with a `Hidden` in the place of each secret.

    In texts of JSON and of forms too, whose other values stay whatever they are.
    """
    return _hidden(value, [])


def secret_texts(arguments: Any) -> tuple[str, ...]:
    """The texts of all secrets among the arguments, each once.

    One that the arguments say openly as well, as a user name that is the password too, is none:
    without it an answer would not name its items.
    """
    found: list[str] = []
    shown = _hidden(arguments, found)
    said = {text.casefold() for text in _texts(shown)}
    return tuple(dict.fromkeys(text for text in found if text.casefold() not in said))


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
                shown[key] = _in_place_of(child) if is_secret else _hidden(child, found)
                found.extend(_texts(child) if is_secret else ())
            return shown
        case list():
            return [_hidden(child, found) for child in cast("list[Any]", value)]
        case str() if ("=" in value or '"' in value) and may_name_secret(value):
            try:
                return _hidden_inside(value, found)
            except RecursionError:
                # No program of Moodle's reads JSON that is nested so deeply.
                return value
        case _:
            return value


def _in_place_of(secret: Any) -> Hidden:
    length = len(secret if isinstance(secret, str) else json.dumps(secret))
    return HIDDEN if length <= _LONGEST_USUAL else Hidden(f"(not shown: {length} characters)")


def _hidden_inside(text: str, found: list[str]) -> str:
    """A text without the secrets that stand in it as in JSON or in an encoded form, or in a text of
    JSON that is such a form.
    """
    inside: list[str] = []
    try:
        shown = _hidden(json.loads(text, object_pairs_hook=_every_pair), inside)
        told = json.dumps(shown, ensure_ascii=False)
    except ValueError:
        # Moodle's functions for forms take a form as a text.
        told = "&".join(_part(each, inside) for each in text.split("&")) if _is_form(text) else text
    found.extend(inside)
    return told if inside else text


def _is_form(text: str) -> bool:
    return _FORM.fullmatch(text) is not None


def _part(part: str, found: list[str]) -> str:
    """A part of a form, `name=value`, without secrets."""
    name, equals, value = part.partition("=")
    if not value:
        return part
    known = {unquote_plus(name): unquote_plus(value)}
    [shown] = _hidden(known, found).values()
    if shown in known.values():
        return part
    told = shown if isinstance(shown, Hidden) else quote(shown, safe=_PLAIN)
    return f"{name}{equals}{told}"


def _every_pair(pairs: list[tuple[str, Any]]) -> Any:
    """An object; of one that says a key twice all pairs, since who reads it may take either."""
    found = dict(pairs)
    return found if len(found) == len(pairs) else [{key: value} for key, value in pairs]


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
