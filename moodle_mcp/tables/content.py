"""Read what a file of items contains: a table, or a list of JSON values; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final, cast

from moodle_mcp.jsontree import DeepError, loaded
from moodle_mcp.tables.reader import Table, TableError, read_table

TABLES: Final[Mapping[str, str | None]] = {".csv": None, ".tsv": "\t"}
"""File extensions of tables, with the delimiter if it is known."""

WORKBOOKS: Final = (".xlsx", ".xls", ".ods")
WORKBOOK_STARTS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""The first bytes of ZIP files (xlsx, ods) and old Excel files, whatever their extension."""


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a file; `lines` are those of the items if each has a line of its own."""

    data: list[Any] | Table
    lines: tuple[int, ...] = ()

    def place(self, index: int) -> str:
        """Return where an item of a list is; "" if its index says it."""
        return f"line {self.lines[index]}" if self.lines else ""


def content_of(name: str, text: str, delimiter: str | None = None) -> Content:
    """Read a JSON list, JSON Lines, or a table with a header, as the file's extension says.

    Raises:
        TableError: it has no items, or is not what its extension says.
    """
    ending = PurePath(name).suffix.lower()
    if ending in TABLES:
        return of_table(read_table(text, delimiter or TABLES[ending]))
    match ending:
        case ".jsonl" | ".ndjson":
            # Not splitlines: texts in the JSON may contain other line separators.
            lines = {
                number: line for number, line in enumerate(text.split("\n"), 1) if line.strip()
            }
            items = [parsed(line, f"line {number}: ") for number, line in lines.items()]
            content = Content(items, tuple(lines))
        case ".json":
            value = parsed(text)
            if not isinstance(value, list):
                raise TableError("is not a JSON list")
            content = Content(cast("list[Any]", value))
        case _:
            raise TableError(f"the extension {ending!r} is none of .json, .jsonl, .csv and .tsv")
    if not content.data:
        raise TableError("has no items")
    return content


def of_table(table: Table) -> Content:
    """Return a table as content."""
    return Content(table, tuple(row.line for row in table.rows))


def parsed(text: str, where: str = "") -> Any:
    """Parse JSON text.

    Raises:
        TableError: it is not JSON; the message begins with `where`.
    """
    try:
        return loaded(text)
    except DeepError as error:
        raise TableError(f"{where}is {error}") from None
    except ValueError as error:
        raise TableError(f"{where}is not JSON: {error}") from None
