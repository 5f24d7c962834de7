"""Approvals of calls: each is valid once, for one exact call, for a short time."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from moodle_mcp.store.base import Key, Kind, Store

LIFETIME: Final = 900.0
"""Seconds that an approval is valid after it was asked for."""

_REMEMBERED: Final = 3600.0
"""Seconds after which a token that was used, or has expired, counts as unknown."""

APPROVALS: Final = Kind("approvals", _REMEMBERED, most_entries=200, most_bytes=8_000_000)

_USED: Final = b"used"


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
    OTHER_CALL = "for another call"
    USED = "used already"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Approval:
    """A call that a person was shown.

    `tool` and `given` are the tool and the arguments that were passed; calling it again with them
    does the same. `subject` is what the person was shown (see `subject_of`), `asked_at` the Unix
    time in seconds.
    """

    tool: str
    given: Mapping[str, Any]
    subject: str
    asked_at: float

    def packed(self) -> bytes:
        """The approval as JSON."""
        return json.dumps([self.tool, self.given, self.subject, self.asked_at]).encode()

    @classmethod
    def unpacked(cls, packed: bytes) -> Approval:
        """Restore an approval from the JSON of `packed`."""
        return cls(*json.loads(packed))


class Approvals:
    """One user's approvals. Only a use for exactly its call ends one."""

    def __init__(self, store: Store, owner: str, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._owner = owner
        self._clock = clock

    async def ask(self, tool: str, given: Mapping[str, Any], subject: str) -> str | None:
        """Return a new token for a call, or None if the call can't be kept."""
        token = secrets.token_urlsafe(18)
        approval = Approval(tool, given, subject, self._clock())
        return token if await self._store.put(self._key(token), approval.packed()) else None

    async def find(self, token: str) -> Approval | Use:
        """Return the call that a token is for without using it, or why there is none."""
        packed = await self._store.get(self._key(token))
        return Use.UNKNOWN if packed is None else self._valid(packed)

    async def use(self, token: str, subject: str) -> Use:
        """Use up a token if it is for this call; return whether it permits the call."""
        key = self._key(token)
        packed = await self._store.get(key)
        approval = Use.UNKNOWN if packed is None else self._valid(packed)
        if isinstance(approval, Use):
            return approval
        if approval.subject != subject:
            return Use.OTHER_CALL
        return Use.GRANTED if await self._store.swap(key, packed, _USED) else Use.USED

    async def end(self, token: str) -> None:
        """End an approval that the person was asked for again, or refused."""
        await self._store.put(self._key(token), _USED)

    def _valid(self, packed: bytes) -> Approval | Use:
        if packed == _USED:
            return Use.USED
        approval = Approval.unpacked(packed)
        return Use.EXPIRED if self._clock() >= approval.asked_at + LIFETIME else approval

    def _key(self, token: str) -> Key:
        return Key(self._owner, APPROVALS, token)


def subject_of(
    function: str, arguments: Mapping[str, Any], names: Mapping[tuple[str, int], str | None]
) -> str:
    """What a person consents to, as JSON: a call, and the names that its ids have.

    The names are included, because consent to delete "Test course (id 5)" does not cover course 5
    if it has another name by then.
    """
    named = sorted([kind, number, name] for (kind, number), name in names.items())
    return json.dumps([function, arguments, named], sort_keys=True)


def changed_call(shown: str, function: str, arguments: Mapping[str, Any]) -> str:
    """How a call differs from that of a subject, in a sentence without values; empty if it does
    not.
    """
    (shown_function, before, _), (_, now, _) = (
        json.loads(each) for each in (shown, subject_of(function, arguments, {}))
    )
    if shown_function != function:
        return f"The token is for {shown_function}."
    keys = sorted(before.keys() | now.keys())
    changed = [key for key in keys if before.get(key) != now.get(key)]
    return f"The token is for other values of: {', '.join(changed)}." if changed else ""


def difference(shown: str, now: str) -> str:
    """What differs between two subjects, in a sentence without values."""
    (_, _, names), (function, arguments, present) = json.loads(shown), json.loads(now)
    changed = changed_call(shown, function, arguments)
    if changed:
        return changed
    was, is_now = (
        {(kind, number): name for kind, number, name in each} for each in (names, present)
    )
    ids = [
        f"{kind} {id_}"
        for kind, id_ in sorted(was.keys() | is_now.keys())
        if was.get((kind, id_)) != is_now.get((kind, id_))
    ]
    return f"What was shown under these ids has another name now: {', '.join(ids)}."
