"""A store in the memory of one process."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from moodle_mcp.store.base import DEFAULT_LIMITS, Key, Kind, StoreLimits


@dataclass(frozen=True, slots=True)
class _Entry:
    value: bytes
    end: float


class MemoryStore:
    """Keeps entries until the process ends; its methods never wait.

    `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        limits: StoreLimits = DEFAULT_LIMITS,
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._owned: dict[tuple[str, str], OrderedDict[Key, None]] = {}
        self._sizes: dict[tuple[str, str], int] = {}
        self._size = 0

    async def get(self, key: Key, *, extend: bool = False) -> bytes | None:
        entry = self._present(key)
        if entry is None:
            return None
        if extend:
            self._write(key, entry.value)
        return entry.value

    async def put(self, key: Key, value: bytes) -> bool:
        return self._write(key, value)

    async def take(self, key: Key) -> bytes | None:
        entry = self._present(key)
        if entry is None:
            return None
        self._remove(key)
        return entry.value

    async def swap(self, key: Key, expected: bytes | None, value: bytes) -> bool:
        entry = self._present(key)
        present = None if entry is None else entry.value
        return present == expected and self._write(key, value)

    async def increment(self, key: Key) -> int:
        entry = self._present(key)
        count = 1 if entry is None else int(entry.value) + 1
        end = self._clock() + key.kind.seconds if entry is None else entry.end
        self._write(key, str(count).encode(), end)
        return count

    async def aclose(self) -> None:
        """Nothing is open."""

    def _present(self, key: Key) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is not None and self._clock() >= entry.end:
            self._remove(key)
            return None
        return entry

    def _write(self, key: Key, value: bytes, end: float | None = None) -> bool:
        if len(value) > min(key.kind.most_bytes, self._limits.most_bytes):
            return False
        self._remove(key)
        end = self._clock() + key.kind.seconds if end is None else end
        self._entries[key] = _Entry(value, end)
        group = _group(key)
        self._owned.setdefault(group, OrderedDict())[key] = None
        self._sizes[group] = self._sizes.get(group, 0) + len(value)
        self._size += len(value)
        self._evict(group, key.kind)
        return True

    def _evict(self, group: tuple[str, str], kind: Kind) -> None:
        owned = self._owned[group]
        while len(owned) > kind.most_entries or self._sizes[group] > kind.most_bytes:
            self._remove(next(iter(owned)))
        limits = self._limits
        while len(self._entries) > limits.most_entries or self._size > limits.most_bytes:
            self._remove(next(iter(self._entries)))

    def _remove(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        group = _group(key)
        del self._owned[group][key]
        self._sizes[group] -= len(entry.value)
        self._size -= len(entry.value)
        if not self._owned[group]:
            del self._owned[group], self._sizes[group]


def _group(key: Key) -> tuple[str, str]:
    return key.owner, key.kind.name
