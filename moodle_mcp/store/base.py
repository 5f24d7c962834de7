"""The interface of a store, and its limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of entry: how many seconds entries are kept, and how much one owner may have."""

    name: str
    seconds: float
    most_entries: int
    most_bytes: int


@dataclass(frozen=True, slots=True)
class Key:
    """The key of an entry. The owner is part of it, so nobody can reach another's entries."""

    owner: str
    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """How much all owners together may keep."""

    most_entries: int = 100_000
    most_bytes: int = 1_000_000_000


DEFAULT_LIMITS: Final = StoreLimits()


class StoreError(Exception):
    """The store can't be reached or written. Whether it carried out the operation is unknown."""

    def __init__(self) -> None:
        super().__init__("the store does not answer")


class Store(Protocol):
    """Values in bytes, each with an owner, a kind and an expiry.

    When an owner's entries of one kind, or all entries, are more than may be kept, the entries
    that were written or extended longest ago are evicted.

    All methods but `put` raise `StoreError` if the store can't be reached.
    """

    async def get(self, key: Key, *, extend: bool = False) -> bytes | None:
        """Return a value that has not expired; `extend` restarts its lifetime."""
        ...

    async def put(self, key: Key, value: bytes) -> bool:
        """Write a value. If it is larger than its kind allows, or the store can't be written, keep
        nothing and return False.
        """
        ...

    async def take(self, key: Key) -> bytes | None:
        """Return a value and remove it; of concurrent calls only one gets it."""
        ...

    async def swap(self, key: Key, expected: bytes | None, value: bytes) -> bool:
        """Write a value and return True if the present one is `expected` (None for no entry)."""
        ...

    async def increment(self, key: Key) -> int:
        """Increment and return a counter, which restarts when the kind's time is over."""
        ...

    async def aclose(self) -> None:
        """Close the store."""
        ...
