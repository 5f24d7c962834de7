"""Parse forms and JSON and encode answers as PHP does."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, TypeAlias, cast
from urllib.parse import unquote_to_bytes
from xml.sax.saxutils import escape

Pair: TypeAlias = tuple[str, str]
Form: TypeAlias = dict[str, Any]
"""Nested arrays as in PHP: each is a dict with string keys, lists too.

From a form every value is a string; from JSON it may also be a number, a bool or None.
"""

_MAX_NESTING: Final = 64
_INT_LIMIT: Final = 2**63
_XML_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" ?>\n'


def split_pairs(text: bytes) -> list[Pair]:
    """Decode the fields of a query string or an urlencoded body, in order."""
    pairs: list[Pair] = []
    for field in text.split(b"&"):
        name, _, value = field.partition(b"=")
        if name:
            pairs.append((_decode(name), _decode(value)))
    return pairs


def parse_form(pairs: Iterable[Pair]) -> Form:
    """Build PHP's arrays from field names with brackets.

    A later field of the same name wins, even over an array; `a[]` takes the next free index.
    """
    form: Form = {}
    for name, value in pairs:
        path = _path(name)
        if path and len(path) <= _MAX_NESTING + 1:
            _put(form, path, value)
    return form


def parse_json(text: bytes | str) -> Any:
    """Parse JSON like PHP's json_decode; None if it is not JSON."""
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
        return _as_arrays(json.loads(decoded, parse_constant=_no_constant))
    except (ValueError, RecursionError):
        return None


def scalar_text(value: Any) -> str:
    """Format a scalar like PHP's cast to string."""
    match value:
        case None | False:
            return ""
        case True:
            return "1"
        case float():
            # PHP's default precision is 14 digits.
            mantissa, exponent, power = f"{value:.14G}".partition("E")
            point = "" if not exponent or "." in mantissa else ".0"
            return f"{mantissa}{point}{exponent}{power[:1]}{power[1:].lstrip('0')}"
        case _:
            return str(value)


def to_json(value: Any) -> str:
    """Encode JSON like PHP's json_encode: an empty object is `[]`, `/` and non-ASCII escaped."""
    return json.dumps(_as_php(value), separators=(",", ":")).replace("/", "\\/")


def to_xml(value: Any) -> str:
    """Encode an answer of the REST protocol without `moodlewsrestformat`."""
    return f"{_XML_HEAD}<RESPONSE>\n{_xml(value)}</RESPONSE>\n"


def xml_exception(exception: str, errorcode: str, message: str, debuginfo: str | None) -> str:
    """Encode an exception of the REST protocol without `moodlewsrestformat`."""
    debug = "" if debuginfo is None else f"<DEBUGINFO>{escape(debuginfo)}</DEBUGINFO>\n"
    return (
        f'{_XML_HEAD}<EXCEPTION class="{escape(exception)}">\n'
        f"<ERRORCODE>{escape(errorcode)}</ERRORCODE>\n"
        f"<MESSAGE>{escape(message)}</MESSAGE>\n{debug}</EXCEPTION>\n"
    )


def _decode(text: bytes) -> str:
    return unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8", "replace")


def _path(name: str) -> list[str | None]:
    """Split a field's name into keys; None stands for the next free index."""
    name = name.partition("\0")[0].lstrip(" ")
    head, bracket, rest = name.partition("[")
    head = _mangled(head)
    if not head:
        return []
    path: list[str | None] = [head]
    while bracket:
        key, closing, rest = rest.partition("]")
        if not closing:
            # PHP treats an unclosed first bracket as part of the name, and ignores a later one.
            return [_mangled(name)] if len(path) == 1 else path
        path.append(None if len(key) <= 1 and not key.strip() else key)
        bracket, rest = rest[:1] if rest.startswith("[") else "", rest[1:]
    return path


def _mangled(name: str) -> str:
    return name.translate({ord(character): "_" for character in " .["})


def _put(form: Form, path: list[str | None], value: str) -> None:
    *parents, last = path
    here = form
    for key in parents:
        name = _next_index(here) if key is None else key
        child = here.get(name)
        if not isinstance(child, dict):
            child = here[name] = {}
        here = cast("Form", child)
    here[_next_index(here) if last is None else last] = value


def _next_index(array: Form) -> str:
    taken = [int(key) for key in array if key.isascii() and key.isdigit()]
    return str(max(taken, default=-1) + 1)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _as_arrays(value: Any) -> Any:
    match value:
        case dict():
            items = cast("dict[str, Any]", value).items()
            return {key: _as_arrays(child) for key, child in items}
        case list():
            children = enumerate(cast("list[Any]", value))
            return {str(index): _as_arrays(child) for index, child in children}
        case int() if not -_INT_LIMIT <= value < _INT_LIMIT:
            return float(value)
        case _:
            return value


def _as_php(value: Any) -> Any:
    match value:
        case dict():
            items = cast("dict[str, Any]", value)
            return {key: _as_php(child) for key, child in items.items()} or []
        case list() | tuple():
            return [_as_php(child) for child in cast("list[Any]", value)]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def _xml(value: Any) -> str:
    match value:
        case None:
            return '<VALUE null="null"/>\n'
        case dict():
            items = cast("dict[str, Any]", value).items()
            keys = (f'<KEY name="{key}">{_xml(child)}</KEY>\n' for key, child in items)
            return f"<SINGLE>\n{''.join(keys)}</SINGLE>\n"
        case list() | tuple():
            children = cast("list[Any]", value)
            return f"<MULTIPLE>\n{''.join(map(_xml, children))}</MULTIPLE>\n"
        case bool():
            return f"<VALUE>{int(value)}</VALUE>\n"
        case _:
            return f"<VALUE>{escape(str(value))}</VALUE>\n"
