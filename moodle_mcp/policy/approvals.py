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


class Use(Enum):
    """What came of using a permission."""

    GRANTED = "granted"
    OTHER_CALL = "other call"
    GONE = "gone"


class Approvals:
    """Permissions that were asked for and not yet used.

    Each is for one call, known by its fingerprint. Using it, or trying to use it for anything
    else, ends it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def ask(self, call: str) -> str:
        """A new token for the call with this fingerprint; the oldest unused ones are evicted."""
        token = secrets.token_urlsafe(18)
        self._kept[token] = call, self._clock() + LIFETIME
        while len(self._kept) > _MAX_KEPT:
            self._kept.popitem(last=False)
        return token

    def use(self, token: str, call: str) -> Use:
        """Whether the token permits this call; it permits nothing afterwards."""
        subject, end = self._kept.pop(token, ("", 0.0))
        if not subject or self._clock() >= end:
            return Use.GONE
        return Use.GRANTED if subject == call else Use.OTHER_CALL


def fingerprint(
    function: str, arguments: Mapping[str, Any], names: Mapping[tuple[str, int], str | None]
) -> str:
    """A hash of a call and of the names that its ids had when the person was asked.

    The names belong to it: consent to delete "Test course (id 5)" is none to delete course 5 after
    somebody has given another course that place or that name.
    """
    named = sorted([kind, number, name] for (kind, number), name in names.items())
    text = json.dumps([function, arguments, named], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
