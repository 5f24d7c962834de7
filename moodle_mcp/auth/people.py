"""The person who signed in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """A user of a site: the site's base address, the user's id there and full name."""

    site: str
    id: int
    name: str

    @property
    def owner(self) -> str:
        """The person's unique name in the store; users of two sites may have the same id."""
        return f"{self.site} {self.id}"
