"""Ranking short texts by BM25: SQLite's full-text index, in memory."""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Iterable, Sequence
from typing import Final

_TABLE: Final = "CREATE VIRTUAL TABLE texts USING fts5({columns}, tokenize='ascii')"


class FullText:
    """Rows of texts, each text a list of stems; a row is known by its number from 0 on.

    `weights` say how much a word counts in each text of a row.
    """

    def __init__(self, rows: Iterable[Sequence[str]], weights: Sequence[float]) -> None:
        # Several threads search, one after the other: SQLite itself sees to that.
        self._connection = sqlite3.connect(":memory:", check_same_thread=False)
        weakref.finalize(self, self._connection.close)
        columns = [f"text{number}" for number, _ in enumerate(weights)]
        self._connection.execute(_TABLE.format(columns=", ".join(columns)))
        marks = ", ".join("?" * (len(columns) + 1))
        names = ", ".join(["rowid", *columns])
        self._connection.executemany(
            f"INSERT INTO texts ({names}) VALUES ({marks})",  # noqa: S608 - nothing of a user's
            ((number, *row) for number, row in enumerate(rows)),
        )
        # bm25() answers the better the lower.
        self._ranked = (
            f"SELECT rowid, -bm25(texts, {', '.join(map(str, weights))}) "  # noqa: S608
            "FROM texts WHERE texts MATCH ?"
        )

    def scores(self, stems: Iterable[str]) -> list[tuple[int, float]]:
        """The rows that have at least one of the stems, each with its score."""
        query = " OR ".join(f'"{stem}"' for stem in stems)
        return self._connection.execute(self._ranked, (query,)).fetchall() if query else []
