"""Making a function's items of a table's rows: the header names keys, nested ones in brackets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from moodle_mcp.catalogue.model import ListOf, Node, Object, Value, scalar
from moodle_mcp.catalogue.paths import node_at
from moodle_mcp.suggest import similar
from moodle_mcp.tables.reader import Column, Row, Table, TableError

Steps: TypeAlias = tuple[str, ...]
"""The keys and indexes that lead to a value inside an item, indexes as decimal text."""

# Longer keys there are none; digits of some thousands Python makes no number of.
_HEADER: Final = re.compile(r"[A-Za-z_]\w*(\[\w{1,100}\])*")
_STEP: Final = re.compile(r"\w+")
_WHOLE: Final = re.compile(r"(-?[0-9]+)\.0+")
_WITH_COMMA: Final = re.compile(r"-?[0-9]+(,[0-9]+)+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class _Field:
    """What a column fills: the value at `steps`, of the shape `node`.

    `entry` are the columns of the same entry of a list inside the item, none outside of lists.
    """

    column: Column
    steps: Steps
    node: Node
    entry: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class TableItems:
    """The items of a table, and where their values stand."""

    values: list[dict[str, Any]]
    _rows: tuple[Row, ...]
    _fields: tuple[_Field, ...]
    _clear: bool

    def place(self, index: int, steps: Sequence[str] = ()) -> str:
        """Where a value of an item stands: `column C (email), line 12`, or only the line if no
        column is for it.
        """
        row = self._rows[index]
        found = _as_in_header(steps, _tree(self._fields, row, clear=self._clear))
        columns = (each.column for each in self._fields if found[: len(each.steps)] == each.steps)
        column = next(columns, None)
        return f"line {row.line}" if column is None else f"{column}, line {row.line}"


def table_items(table: Table, shape: Object, *, clear_empty: bool = False) -> TableItems:
    """Return the items of a table, each of the given shape.

    Cells stay texts. Around and in numbers and yes-or-no values the ways in which spreadsheets
    write them are mended: blanks, `5.0` for an integer, `TRUE`. What an argument check refuses
    stays as it is.

    An empty cell leaves its key out, which in an update leaves the value as it is; with
    `clear_empty` it is an empty text. An entry of a list inside the item, of which every cell is
    empty, is left out in both cases.

    Raises:
        TableError: a header is not a key of the shape or stands twice, a required key has no
            column, or a number has a comma.
    """
    fields = _fields(table.columns, shape)
    for key, node in shape.keys.items():
        if node.presence == "required" and not any(each.steps[0] == key for each in fields):
            raise TableError(f"has no column {key}, which is required")
    values = [_value(_tree(fields, row, clear=clear_empty)) for row in table.rows]
    return TableItems(values, table.rows, fields, clear_empty)


def _fields(columns: Sequence[Column], shape: Object) -> tuple[_Field, ...]:
    fields: list[_Field] = []
    unknown: list[Column] = []
    for column in columns:
        steps = _steps(column.header)
        node = _node(shape, steps) if steps else None
        if node is None:
            unknown.append(column)
            continue
        for other in fields:
            shared = min(len(steps), len(other.steps))
            if steps[:shared] == other.steps[:shared]:
                raise TableError(f"{column}: is for the same value as {other.column}")
        fields.append(_Field(column, steps, node))
    if unknown:
        raise TableError(_about(unknown, shape, some_known=bool(fields)))
    return tuple(
        _Field(each.column, each.steps, each.node, _entry(each.steps, fields)) for each in fields
    )


def _steps(header: str) -> Steps:
    """The steps that a header names; none if it is no key."""
    steps = _STEP.findall(header) if _HEADER.fullmatch(header) else ()
    return tuple(str(int(step)) if step.isdecimal() else step for step in steps)


def _node(shape: Object, steps: Steps) -> Node | None:
    """The node at these steps, of which those into lists must be indexes."""
    for depth, step in enumerate(steps):
        if isinstance(node_at(shape, steps[:depth]), ListOf) and not step.isdecimal():
            return None
    return node_at(shape, steps)


def _entry(steps: Steps, fields: Sequence[_Field]) -> tuple[Column, ...]:
    """The columns that share these steps up to the last index."""
    depth = max((at for at, step in enumerate(steps, 1) if step.isdecimal()), default=0)
    if not depth:
        return ()
    return tuple(each.column for each in fields if each.steps[:depth] == steps[:depth])


def _about(unknown: Sequence[Column], shape: Object, *, some_known: bool) -> str:
    """What is wrong with headers that are no keys: those that are like a key, or else the first.

    If no header is like any key, the first line is probably an item, which may hold a password and
    is not shown.
    """
    headers = list(_headers(shape))
    by_folded = {name.casefold(): name for name in headers}
    misspelt: list[str] = []
    for column in unknown:
        same = by_folded.get(column.header.casefold())
        near = [same] if same is not None else similar(column.header, headers)
        if near:
            names = " or ".join(near)
            misspelt.append(f"{column}: is not a known key; did you mean {names}?")
    if misspelt:
        return " ".join(misspelt)
    keys = ", ".join(by_folded.values())
    if some_known:
        return f"{unknown[0]}: is not a known key; the keys are {keys}"
    return f"none of its first line's cells is a known key; the keys are {keys}"


def _headers(shape: Object) -> Iterator[str]:
    """All headers that the shape allows, of lists those of the first entry."""
    for key, child in shape.keys.items():
        yield from (f"{key}{inner}" for inner in _inner_headers(child))


def _inner_headers(node: Node) -> Iterator[str]:
    match node:
        case Value():
            yield ""
        case ListOf():
            yield from (f"[0]{inner}" for inner in _inner_headers(node.item))
        case Object():
            for key, child in node.keys.items():
                yield from (f"[{key}]{inner}" for inner in _inner_headers(child))


def _tree(fields: Sequence[_Field], row: Row, *, clear: bool) -> dict[str, Any]:
    """A row's cells by their steps, one dictionary inside the other; lists are dictionaries too."""
    tree: dict[str, Any] = {}
    for each in fields:
        cell = row.cell(each.column)
        if cell.strip():
            cell = _mended(each, row, cell)
        elif not clear or (each.entry and not any(row.cell(one).strip() for one in each.entry)):
            continue
        else:
            cell = ""
        inner = tree
        for step in each.steps[:-1]:
            inner = inner.setdefault(step, {})
        inner[each.steps[-1]] = cell
    return tree


def _mended(field: _Field, row: Row, cell: str) -> str:
    """A cell without what spreadsheets do to numbers and yes-or-no values."""
    if not isinstance(field.node, Value) or scalar(field.node) == "string":
        return cell
    cell = cell.strip()
    if _WITH_COMMA.fullmatch(cell):
        raise TableError(
            f"{field.column}, line {row.line}: has a number with a comma; write a decimal point "
            "(7.5) and nothing between thousands"
        )
    if scalar(field.node) == "boolean":
        cell = cell.lower()
    whole = _WHOLE.fullmatch(cell)
    return whole[1] if whole else cell


def _entries(tree: Any) -> list[str]:
    """The keys of a dictionary that stands for a list, in the list's order."""
    keys = list(cast("Mapping[str, Any]", tree)) if isinstance(tree, dict) else []
    return sorted(keys, key=int) if all(key.isdecimal() for key in keys) else []


def _as_in_header(steps: Sequence[str], tree: Any) -> Steps:
    """The steps to a value with the header's indexes: a list's entries close ranks where some are
    empty.
    """
    found: list[str] = []
    for step in steps:
        entries = _entries(tree)
        if step.isdecimal() and int(step) < len(entries):
            found.append(entries[int(step)])
        else:
            found.append(step)
        tree = cast("dict[str, Any]", tree).get(found[-1]) if isinstance(tree, dict) else None
    return tuple(found)


def _value(tree: Any) -> Any:
    """The tree with its lists as lists, in the order of their indexes."""
    if not isinstance(tree, dict):
        return tree
    members = {key: _value(child) for key, child in cast("dict[str, Any]", tree).items()}
    entries = _entries(tree)
    return [members[key] for key in entries] if entries else members
