"""`moodle-mcp call FUNCTION --items FILE`: read the items of a file and track their positions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from moodle_mcp.atomic import reason
from moodle_mcp.catalogue.model import Function
from moodle_mcp.cli.items import ItemsError
from moodle_mcp.regular_files import read_regular
from moodle_mcp.tables.content import TABLES, WORKBOOK_STARTS, WORKBOOKS, Content, content_of
from moodle_mcp.tables.items import table_items
from moodle_mcp.tables.reader import Table, TableError
from moodle_mcp.tables.shapes import Place, item_shape
from moodle_mcp.textfile import UTF_8, TextError, decoded

_A_WORKBOOK: Final = (
    "is a workbook, not text: save the sheet as CSV UTF-8 (in Excel: File > Save As) and use that "
    "file"
)


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read a file: its encoding, by Python's name, and for tables the delimiter and whether
    an empty cell clears a value.
    """

    encoding: str = UTF_8
    delimiter: str | None = None
    clear_empty: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a file for one function.

    `place` returns where a value is, given the index of its item and the keys to it; "" if the
    index already says it.
    """

    values: list[Any]
    place: Place


@dataclass(frozen=True, slots=True)
class ItemFile:
    """A parsed file of items, before it is known which function they are for."""

    path: Path
    content: Content
    clear_empty: bool = False

    def items(self, function: Function) -> Items:
        """Return the items in the form that the function takes.

        Raises:
            ItemsError: a table does not fit the function.
            TableError: the function takes no list of independent items.
        """
        shape = item_shape(function)
        data = self.content.data
        if not isinstance(data, Table):
            return Items(data, lambda index, _: self.content.place(index))
        try:
            found = table_items(data, shape, clear_empty=self.clear_empty)
        except TableError as error:
            raise ItemsError(f"{self.path}: {error}") from None
        return Items(cast("list[Any]", found.values), found.place)


def read_items(path: Path, reading: Reading | None = None) -> ItemFile:
    """Read a JSON list, JSON Lines, or a table with a header (`.csv`, `.tsv`).

    A table's header contains the keys, nested ones in brackets: `customfields[0][type]`.

    Raises:
        ItemsError: the file can't be read, has no items, or does not match its extension.
    """
    reading = reading or Reading()
    ending = path.suffix.lower()
    if ending in WORKBOOKS:
        raise ItemsError(f"{path}: {_A_WORKBOOK}")
    text = file_text(path, reading.encoding)
    if ending not in TABLES and (reading.delimiter or reading.clear_empty):
        raise ItemsError(f"{path}: --delimiter and --empty are for .csv and .tsv files")
    try:
        return ItemFile(path, content_of(path.name, text, reading.delimiter), reading.clear_empty)
    except TableError as error:
        raise ItemsError(f"{path}: {error}") from None


def file_text(path: Path, encoding: str = UTF_8) -> str:
    """Return the text of a file.

    Raises:
        ItemsError: it can't be read, or is no text in this encoding.
    """
    try:
        data = read_regular(path)
    except FileNotFoundError:
        raise ItemsError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ItemsError(f"{path}: can't be read ({reason(error)})") from None
    if data.startswith(WORKBOOK_STARTS):
        raise ItemsError(f"{path}: {_A_WORKBOOK}")
    try:
        return decoded(data, encoding)
    except TextError as error:
        raise ItemsError(f"{path}: {error}{_option(error.likely)}") from None


def _option(likely: str | None) -> str:
    """Suggest an `--encoding` after a wrong one."""
    match likely:
        case None:
            return ""
        case "utf-8":
            return ": omit --encoding"
        case _:
            return f", or use --encoding {likely}"
