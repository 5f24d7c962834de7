"""Turn a table's rows into a function's items; headers name keys, nested ones in brackets."""

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

# No key is longer, and Python refuses to parse numbers of thousands of digits.
_HEADER: Final = re.compile(r"[A-Za-z_]\w*(\[\w{1,100}\])*")
_STEP: Final = re.compile(r"\w+")
_WHOLE: Final = re.compile(r"(-?[0-9]+)\.0+")
_WITH_COMMA: Final = re.compile(r"-?[0-9]+(,[0-9]+)+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class _Field:
    """The value that a column fills, at `steps`, of the shape `node`.

    `entry` are the columns of the same entry of a list inside the item; empty outside lists.
    """

    column: Column
    steps: Steps
    node: Node
    entry: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class TableItems:
    """The items of a table, with the positions of their values."""

    values: list[dict[str, Any]]
    _rows: tuple[Row, ...]
    _fields: tuple[_Field, ...]
    _clear: bool

    def place(self, index: int, steps: Sequence[str] = ()) -> str:
        """Return where a value of an item is, such as `column C (email), line 12`; only the line
        if no column fills it.
        """
        row = self._rows[index]
        found = _as_in_header(steps, _tree(self._fields, row, clear=self._clear))
        columns = (each.column for each in self._fields if found[: len(each.steps)] == each.steps)
        column = next(columns, None)
        return f"line {row.line}" if column is None else f"{column}, line {row.line}"


def table_items(table: Table, shape: Object, *, clear_empty: bool = False) -> TableItems:
    """Return the items of a table, each of the given shape.

    Cells stay text. In cells for numbers and booleans, common spreadsheet formats are corrected:
    surrounding spaces, `5.0` for an integer, `TRUE`. Other invalid values are left for the argument
    check to refuse.

    An empty cell omits its key, which in an update leaves the value unchanged; with `clear_empty`
    it becomes an empty text. If all cells of an entry of a list inside the item are empty, the
    entry is omitted in both cases.

    Raises:
        TableError: a header is not a key of the shape or occurs twice, a required key has no
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
    """Return the steps that a header names; none if it is not a key."""
    steps = _STEP.findall(header) if _HEADER.fullmatch(header) else ()
    return tuple(str(int(step)) if step.isdecimal() else step for step in steps)


def _node(shape: Object, steps: Steps) -> Node | None:
    """Return the node at these steps, where a step into a list must be an index."""
    for depth, step in enumerate(steps):
        if isinstance(node_at(shape, steps[:depth]), ListOf) and not step.isdecimal():
            return None
    return node_at(shape, steps)


def _entry(steps: Steps, fields: Sequence[_Field]) -> tuple[Column, ...]:
    """Return the columns that share these steps up to the last index."""
    depth = max((at for at, step in enumerate(steps, 1) if step.isdecimal()), default=0)
    if not depth:
        return ()
    return tuple(each.column for each in fields if each.steps[:depth] == steps[:depth])


def _about(unknown: Sequence[Column], shape: Object, *, some_known: bool) -> str:
    """Describe headers that are not keys: those similar to a key, or else the first.

    If no header is similar to a key, the first line is probably an item. It may contain a password
    and is not shown.
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
    return f"no cell of its first line is a known key; the keys are {keys}"


def _headers(shape: Object) -> Iterator[str]:
    """Yield all headers that the shape allows; for lists, those of the first entry."""
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
    """Nest a row's cells by their steps in dictionaries; lists are dictionaries too."""
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
    """Return a cell with the spreadsheet's formatting of numbers and booleans undone."""
    if not isinstance(field.node, Value) or scalar(field.node) == "string":
        return cell
    cell = cell.strip()
    if _WITH_COMMA.fullmatch(cell):
        raise TableError(
            f"{field.column}, line {row.line}: has a number with a comma; use a decimal point "
            "(7.5) and no thousands separators"
        )
    if scalar(field.node) == "boolean":
        cell = cell.lower()
    whole = _WHOLE.fullmatch(cell)
    return whole[1] if whole else cell


def _entries(tree: Any) -> list[str]:
    """Return the keys of a dictionary that stands for a list, in the list's order."""
    keys = list(cast("Mapping[str, Any]", tree)) if isinstance(tree, dict) else []
    return sorted(keys, key=int) if all(key.isdecimal() for key in keys) else []


def _as_in_header(steps: Sequence[str], tree: Any) -> Steps:
    """Return the steps to a value with the header's indexes: a list's entries move up if some are
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
    """Turn the dictionaries that stand for lists into lists, ordered by their indexes."""
    if not isinstance(tree, dict):
        return tree
    members = {key: _value(child) for key, child in cast("dict[str, Any]", tree).items()}
    entries = _entries(tree)
    return [members[key] for key in entries] if entries else members
