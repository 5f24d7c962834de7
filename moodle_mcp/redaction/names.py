"""Which names stand for a secret: one rule on the name, and what it is wrong about.

It decides of the keys of arguments and answers, of the names in pairs such as
`{"name": "newemailkey", "value": ...}`, and of the parameters in addresses.
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
"""One of these is in every name of a secret, in lower case."""

_PASSWORD: Final = re.compile(
    "passw|passphrase|passcode|pwd|privatetoken|privateaccesskey|enrol(?:ment)?key"
)
"""Names of secrets that no function answers, not even one that is there to hand out keys."""

_OTHER: Final = re.compile("secret|token|credential|salt$|chatsid$|key$")

_NO_SECRET: Final = re.compile(
    # Settings about passwords and tokens, and what is said of them.
    "(?:policy|url|required|length|time|count|limit|expiry|tokens)$"
    "|^(?:auth)?forcepasswordchange$|^(?:use|create|has|require)password$"
    # Keys that are public, or are no keys to anything.
    "|(?:public|icon|preference|sort|string|lang|cache|primary|foreign|hot|shortcut)key$"
    "|^key$|(?:mon|don|tur|hoc|joc|whis)key$"
)

_SQUEEZED: Final = re.compile(r"[\W_]+")
_MAX_NAME: Final = 100

PAIR_NAMES: Final = ("name", "key", "type", "preference", "shortname", "field", "element", "item")
"""Keys under which a pair names its value."""


def is_secret_name(name: str) -> bool:
    """Whether what stands under this name is a secret, however it is spelt: `reg_password`."""
    squeezed = _squeezed(name)
    found = _PASSWORD.search(squeezed) or _OTHER.search(squeezed)
    return found is not None and _NO_SECRET.search(squeezed) is None


def is_password_name(name: str) -> bool:
    """Whether it is a secret that no function answers."""
    return is_secret_name(name) and _PASSWORD.search(_squeezed(name)) is not None


def may_name_secret(text: str) -> bool:
    """Whether the name of a secret may be somewhere in a text."""
    lower = text.lower()
    return any(stem in lower for stem in STEMS)


def names_of_pair(pair: Mapping[str, Any]) -> list[str]:
    """The names that a pair gives its values; none for what is no pair."""
    if not any("value" in key for key in pair):
        return []
    return [name for key in PAIR_NAMES if isinstance(name := pair.get(key), str)]


def is_value_of_pair(key: str) -> bool:
    """Whether a pair's secret stands under this key: `value`, `valueraw`, `displayvalue`."""
    return "value" in key


def _squeezed(name: str) -> str:
    return _SQUEEZED.sub("", name).lower() if len(name) <= _MAX_NAME else ""
