"""Removes secrets from whole values, by their names and by their known texts."""

from __future__ import annotations

import json
import re
from typing import Any, Final, cast

from moodle_mcp.jsontree import map_strings
from moodle_mcp.redaction.known import NONE, REMOVED, Secrets
from moodle_mcp.redaction.names import (
    STEMS,
    is_password_name,
    is_secret_name,
    is_value_of_pair,
    may_name_secret,
    names_of_pair,
)

MAX_DEPTH: Final = 100
"""Deeper levels of a value are given as JSON text: the MCP SDK fails at 255."""

_SENTENCES: Final = frozenset({"message", "error", "errormessage", "warningmessage"})
"""Keys of texts in which a site may repeat what it was sent."""

_NAME: Final = r"[\w.:-]{0,60}(?:" + "|".join(STEMS) + r")[\w.:-]{0,60}"

# As in a URL, in HTML, in JSON text, and in a URL inside another.
_IN_ADDRESS: Final = re.compile(
    rf"(?:(?P<mark>[?&#]|&amp;|&#38;|\\u0026)(?P<name>{_NAME})=(?P<value>[^&#\"'<>\s\\]{{4,}})"
    rf"|(?P<coded>%26|%3F)(?P<inner>{_NAME})%3D(?P<secret>[0-9A-Za-z_.~+-]{{4,}}))",
    re.IGNORECASE,
)
# Moodle's URLs of files that need no login, and of feeds, have the user's key in the path.
_IN_PATH: Final = re.compile(
    r"(tokenpluginfile\.php\\?/|rss\\?/file\.php\\?/[0-9]+\\?/)[0-9A-Za-z]{8,}", re.IGNORECASE
)
_IN_JSON: Final = re.compile(
    rf'(?P<quote>\\{{0,8}}"|&quot;|&#34;)(?P<name>{_NAME})(?P=quote)(?P<colon>\s*:\s*)'
    r"(?:(?P=quote)(?:.+?)(?:(?<!\\)(?P=quote)|\Z)|-?[0-9][0-9.eE+-]*)",
    re.IGNORECASE | re.DOTALL,
)
_INPUT: Final = re.compile(r"<input\b[^<>]*>", re.IGNORECASE)
_INPUT_NAME: Final = re.compile(r"""\sname\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)
_INPUT_VALUE: Final = re.compile(
    r"""(\svalue\s*=\s*)(?:"[^"]+"|'[^']+'|[^"'\s>]+)""", re.IGNORECASE
)
_SHORTEST: Final = len('"key":1')
"""Fewest characters of a text with a secret beside its name."""

_ENDPOINT: Final = re.compile(r"https?://[^\s?#]+")


def without_secrets(value: Any, known: Secrets = NONE, *, hands_out_keys: bool = False) -> Any:
    """Remove passwords, keys, tokens in URLs, and the known secrets.

    If the function `hands_out_keys`, keys and tokens that are not known stay, but passwords do not.
    Booleans, nulls, zeros and empty texts stay: they say whether there is a secret.
    """
    walk = _Walk(known, hands_out_keys=hands_out_keys)
    clean = walk.value(value, 0)
    return map_strings(known.text, clean) if known.are_in(walk.long) else clean


class _Walk:
    """Walks through one value; `depth` counts the levels above a part of it."""

    def __init__(self, known: Secrets, *, hands_out_keys: bool) -> None:
        self._known = known
        self._hands_out_keys = hands_out_keys
        self._is_secret = is_password_name if hands_out_keys else is_secret_name
        self._shortest = min(_SHORTEST, known.shortest)
        self._decided: dict[str, tuple[bool, bool]] = {}
        self.long: list[str] = []
        """The texts that are long enough for a known secret."""

    def value(self, value: Any, depth: int) -> Any:
        """A part of the value without secrets."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict | list):
            if depth >= MAX_DEPTH:
                return self._as_text(value)
            if isinstance(value, dict):
                return self._object(cast("dict[str, Any]", value), depth + 1)
            return [self.value(child, depth + 1) for child in cast("list[Any]", value)]
        numbers = self._known.numbers
        return REMOVED if numbers and isinstance(value, int) and str(value) in numbers else value

    def _object(self, value: dict[str, Any], depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, child in value.items():
            is_secret, is_value = self._decided.get(key) or self._decide(key)
            if is_value and not is_secret:
                is_secret = any(map(self._is_secret, names_of_pair(value)))
            if is_secret:
                found[key] = self._under(key, child, depth)
            elif isinstance(child, str):
                if len(child) >= self._shortest:
                    child = self._text(child)
                found[key] = self._known.sentence(child) if key in _SENTENCES else child
            elif isinstance(child, dict | list) or self._known.numbers:
                found[key] = self.value(child, depth)
            else:
                found[key] = child
        return found

    def _decide(self, key: str) -> tuple[bool, bool]:
        if len(key) >= self._known.shortest:
            self.long.append(key)
        decided = self._decided[key] = self._is_secret(key), is_value_of_pair(key)
        return decided

    def _under(self, key: str, value: Any, depth: int) -> Any:
        if not value or value is True:
            return value
        if isinstance(value, str) and not is_password_name(key) and _ENDPOINT.fullmatch(value):
            # LTI's URL where tokens are made is not a token itself.
            return self.value(value, depth)
        return REMOVED

    def _as_text(self, value: Any) -> str:
        try:
            return json.dumps(self.value(value, _UNCOUNTED))
        except RecursionError:
            return "(nested too deeply to be shown)"

    def _text(self, text: str) -> str:
        if ('"' in text or "=" in text or "%3" in text or "&" in text) and may_name_secret(text):
            text = self._json(text) or self._named(text)
        if "tokenpluginfile" in text or "/file.php" in text:
            text = _IN_PATH.sub(rf"\1{REMOVED}", text)
        if len(text) >= self._known.shortest:
            self.long.append(text)
        return text

    def _json(self, text: str) -> str | None:
        """JSON text without secrets, formatted as before; None if it is not JSON."""
        if not text.lstrip().startswith(("{", "[")):
            return None
        try:
            value = json.loads(text)
            clean = self.value(value, _UNCOUNTED)
            if clean == value:
                return text
            compact = None if '": ' in text else (",", ":")
            return json.dumps(clean, ensure_ascii=text.isascii(), separators=compact)
        except (ValueError, RecursionError):
            return None

    def _named(self, text: str) -> str:
        """A text without the values of secrets' names in it."""
        text = _IN_JSON.sub(self._of_json, text)
        text = _IN_ADDRESS.sub(self._of_address, text)
        return _INPUT.sub(self._of_input, text) if "<" in text else text

    def _of_json(self, found: re.Match[str]) -> str:
        quote, name = found["quote"], found["name"]
        if not self._is_secret(name):
            return found[0]
        return f"{quote}{name}{quote}{found['colon']}{quote}{REMOVED}{quote}"

    def _of_address(self, found: re.Match[str]) -> str:
        name = found["name"] or found["inner"]
        # A function hands out a key as a value of its answer, not inside a URL.
        if not self._is_secret(name) and not (is_secret_name(name) and "token" in name.lower()):
            return found[0]
        if found["coded"]:
            return f"{found['coded']}{name}%3D{REMOVED}"
        return f"{found['mark']}{name}={REMOVED}"

    def _of_input(self, found: re.Match[str]) -> str:
        """A field of a form in HTML, whose value stands beside its name."""
        name = _INPUT_NAME.search(found[0])
        if name is None or not self._is_secret(name[1]):
            return found[0]
        return _INPUT_VALUE.sub(rf'\1"{REMOVED}"', found[0])


_UNCOUNTED: Final = -(10**9)
"""The depth of what becomes JSON text anyway: its levels are not limited."""
