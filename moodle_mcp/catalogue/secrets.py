"""Taking out of an answer what nobody but the site should have."""

from __future__ import annotations

import json
import re
from typing import Any, Final, cast

REMOVED: Final = "(removed)"
MAX_DEPTH: Final = 100
"""Levels of an answer below which it is given as JSON text: MCP's own library ends at 255."""

SECRET_KEYS: Final = frozenset(
    {
        "userprivateaccesskey",
        "privatetoken",
        "enrolmentkey",
        "password",
        "newpassword",
        "quizpassword",
        "token",
    }
)
"""Keys of arguments and answers whose values are shown to nobody."""

_KEYS: Final = SECRET_KEYS - {"token"}
"""Keys that ordinary reads answer with: site info, groups, quizzes and lessons."""

_SECRET_KEY: Final = re.compile(
    "passw|passphrase|secret|token|(?:access|private|enrolment|api|service|license)_?key",
    re.IGNORECASE,
)

_PLAIN: Final = (int, float, type(None))

# As it stands in an address, in HTML, in a text of JSON and in an address inside another.
_IN_ADDRESS: Final = re.compile(
    r"((?:[?&]|&amp;|&#38;|\\u0026|%26|%3F)(?:ws|auth)?token(?:=|%3D)|tokenpluginfile\.php\\?/)"
    r"[0-9A-Za-z]{8,}",
    re.IGNORECASE,
)

# In an answer that is a text of JSON (seen in tool_mobile_call_external_functions), and in one
# inside another, where every quote has a backslash before it.
_NAMES: Final = "|".join(sorted(_KEYS))
_IN_JSON: Final = re.compile(
    rf'("(?:{_NAMES})"\s*:\s*)(?:"(?:[^"\\]|\\.)+"|-?[0-9][0-9.eE+-]*)', re.DOTALL
)
_IN_JSON_IN_JSON: Final = re.compile(
    rf'(\\"(?:{_NAMES})\\"\s*:\s*)(?:\\"(?:[^"\\]|\\\\(?:\\.|[^\\]))+\\"|-?[0-9][0-9.eE+-]*)',
    re.DOTALL,
)


def is_secret_key(key: str) -> bool:
    """Whether a value under this key may be a secret, so that no error shows it."""
    return _SECRET_KEY.search(key) is not None


def without_secrets(value: Any, depth: int = 0) -> Any:
    """The value without passwords, keys and the tokens in addresses."""
    match value:
        case str():
            return _in_text(value)
        case dict() | list() if depth >= MAX_DEPTH:
            return _in_text(_as_json(value))
        case dict():
            return {
                key: _under(key, child, depth + 1)
                if key in _KEYS or not isinstance(child, _PLAIN)
                else child
                for key, child in cast("dict[str, Any]", value).items()
            }
        case list():
            return [without_secrets(child, depth + 1) for child in cast("list[Any]", value)]
        case _:
            return value


def _under(key: str, value: Any, depth: int) -> Any:
    if key in _KEYS:
        return REMOVED if value and value is not True else value
    return without_secrets(value, depth)


def _in_text(text: str) -> str:
    if '"' in text and ":" in text:
        text = _IN_JSON.sub(rf'\1"{REMOVED}"', text)
        text = _IN_JSON_IN_JSON.sub(rf'\1\\"{REMOVED}\\"', text)
    return _IN_ADDRESS.sub(rf"\1{REMOVED}", text) if "token" in text.lower() else text


def _as_json(value: Any) -> str:
    try:
        return json.dumps(value)
    except RecursionError:
        return "(nested too deeply to be shown)"
