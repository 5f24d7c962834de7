"""Decides by its name whether a value is a secret: patterns, and exceptions to them.

The names are keys of arguments and answers, names in pairs such as `{"name": "newemailkey",
"value": ...}`, and parameters of URLs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

STEMS: Final = (
    "passw",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "token",
    "credential",
    "salt",
    "chatsid",
    "key",
)
"""Every name of a secret contains one of these, in lower case."""

_PASSWORD: Final = re.compile(
    "passw|passphrase|passcode|pwd|privatetoken|privateaccesskey|enrol(?:ment)?key"
)
"""Names of secrets that no function may return, not even one that hands out keys."""

_SECRET: Final = re.compile(rf"{_PASSWORD.pattern}|secret|token|credential|salt$|chatsid$|key$")

_NO_SECRET: Final = re.compile(
    # Settings and facts about passwords and tokens.
    "(?:policy|url|required|length|time|count|limit|expiry|tokens)$"
    "|^(?:auth)?forcepasswordchange$|^(?:use|create|has|require)password$"
    # Keys that are public, or that give no access.
    "|(?:public|icon|preference|sort|string|lang|cache|primary|foreign|hot|shortcut)key$"
    "|^key$|(?:mon|don|tur|hoc|joc|whis)key$"
)

_SQUEEZED: Final = re.compile(r"[\W_]+")
_MAX_NAME: Final = 100

PAIR_NAMES: Final = ("name", "key", "type", "preference", "shortname", "field", "element", "item")
"""Keys that hold the name in a name-value pair."""


def is_secret_name(name: str) -> bool:
    """Whether a value with this name is a secret, however it is spelt: `reg_password`."""
    squeezed = _squeezed(name)
    return _SECRET.search(squeezed) is not None and _NO_SECRET.search(squeezed) is None


def is_password_name(name: str) -> bool:
    """Whether it is a secret that no function may return."""
    return is_secret_name(name) and _PASSWORD.search(_squeezed(name)) is not None


def may_name_secret(text: str) -> bool:
    """Whether a text may contain the name of a secret."""
    lower = text.lower()
    return any(stem in lower for stem in STEMS)


def names_of_pair(pair: Mapping[str, Any]) -> list[str]:
    """The names in a name-value pair; none if it is not a pair."""
    if not any("value" in key for key in pair):
        return []
    return [name for key in PAIR_NAMES if isinstance(name := pair.get(key), str)]


def is_value_of_pair(key: str) -> bool:
    """Whether this key holds the value of a pair: `value`, `valueraw`, `displayvalue`."""
    return "value" in key


def _squeezed(name: str) -> str:
    if len(name) > _MAX_NAME:
        return ""
    return (name if name.isalnum() else _SQUEEZED.sub("", name)).lower()
