"""The contexts of the people who are signed in to this process, while they are in use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cachetools import TTLCache

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.service.context import UserContext

MOST_CONTEXTS: Final = 500
"""Most contexts; beyond that, the one that was used longest ago is made anew when needed."""

CONTEXT_SECONDS: Final = 600
"""Seconds after which a context is made anew, and the site is asked again what its user may do."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sends a request: a grant, what it allows, and its person's name in the store."""

    grant: str
    owner: str
    access: Access


class Users:
    """Keeps the contexts of users that are in use. `clock` is monotonic, in seconds.

    Nothing has to be closed when a context is dropped: calls in progress hold it, and connections
    belong to the process.
    """

    def __init__(self, clock: Callable[[], float], most: int = MOST_CONTEXTS) -> None:
        self._contexts: TTLCache[Principal, UserContext] = TTLCache(most, CONTEXT_SECONDS, clock)

    def context(self, principal: Principal, make: Callable[[], UserContext]) -> UserContext:
        """Return the context of a principal; `make` makes it, if there is none."""
        found = self._contexts.get(principal)
        if found is None:
            found = self._contexts[principal] = make()
        return found

    def __len__(self) -> int:
        """How many contexts are in use."""
        return len(self._contexts)

    def forget(self, grant: str) -> None:
        """Drop the contexts of a grant that has ended."""
        for principal in [each for each in self._contexts if each.grant == grant]:
            self._contexts.pop(principal, None)
