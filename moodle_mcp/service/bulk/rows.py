"""Makes items of a table's rows, and keeps apart the names for which ids are to be found; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from moodle_mcp.catalogue.model import Object
from moodle_mcp.service.bulk.columns import (
    ColumnError,
    Columns,
    Filled,
    Plain,
    Scope,
    Shared,
    Target,
    mapped,
)
from moodle_mcp.tables.items import Steps, table_items
from moodle_mcp.tables.reader import Column, Table
from moodle_mcp.tables.shapes import Place


@dataclass(frozen=True, slots=True)
class Named:
    """A name in a row: what it stands for, its text, and the header of its column."""

    target: Target
    text: str
    header: str


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a table for one function.

    `items` lack the ids of `names`, which are those of each row. `shared` are the arguments that
    all items share, `shared_names` the names among them. `lines` are the rows' lines in the file;
    empty if they have none.
    """

    items: list[dict[str, Any]]
    names: list[tuple[Named, ...]]
    place: Place
    lines: tuple[int, ...] = ()
    shared: dict[str, Any] = field(default_factory=dict[str, Any])
    shared_names: tuple[Named, ...] = ()

    def only(self, chosen: Sequence[int]) -> Rows:
        """Return the rows at these indexes."""

        def place(index: int, steps: Sequence[str]) -> str:
            return self.place(chosen[index], steps)

        return replace(
            self,
            items=[self.items[index] for index in chosen],
            names=[self.names[index] for index in chosen],
            lines=tuple(self.lines[index] for index in chosen) if self.lines else (),
            place=place,
        )


@dataclass(frozen=True, slots=True)
class Layout:
    """What the headers of a table fill, and the values that are the same for all rows."""

    columns: Columns
    by_header: Mapping[str, Filled]
    defaults: Mapping[str, tuple[Filled, Any]]

    @property
    def filled_keys(self) -> frozenset[str]:
        """The first keys of an item that names or defaults fill."""
        filled = [*self.by_header.values(), *(each for each, _ in self.defaults.values())]
        targets = {each.steps[0] for each in filled if isinstance(each, Target) and each.steps}
        plain = {_first_key(each.header) for each, _ in self._plain_defaults()}
        return frozenset(targets | plain)

    def _plain_defaults(self) -> Iterator[tuple[Plain, Any]]:
        for filled, value in self.defaults.values():
            if isinstance(filled, Plain):
                yield filled, value

    def with_defaults(self, item: dict[str, Any], names: Sequence[Named]) -> tuple[Named, ...]:
        """Put the defaults into an item that lacks them, and return its names with the defaults'.

        A default counts for a row that has no value of the same kind.
        """
        own = {place_of(name.target) for name in names}
        for filled, value in self._plain_defaults():
            if place_of(filled) not in own:
                item.setdefault(filled.header, value)
        more = [
            Named(filled, str(value), header)
            for header, (filled, value) in self.defaults.items()
            if isinstance(filled, Target)
            and filled.scope != "call"
            and place_of(filled) not in own
            and (filled.scope != "item" or value_at(item, filled.steps) is None)
        ]
        return (*names, *more)

    def shared(self) -> tuple[dict[str, Any], tuple[Named, ...]]:
        """Return the arguments that all items share, and the names among the defaults for them."""
        values: dict[str, Any] = {}
        names: list[Named] = []
        for header, (filled, value) in self.defaults.items():
            if isinstance(filled, Shared):
                values[filled.argument] = value
            elif isinstance(filled, Target) and filled.scope == "call":
                names.append(Named(filled, str(value), header))
        return values, tuple(names)


def layout(
    columns: Columns,
    headers: Sequence[str],
    mapping: Mapping[str, str],
    defaults: Mapping[str, Any],
) -> Layout:
    """Return what each header and default fills; a header mapped to nothing is left out.

    Raises:
        ColumnError: one fills nothing, or a required id has neither a column nor a default.
    """
    names = mapped(headers, mapping)
    by_header = {header: columns.filled(name) for header, name in names.items() if name}
    for header, filled in by_header.items():
        if isinstance(filled, Shared) or (isinstance(filled, Target) and filled.scope == "call"):
            raise ColumnError(f"{header}: is the same for all rows: give it in defaults")
    with_values = {name: (columns.filled(name), value) for name, value in defaults.items()}
    _refuse_repeated({name: filled for name, (filled, _) in with_values.items()})
    for name in defaults:
        if "[" in name:
            raise ColumnError(f"{name}: a default can't be below another key; give it in a column")
    found = Layout(columns, by_header, with_values)
    _refuse_missing(found)
    return found


def place_of(filled: Filled) -> tuple[Scope, Steps]:
    """Return where a column or default puts its value."""
    match filled:
        case Plain(header):
            return "item", (header,)
        case Shared(argument):
            return "call", (argument,)
        case Target():
            return filled.scope, filled.steps


def _refuse_repeated(defaults: Mapping[str, Filled]) -> None:
    places: dict[tuple[Scope, Steps], str] = {}
    for name, filled in defaults.items():
        other = places.setdefault(place_of(filled), name)
        if other != name:
            raise ColumnError(f"defaults: {name} is for the same value as {other}")


def _refuse_missing(found: Layout) -> None:
    filled = found.by_header.values()
    plain = {_first_key(each.header) for each in filled if isinstance(each, Plain)}
    for key, node in found.columns.shape.keys.items():
        if node.presence == "required" and key not in plain | found.filled_keys:
            known = ", ".join(found.columns.named_headers())
            names = f"; names that stand for ids are {known}" if known else ""
            raise ColumnError(f"there is no column or default for {key}, which is required{names}")


def rows_of_table(table: Table, found: Layout, *, clear_empty: bool = False) -> Rows:
    """Return the rows of a table.

    Raises:
        TableError: a column can't be used, or a number has a comma.
    """
    plain: list[Column] = []
    named: list[tuple[Column, Target]] = []
    for column in table.columns:
        match found.by_header.get(column.header):
            case Plain(header):
                plain.append(Column(column.position, header))
            case Target() as target:
                named.append((column, target))
            case Shared() | None:
                pass
    relaxed = _relaxed(found.columns.shape, found.filled_keys)
    items = table_items(Table(tuple(plain), table.rows), relaxed, clear_empty=clear_empty)
    names = [
        found.with_defaults(
            item,
            [
                Named(target, row.cell(column), column.header)
                for column, target in named
                if row.cell(column).strip()
            ],
        )
        for item, row in zip(items.values, table.rows, strict=True)
    ]
    lines = tuple(row.line for row in table.rows)
    shared, shared_names = found.shared()
    return Rows(items.values, names, items.place, lines, shared, shared_names)


def rows_of_objects(
    objects: Sequence[Any], found: Layout, place: Place, lines: tuple[int, ...] = ()
) -> Rows:
    """Return the rows of a list of objects, whose keys are the headers.

    An item that is not an object goes to the function as it is, for its check to refuse or take.
    """
    items: list[dict[str, Any]] = []
    names: list[tuple[Named, ...]] = []
    only = next(iter(found.columns.shape.keys))
    for each in objects:
        item: dict[str, Any] = {}
        own: list[Named] = []
        given = cast("dict[str, Any]", each) if isinstance(each, dict) else {only: each}
        for key, value in given.items():
            match found.by_header.get(key):
                case Target() as target if value not in (None, ""):
                    own.append(Named(target, str(value), key))
                case Plain(header):
                    item[header] = value
                case _:
                    pass
        names.append(found.with_defaults(item, own))
        items.append(item)
    shared, shared_names = found.shared()
    return Rows(items, names, place, lines, shared, shared_names)


def headers_of_objects(objects: Sequence[Any], columns: Columns) -> list[str]:
    """Return the keys of all objects, each once; another item has the first key of an item."""
    keys: dict[str, None] = {}
    for each in objects:
        if isinstance(each, dict):
            keys.update(dict.fromkeys(cast("dict[str, Any]", each)))
        else:
            keys[next(iter(columns.shape.keys))] = None
    return list(keys)


def set_at(item: dict[str, Any], steps: Steps, value: Any) -> None:
    """Put a value into an item at the keys that lead to it."""
    inner = item
    for step in steps[:-1]:
        inner = inner.setdefault(step, {})
    inner[steps[-1]] = value


def value_at(item: Mapping[str, Any], steps: Steps) -> Any:
    """Return the value at the keys that lead to it; None if there is none."""
    value: Any = item
    for step in steps:
        if not isinstance(value, dict):
            return None
        value = cast("dict[str, Any]", value).get(step)
    return value


def _relaxed(shape: Object, keys: frozenset[str]) -> Object:
    """Return a shape in which these keys are not required."""
    return Object(
        {
            key: replace(node, presence="optional") if key in keys else node
            for key, node in shape.keys.items()
        }
    )


def _first_key(header: str) -> str:
    return header.partition("[")[0]
