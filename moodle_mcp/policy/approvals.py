"""Approvals for destructive calls: each is valid once, for one exact call, for a short time."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from moodle_mcp.store.base import Key, Kind, Store

LIFETIME: Final = 300.0
"""Seconds that an approval is valid after it was asked for."""

APPROVALS: Final = Kind("approvals", LIFETIME, most_entries=200, most_bytes=1_000_000)


class Confirm(Enum):
    """How destructive calls are confirmed.

    `ASK` asks the person through the client, or answers with a plan and a token where the client
    can't ask; `TOKEN` always does the latter; `HOST` leaves it to the client's own approval prompt.
    """

    ASK = "ask"
    TOKEN = "token"  # noqa: S105 - the name of a mode, not a secret
    HOST = "host"
    NEVER = "never"


class Use(Enum):
    """The result of using an approval."""

    GRANTED = "granted"
    OTHER_CALL = "other call"
    GONE = "gone"


class Approvals:
    """One user's approvals that were asked for and not yet used.

    Each is for one call, identified by its fingerprint. Using it, even for another call, ends it.
    """

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner

    async def ask(self, call: str) -> str:
        """Return a new token for the call with this fingerprint."""
        token = secrets.token_urlsafe(18)
        await self._store.put(self._key(token), call.encode())
        return token

    async def use(self, token: str, call: str) -> Use:
        """Use up a token; return whether it permits this call."""
        approved = await self._store.take(self._key(token))
        if approved is None:
            return Use.GONE
        return Use.GRANTED if approved == call.encode() else Use.OTHER_CALL

    def _key(self, token: str) -> Key:
        return Key(self._owner, APPROVALS, token)


def fingerprint(
    function: str, arguments: Mapping[str, Any], names: Mapping[tuple[str, int], str | None]
) -> str:
    """A hash of a call and of the names that its ids had when the person was asked.

    The names are included, because consent to delete "Test course (id 5)" does not cover course 5
    if it has another name by then.
    """
    named = sorted([kind, number, name] for (kind, number), name in names.items())
    text = json.dumps([function, arguments, named], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
