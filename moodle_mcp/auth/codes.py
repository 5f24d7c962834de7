"""Authorization codes: valid once, for a minute, for one client and redirect."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter

from moodle_mcp.auth import secret_texts
from moodle_mcp.auth.grants import Draft
from moodle_mcp.store.base import Key, Kind, Store

CODE_SECONDS: Final = 60

_CODES: Final = Kind("codes", CODE_SECONDS, most_entries=1, most_bytes=20_000)
_MADE: Final = Kind("made_codes", 3600, most_entries=1, most_bytes=100)
"""The grant that each code leads to, to end it when the code is used again."""


class UsedError(Exception):
    """The code was used before, or too late; `grant` is what it leads to."""

    def __init__(self, grant: str) -> None:
        super().__init__("the code was used before")
        self.grant = grant


@dataclass(frozen=True, slots=True)
class Code:
    """What a code stands for. `end` is in Unix seconds."""

    draft: Draft
    challenge: str
    redirect_uri: str
    redirect_was_given: bool
    end: float


_CODE: Final = TypeAdapter(Code)


class Codes:
    """The codes in a store, under their hashes. `clock` is in Unix seconds."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def make(
        self, draft: Draft, challenge: str, redirect_uri: str, *, redirect_was_given: bool
    ) -> str:
        """Make a code."""
        code = secret_texts.new_code()
        end = self._clock() + CODE_SECONDS
        made = Code(draft, challenge, redirect_uri, redirect_was_given, end)
        # Written first: whoever does not find the code learns that it was there.
        await self._store.put(_key(code, _MADE), draft.id.encode())
        await self._store.put(_key(code, _CODES), _CODE.dump_json(made))
        return code

    async def use(self, code: str) -> Code | None:
        """Use up a code; None if it is unknown or too old. Of concurrent calls only one gets it.

        Raises:
            UsedError: it was used before, or was too old.
        """
        packed = await self._store.take(_key(code, _CODES))
        if packed is None:
            grant = await self._store.get(_key(code, _MADE))
            if grant is not None:
                raise UsedError(grant.decode())
            return None
        found = _CODE.validate_json(packed)
        return found if self._clock() < found.end else None


def _key(code: str, kind: Kind) -> Key:
    name = secret_texts.hashed(code)
    return Key(name, kind, "code")
