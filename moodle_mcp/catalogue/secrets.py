"""Taking out of an answer what nobody but the site should have."""

from __future__ import annotations

import json
import re
from typing import Any, Final, cast

REMOVED: Final = "(removed)"
MAX_DEPTH: Final = 100
"""Levels of an answer below which it is given as JSON text: MCP's own library ends at 255."""

_KEYS: Final = frozenset(
    {"userprivateaccesskey", "privatetoken", "enrolmentkey", "password", "quizpassword"}
)
"""Keys that ordinary reads answer with: site info, groups, quizzes and lessons."""

_PLAIN: Final = (int, float, type(None))

_IN_ADDRESS = re.compile(r"([?&](?:ws)?token=|tokenpluginfile\.php/)[0-9A-Za-z]{8,}")


_IN_JSON = re.compile(rf'(\\?"(?:{"|".join(sorted(_KEYS))})\\?"\s*:\s*\\?")[^"\\]+')
"""In an answer that is a text of JSON (seen in tool_mobile_call_external_functions)."""


def without_secrets(value: Any, depth: int = 0) -> Any:
    """The value without passwords, keys and the tokens in addresses."""
    match value:
        case str():
            return _without_tokens(value)
        case dict() | list() if depth >= MAX_DEPTH:
            return json.dumps(value)
        case dict():
            items = cast("dict[str, Any]", value).items()
            return {
                key: child if isinstance(child, _PLAIN) else _under(key, child, depth + 1)
                for key, child in items
            }
        case list():
            return [without_secrets(child, depth + 1) for child in cast("list[Any]", value)]
        case _:
            return value


def _under(key: str, value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return REMOVED if value and key in _KEYS else _without_tokens(value)
    return without_secrets(value, depth)


def _without_tokens(text: str) -> str:
    if '"' in text and ":" in text:
        text = _IN_JSON.sub(rf"\1{REMOVED}", text)
    return _IN_ADDRESS.sub(rf"\1{REMOVED}", text) if "token" in text else text
