"""What is left of long answers, kept for a while so that it can be read without asking again."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Final

from cachetools import LRUCache, TTLCache

from moodle_mcp.errors import CallError, Fault, Kind, ParameterFault

KEPT_SECONDS: Final = 1800
"""Seconds after the last reading that the rest of an answer is kept."""

KEPT_BYTES: Final = 64_000_000
_REMEMBERED: Final = 1000
"""Answers of which it is remembered that they were kept, to say what has become of them."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The pages of an answer after its first, as JSON in UTF-8 by name, and whose answer it is."""

    function: str
    pages: Mapping[str, bytes]

    @property
    def size(self) -> int:
        """Bytes of all pages."""
        return sum(len(text) for text in self.pages.values())


class Shelf:
    """The rests of one user's long answers; the oldest make place for new ones."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = KEPT_BYTES) -> None:
        self._kept: TTLCache[str, Kept] = TTLCache(
            most, KEPT_SECONDS, timer=clock, getsizeof=lambda kept: kept.size
        )
        self._known: LRUCache[str, str] = LRUCache(_REMEMBERED)
        # Long answers are cut in threads of their own, and a cache that two change at once breaks.
        self._lock = Lock()

    def number(self) -> str:
        """A number for an answer, with which its cursors begin; nobody can guess it."""
        return secrets.token_hex(5)

    def keep(self, number: str, kept: Kept) -> bool:
        """Keep the rest of an answer; False if it is too long for that."""
        if kept.size > self._kept.maxsize:
            return False
        with self._lock:
            self._kept[number] = kept
            self._known[number] = kept.function
        return True

    def read(self, cursor: str) -> tuple[str, bytes]:
        """The function whose answer it is, and the JSON of the page that a cursor names.

        Raises:
            CallError: `not_found` for what is no longer kept, `invalid_arguments` for what never
                was a cursor.
        """
        number, _, name = cursor.partition("-")
        with self._lock:
            kept = self._kept.get(number)
            if kept is None or name not in kept.pages:
                raise CallError.not_sent(self._missing(number, kept))
            # Being read keeps it.
            self._kept[number] = kept
        return kept.function, kept.pages[name]

    def _missing(self, number: str, kept: Kept | None) -> Fault:
        function = self._known.get(number)
        if function is None or kept is not None:
            return Fault(
                Kind.INVALID_ARGUMENTS,
                "Nothing was sent: this is not a cursor that an answer of this server has named.",
                hint="Pass page.next of an answer as it is, or call the function again.",
                parameters=(ParameterFault("cursor", "is unknown", "page.next of an answer"),),
            )
        return Fault(
            Kind.NOT_FOUND,
            f"The rest of this answer of {function} is no longer kept: it has not been read for "
            f"{KEPT_SECONDS // 60} minutes, or other answers needed the room.",
            hint=f"Call {function} again with the same arguments; fewer `_fields` make the answer "
            "shorter.",
            function=function,
        )
