"""`moodle-mcp call FUNCTION --items FILE`: read the items of a file and track their positions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from moodle_mcp.atomic import reason
from moodle_mcp.catalogue.model import Function, ListOf, Node, Object, Value
from moodle_mcp.catalogue.paths import item_at, with_index
from moodle_mcp.cli.items import ItemsError, parsed
from moodle_mcp.errors import Fault, ParameterFault, Suspect
from moodle_mcp.regular_files import read_regular
from moodle_mcp.tables.items import table_items
from moodle_mcp.tables.reader import Table, TableError, read_table
from moodle_mcp.textfile import UTF_8, TextError, decoded

_TABLES: Final[Mapping[str, str | None]] = {".csv": None, ".tsv": "\t"}
"""File extensions of tables, with the delimiter if it is known."""

_WORKBOOKS: Final = (".xlsx", ".xls", ".ods")
_WORKBOOK_STARTS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""The first bytes of ZIP files (xlsx, ods) and old Excel files, whatever their extension."""

_A_WORKBOOK: Final = (
    "is a workbook, not text: save the sheet as CSV UTF-8 (in Excel: File > Save As) and use that "
    "file"
)

_STEP: Final = re.compile(r"\w+")

AboutT = TypeVar("AboutT", ParameterFault, Suspect)
Places = Callable[[int, Sequence[str]], str]


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
    place: Places


@dataclass(frozen=True, slots=True)
class ItemFile:
    """A parsed file of items, before it is known which function they are for.

    `lines` are the items' line numbers if each item has its own.
    """

    path: Path
    content: list[Any] | Table
    clear_empty: bool = False
    lines: tuple[int, ...] = ()

    def items(self, function: Function) -> Items:
        """Return the items in the form that the function takes.

        Raises:
            ItemsError: the function takes no list of independent items, or a table does not fit it.
        """
        shape = _item_shape(function)
        if not isinstance(self.content, Table):
            return Items(self.content, self._line)
        try:
            found = table_items(self.content, shape, clear_empty=self.clear_empty)
        except TableError as error:
            raise ItemsError(f"{self.path}: {error}") from None
        return Items(cast("list[Any]", found.values), found.place)

    def _line(self, index: int, _: Sequence[str]) -> str:
        return f"line {self.lines[index]}" if self.lines else ""


def read_items(path: Path, reading: Reading | None = None) -> ItemFile:
    """Read a JSON list, JSON Lines, or a table with a header (`.csv`, `.tsv`).

    A table's header contains the keys, nested ones in brackets: `customfields[0][type]`.

    Raises:
        ItemsError: the file can't be read, has no items, or does not match its extension.
    """
    reading = reading or Reading()
    ending = path.suffix.lower()
    if ending in _WORKBOOKS:
        raise ItemsError(f"{path}: {_A_WORKBOOK}")
    text = _text(path, reading.encoding)
    if ending in _TABLES:
        try:
            table = read_table(text, reading.delimiter or _TABLES[ending])
        except TableError as error:
            raise ItemsError(f"{path}: {error}") from None
        return ItemFile(path, table, reading.clear_empty)
    if reading.delimiter or reading.clear_empty:
        raise ItemsError(f"{path}: --delimiter and --empty are for .csv and .tsv files")
    match ending:
        case ".jsonl" | ".ndjson":
            # Not splitlines: texts in the JSON may contain other line separators.
            lines = {
                number: line for number, line in enumerate(text.split("\n"), 1) if line.strip()
            }
            items = [parsed(f"{path}, line {number}", line) for number, line in lines.items()]
            file = ItemFile(path, items, lines=tuple(lines))
        case ".json":
            value = parsed(str(path), text)
            if not isinstance(value, list):
                raise ItemsError(f"{path}: is not a JSON list")
            file = ItemFile(path, cast("list[Any]", value))
        case _:
            raise ItemsError(
                f"{path}: the extension {ending!r} is none of .json, .jsonl, .csv and .tsv"
            )
    if not file.content:
        raise ItemsError(f"{path}: has no items")
    return file


def as_arguments(function: Function, items: Sequence[Any]) -> dict[str, list[Any]]:
    """Return the items as the function's arguments; for parallel lists each item is an object.

    Raises:
        ItemsError: the function takes no list of independent items, or an item lacks a key.
    """
    match _lists(function):
        case (name,):
            return {name: [_bare(function, name, item) for item in items]}
        case names:
            return {
                name: [_member(item, name, at) for at, item in enumerate(items)] for name in names
            }


def with_places(fault: Fault, function: Function, items: Items, sent: Sequence[int]) -> Fault:
    """Add to a fault where in the file its items are.

    `sent` are the indexes in the file of the call's items. Paths in the fault have the indexes of
    the call, which are replaced by those in the file.
    """
    before = fault.parameters
    after = tuple(_placed(each, function, items, sent) for each in before)
    message = fault.message.replace(_said(before[0]), _said(after[0])) if before else fault.message
    suspects = tuple(_placed(each, function, items, sent) for each in fault.suspects)
    return replace(fault, message=message, parameters=after, suspects=suspects)


def _said(fault: ParameterFault) -> str:
    """Return how a fault's message names its first parameter."""
    return f"{fault.path} {fault.problem}"


def _placed(about: AboutT, function: Function, items: Items, sent: Sequence[int]) -> AboutT:
    found = item_at(about.path, _lists(function))
    if found is None:
        return about
    name, index, rest = found
    steps = _STEP.findall(rest)
    place = items.place(sent[index], steps if _is_one_object(function) else [name, *steps])
    path = with_index(about.path, _lists(function), sent)
    problem = f"{about.problem} ({place})" if place else about.problem
    return replace(about, path=path, problem=problem)


def _lists(function: Function) -> tuple[str, ...]:
    """Return the names of the function's lists of independent items.

    Raises:
        ItemsError: it has none.
    """
    names = function.batching.items if function.batching else ()
    if not names:
        raise ItemsError(f"{function.name} takes no list of independent items")
    return names


def _is_one_object(function: Function) -> bool:
    """Whether an item is an object of one list, not a plain value or part of parallel lists."""
    names = _lists(function)
    return len(names) == 1 and isinstance(_item_node(function, names[0]), Object)


def _item_shape(function: Function) -> Object:
    """Return what a table's header names: an item's keys, or else the lists themselves."""
    names = _lists(function)
    only = _item_node(function, names[0])
    if len(names) == 1 and isinstance(only, Object):
        return only
    return Object({name: _item_node(function, name) for name in names})


def _item_node(function: Function, name: str) -> Node:
    node = function.params.keys[name]
    return node.item if isinstance(node, ListOf) else node


def _bare(function: Function, name: str, item: Any) -> Any:
    """Return an item of a plain list, which is a table's only column."""
    if isinstance(_item_node(function, name), Value) and isinstance(item, dict):
        cells = list(cast("dict[str, Any]", item).values())
        return cells[0] if len(cells) == 1 else cast("Any", item)
    return item


def _member(item: Any, name: str, index: int) -> Any:
    if not isinstance(item, Mapping) or name not in item:
        raise ItemsError(f"item {index} has no {name}")
    return cast("Mapping[str, Any]", item)[name]


def _text(path: Path, encoding: str) -> str:
    try:
        data = read_regular(path)
    except FileNotFoundError:
        raise ItemsError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ItemsError(f"{path}: can't be read ({reason(error)})") from None
    if data.startswith(_WORKBOOK_STARTS):
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
