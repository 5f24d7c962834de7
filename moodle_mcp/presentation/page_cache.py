"""The pages of long answers after the first, kept so that Moodle need not be asked again."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

from moodle_mcp.errors import CallError, Fault, Kind, ParameterFault
from moodle_mcp.store.base import Key, Store
from moodle_mcp.store.base import Kind as Entries

KEPT_SECONDS: Final = 1800
"""Seconds that the rest of an answer is kept after it was last read."""

KEPT_BYTES: Final = 64_000_000

_PAGES: Final = Entries("pages", KEPT_SECONDS, most_entries=10_000, most_bytes=KEPT_BYTES)
_KNOWN: Final = Entries("page_functions", 86_400, most_entries=1_000, most_bytes=1_000_000)
"""The function of each answer, to name it after its pages have expired."""


@dataclass(frozen=True, slots=True)
class Rest:
    """The pages of an answer after its first, as JSON in UTF-8 by name, and its function."""

    function: str
    pages: Mapping[str, bytes]


class PageCache:
    """One user's pages of long answers; the oldest answers are evicted first."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner

    async def keep(self, number: str, rest: Rest) -> bool:
        """Keep the rest of an answer; return False if it is too long."""
        if not await self._store.put(Key(self._owner, _PAGES, number), _packed(rest)):
            return False
        await self._store.put(Key(self._owner, _KNOWN, number), rest.function.encode())
        return True

    async def read(self, cursor: str) -> bytes:
        """Return the JSON of the page that a cursor names.

        Raises:
            CallError: `not_found` for a page that is no longer kept, `invalid_arguments` for an
                unknown cursor.
        """
        number, _, name = cursor.partition("-")
        packed = await self._store.get(Key(self._owner, _PAGES, number), extend=True)
        page = None if packed is None else _page(packed, name)
        if page is not None:
            return page
        function = await self._store.get(Key(self._owner, _KNOWN, number))
        if function is None or packed is not None:
            raise CallError.not_sent(_UNKNOWN)
        raise CallError.not_sent(_gone(function.decode()))


def new_number() -> str:
    """A random number for an answer; its cursors begin with it."""
    return secrets.token_hex(5)


def _packed(rest: Rest) -> bytes:
    """The pages joined, after a line that says where each begins and ends."""
    borders = pairwise(accumulate(map(len, rest.pages.values()), initial=0))
    places = dict(zip(rest.pages, borders, strict=True))
    return b"\n".join([json.dumps(places).encode(), b"".join(rest.pages.values())])


def _page(packed: bytes, name: str) -> bytes | None:
    places, _, pages = packed.partition(b"\n")
    place = json.loads(places).get(name)
    return None if place is None else pages[slice(*place)]


_UNKNOWN: Final = Fault(
    Kind.INVALID_ARGUMENTS,
    "Nothing was sent: this cursor is not from an answer of this server.",
    hint="Pass page.next of an answer as it is, or call the function again.",
    parameters=(ParameterFault("cursor", "is unknown", "page.next of an answer"),),
)


def _gone(function: str) -> Fault:
    return Fault(
        Kind.NOT_FOUND,
        f"The rest of this answer of {function} is no longer kept: it was not read for "
        f"{KEPT_SECONDS // 60} minutes, or newer answers have replaced it.",
        hint=f"Call {function} again with the same arguments; fewer `_fields` make the answer "
        "shorter.",
        function=function,
    )
