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
"""Characters that do not separate the fields of a form, and are more readable unencoded."""

_LONGEST_USUAL: Final = 64
"""Above so many characters the placeholder says the length: it may not be a secret at all."""


class Hidden(str):
    """The placeholder for a secret; a type of its own, so that no other text is taken for one."""

    __slots__ = ()


HIDDEN: Final = Hidden("(not shown)")


def without_secret_arguments(value: Any) -> Any:
    """Replace each secret in the arguments, or a part of them, by a `Hidden`.

    This includes secrets in JSON texts and in URL-encoded forms, whose other values stay.
    """
    return _hidden(value, [])


def secret_texts(arguments: Any) -> tuple[str, ...]:
    """The texts of all secrets among the arguments, each once.

    A text that is also an open argument, such as a password equal to the user name, is left out:
    without it an answer could not name its items.
    """
    found: list[str] = []
    shown = _hidden(arguments, found)
    said = {text.casefold() for text in _texts(shown)}
    return tuple(dict.fromkeys(text for text in found if text.casefold() not in said))


def is_secret_at(arguments: Any, path: tuple[str | int, ...]) -> bool:
    """Whether the part of the arguments at a path is a secret, or a part of one."""
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
    """The value with its secrets hidden; their texts are appended to `found`."""
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
                # Moodle does not read JSON that is nested so deeply.
                return value
        case _:
            return value


def _in_place_of(secret: Any) -> Hidden:
    length = len(secret if isinstance(secret, str) else json.dumps(secret))
    return HIDDEN if length <= _LONGEST_USUAL else Hidden(f"(not shown: {length} characters)")


def _hidden_inside(text: str, found: list[str]) -> str:
    """Hide the secrets in a text that is JSON or a URL-encoded form, or a form inside JSON."""
    inside: list[str] = []
    try:
        shown = _hidden(json.loads(text, object_pairs_hook=_every_pair), inside)
        encoded = json.dumps(shown, ensure_ascii=False)
    except ValueError:
        # Some of Moodle's functions take a URL-encoded form as a string.
        encoded = (
            "&".join(_part(each, inside) for each in text.split("&")) if _is_form(text) else text
        )
    found.extend(inside)
    return encoded if inside else text


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
    encoded = shown if isinstance(shown, Hidden) else quote(shown, safe=_PLAIN)
    return f"{name}{equals}{encoded}"


def _every_pair(pairs: list[tuple[str, Any]]) -> Any:
    """A JSON object; as all its pairs if it repeats a key, because a reader may take either."""
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
