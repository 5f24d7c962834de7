"""A store in one SQLite file, which survives restarts and which several processes can share."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, ParamSpec, Protocol, TypeVar

import anyio
import anyio.to_thread

from moodle_mcp.atomic import append_private
from moodle_mcp.store.base import DEFAULT_LIMITS, Key, StoreError, StoreLimits

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_BUSY_SECONDS: Final = 10.0
"""Seconds that one process waits while another writes."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    owner BLOB NOT NULL,
    kind TEXT NOT NULL,
    name BLOB NOT NULL,
    value BLOB NOT NULL,
    size INTEGER NOT NULL,
    end REAL NOT NULL,
    UNIQUE (owner, kind, name)
);
CREATE INDEX IF NOT EXISTS entries_end ON entries (end);
CREATE INDEX IF NOT EXISTS entries_size ON entries (size);
"""
_THIS: Final = "owner = ? AND kind = ? AND name = ?"


class SqliteStore:
    """Keeps entries in a file that only its owner can read.

    Operations run in a thread, one at a time. `clock` is in Unix seconds, because the file outlives
    the process.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float] = time.time,
        limits: StoreLimits = DEFAULT_LIMITS,
    ) -> None:
        """Open the file, or create it.

        Raises:
            OSError: it can't be created, or is a link.
            sqlite3.Error: it is not a SQLite file, or can't be written.
        """
        # SQLite would make it readable for others. Its WAL files get the same mode as the file.
        append_private(path).close()
        self._clock = clock
        self._limits = limits
        self._turn = anyio.CapacityLimiter(1)
        self._database = sqlite3.connect(
            path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_SCHEMA)

    async def get(self, key: Key, *, extend: bool = False) -> bytes | None:
        return await self._do(self._get, key, extend)

    async def put(self, key: Key, value: bytes) -> bool:
        try:
            return await self._do(self._put, key, value)
        except StoreError:
            # What was done in Moodle must be told although nothing can be kept of it.
            return False

    async def take(self, key: Key) -> bytes | None:
        return await self._do(self._take, key)

    async def swap(self, key: Key, expected: bytes | None, value: bytes) -> bool:
        return await self._do(self._swap, key, expected, value)

    async def increment(self, key: Key) -> int:
        return await self._do(self._increment, key)

    async def aclose(self) -> None:
        await self._do(self._database.close)

    async def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        # An operation that has begun is completed, so that no transaction stays open.
        try:
            return await anyio.to_thread.run_sync(
                partial(work, *args, **kwargs), limiter=self._turn, abandon_on_cancel=False
            )
        except sqlite3.Error as error:
            log.warning("the store can't be used: %s", error)
            raise StoreError from None

    def _get(self, key: Key, extend: bool) -> bytes | None:
        if not extend:
            # One statement sees one state by itself, and need not wait for writers.
            return self._present(key)
        with self._transaction():
            value = self._present(key)
            if value is not None:
                self._write(key, value)
        return value

    def _put(self, key: Key, value: bytes) -> bool:
        with self._transaction():
            return self._write(key, value)

    def _take(self, key: Key) -> bytes | None:
        with self._transaction():
            value = self._present(key)
            self._delete(key)
        return value

    def _swap(self, key: Key, expected: bytes | None, value: bytes) -> bool:
        with self._transaction():
            return self._present(key) == expected and self._write(key, value)

    def _increment(self, key: Key) -> int:
        with self._transaction():
            value = self._present(key)
            count = 1 if value is None else int(value) + 1
            end = None if value is None else self._end(key)
            self._write(key, str(count).encode(), end)
        return count

    @contextmanager
    def _transaction(self) -> Generator[None]:
        """A transaction that no other process can write in."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            # SQLite has rolled back by itself after some failures, such as a full disk.
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    def _present(self, key: Key) -> bytes | None:
        row = self._database.execute(
            f"SELECT value FROM entries WHERE {_THIS} AND end > ?",  # noqa: S608 - no input in it
            (*_identity(key), self._clock()),
        ).fetchone()
        return None if row is None else row[0]

    def _end(self, key: Key) -> float:
        query = f"SELECT end FROM entries WHERE {_THIS}"  # noqa: S608 - no input in it
        return self._database.execute(query, _identity(key)).fetchone()[0]

    def _delete(self, key: Key) -> None:
        query = f"DELETE FROM entries WHERE {_THIS}"  # noqa: S608 - no input in it
        self._database.execute(query, _identity(key))

    def _write(self, key: Key, value: bytes, end: float | None = None) -> bool:
        if len(value) > min(key.kind.most_bytes, self._limits.most_bytes):
            return False
        now = self._clock()
        # A new row gets the highest number; the lowest numbers are evicted first.
        self._delete(key)
        self._database.execute(
            "INSERT INTO entries (owner, kind, name, value, size, end) VALUES (?, ?, ?, ?, ?, ?)",
            (*_identity(key), value, len(value), now + key.kind.seconds if end is None else end),
        )
        self._database.execute("DELETE FROM entries WHERE end <= ?", (now,))
        kind = key.kind
        self._evict("owner = ? AND kind = ?", _identity(key)[:2], kind)
        self._evict("TRUE", (), self._limits)
        return True

    def _evict(self, which: str, values: tuple[bytes | str, ...], limits: _Limits) -> None:
        """Delete the oldest of these rows until the rest is within the limits."""
        entries, size = self._database.execute(
            f"SELECT COUNT(*), TOTAL(size) FROM entries WHERE {which}",  # noqa: S608 - no input in it
            values,
        ).fetchone()
        if entries <= limits.most_entries and size <= limits.most_bytes:
            return
        kept = f"""
            SELECT number, SUM(size) OVER newest AS bytes, COUNT(*) OVER newest AS entries
            FROM entries WHERE {which} WINDOW newest AS (ORDER BY number DESC)
        """  # noqa: S608 - no input in it
        self._database.execute(
            f"DELETE FROM entries WHERE number IN "  # noqa: S608 - no input in it
            f"(SELECT number FROM ({kept}) WHERE bytes > ? OR entries > ?)",
            (*values, limits.most_bytes, limits.most_entries),
        )


class _Limits(Protocol):
    @property
    def most_entries(self) -> int: ...

    @property
    def most_bytes(self) -> int: ...


def _identity(key: Key) -> tuple[bytes, str, bytes]:
    # Clients choose names, and SQLite rejects text with a lone surrogate.
    owner, name = (text.encode("utf-8", "surrogatepass") for text in (key.owner, key.name))
    return owner, key.kind.name, name
