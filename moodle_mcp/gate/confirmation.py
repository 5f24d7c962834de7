"""Ways of confirming a destructive call, and single-use permissions for one exact call."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final

LIFETIME: Final = 300.0
"""Seconds that a permission can be used."""

_MAX_KEPT: Final = 200


class Confirm(Enum):
    """How destructive calls are confirmed.

    `ASK` asks the person through the client, and gives a plan with a token where the client can't
    ask; `TOKEN` always does the latter; `HOST` leaves it to the client's own approval prompt.
    """

    ASK = "ask"
    TOKEN = "token"  # noqa: S105 - the name of a way, not a secret
    HOST = "host"
    NEVER = "never"


class Permissions:
    """Permissions that were asked for and not yet used.

    Each is for one function with exactly these arguments. Using it, or trying to use it for
    anything else, ends it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def ask(self, function: str, arguments: Mapping[str, Any]) -> str:
        """A new token for a call; the oldest unused ones make room."""
        token = secrets.token_urlsafe(18)
        self._kept[token] = fingerprint(function, arguments), self._clock() + LIFETIME
        while len(self._kept) > _MAX_KEPT:
            self._kept.popitem(last=False)
        return token

    def use(self, token: str, function: str, arguments: Mapping[str, Any]) -> bool:
        """Whether the token permits this call; it permits nothing afterwards."""
        subject, end = self._kept.pop(token, ("", 0.0))
        return subject == fingerprint(function, arguments) and self._clock() < end


def fingerprint(function: str, arguments: Mapping[str, Any]) -> str:
    """A hash of a call."""
    text = json.dumps([function, arguments], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
