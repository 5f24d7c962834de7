"""Read a table from text: detect the delimiter, parse the header, number the rows' lines."""

from __future__ import annotations

import csv
import io
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from moodle_mcp.errors import MoodleMcpError

DELIMITERS: Final = (",", ";", "\t")
"""Delimiters that are detected; Excel writes semicolons where numbers have a decimal comma."""

_MAX_SHOWN: Final = 60
"""Characters of a header in a message."""

_SEPARATOR_LINE: Final = re.compile(r'(?i)"?sep=(.)"?\1*')
"""Excel's `sep=` line before the header."""


class TableError(MoodleMcpError):
    """The table can't be used; the message is one line that names the place.

    The message may quote headers but no cells, because a cell may contain a password.
    """


@dataclass(frozen=True, slots=True)
class Column:
    """A column with a header; `position` counts from 0."""

    position: int
    header: str

    def __str__(self) -> str:
        # A header may contain anything, and a message is one line.
        shown = textwrap.shorten(self.header, _MAX_SHOWN, placeholder="…")
        return f"column {letters(self.position)} ({shown})"


@dataclass(frozen=True, slots=True)
class Row:
    """A row; `line` is the line of the text, from 1, where it begins."""

    line: int
    cells: tuple[str, ...]

    def cell(self, column: Column) -> str:
        """Return the cell in a column; empty if the row is shorter."""
        return self.cells[column.position] if column.position < len(self.cells) else ""


@dataclass(frozen=True, slots=True)
class Table:
    """The columns with a header, and the rows that are not blank."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


def read_table(text: str, delimiter: str | None = None) -> Table:
    """Parse a table from text.

    The delimiter is the given one, else the one named by a `sep=;` line, else the one of
    `DELIMITERS` that splits the header into most cells. Blank rows are left out, and so are blank
    columns without a header. Headers are stripped, cells are not.

    Raises:
        TableError: there is no header or no row, quotes are wrong, or a cell has no header.
    """
    named, start = _separator_line(text)
    body = text[start:]
    rows = _rows(body, delimiter or named or _sniffed(body), first_line=2 if start else 1)
    header = next(rows, None)
    if header is None:
        raise TableError("is empty: its first line must name the columns")
    names = (name.strip() for name in header.cells)
    columns = tuple(Column(position, name) for position, name in enumerate(names) if name)
    kept = tuple(rows)
    _refuse_cells_without_header(columns, kept)
    if not kept:
        raise TableError("has a header and no rows")
    return Table(columns, kept)


def letters(position: int) -> str:
    """Return a column's letters in a spreadsheet: A for 0, Z for 25, AA for 26."""
    text = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def _separator_line(text: str) -> tuple[str | None, int]:
    """Return the delimiter of a first line `sep=;`, and where the text after that line begins."""
    first = io.StringIO(text, newline="").readline()
    match = _SEPARATOR_LINE.fullmatch(first.rstrip("\r\n"))
    return (match[1], len(first)) if match else (None, 0)


def _sniffed(text: str) -> str:
    """Return the delimiter that occurs most in the header; the comma if it has none.

    Keys contain no delimiters, so the header is more reliable than statistics of all rows.
    """
    blank = "".join(DELIMITERS) + ' "\r\n'
    header = next((line for line in io.StringIO(text, newline="") if line.strip(blank)), text)
    return max(DELIMITERS, key=header.count)


def _rows(text: str, delimiter: str, first_line: int) -> Iterator[Row]:
    """Yield the rows that are not blank.

    With an empty `newline`, LF, CR and CRLF all end a line, and are unchanged inside quotes.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = first_line + reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise TableError(f"line {line}: {_in_words(error, delimiter)}") from None
        if any(cell.strip() for cell in cells):
            yield Row(line, tuple(cells))


def _in_words(error: csv.Error, delimiter: str) -> str:
    """Describe a CSV error; an open quote is only noticed far behind its line."""
    problem = str(error)
    if "unexpected end" in problem or "field limit" in problem:
        limit = csv.field_size_limit()
        return f"a quote that opens there is never closed, or a cell has over {limit} characters"
    if "expected after" in problem:
        return f"a quote ends inside a cell: {delimiter!r} or a second quote must follow it"
    return problem


def _refuse_cells_without_header(columns: tuple[Column, ...], rows: tuple[Row, ...]) -> None:
    named = {column.position for column in columns}
    for row in rows:
        for position, cell in enumerate(row.cells):
            if position not in named and cell.strip():
                raise TableError(
                    f"column {letters(position)}, line {row.line}: there is a value, but the "
                    "column has no header (quote cells that contain the delimiter)"
                )
