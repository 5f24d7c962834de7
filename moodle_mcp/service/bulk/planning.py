"""Plans a call with the rows of a table: finds ids, checks every row, and says what is wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Any

from moodle_mcp.background import Background
from moodle_mcp.caller.ledger import BatchLedger, Fate
from moodle_mcp.catalogue.arguments import ArgumentChecker, lacks_zone
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.paths import item_at
from moodle_mcp.catalogue.references import References
from moodle_mcp.errors import CallError, Fault, Kind
from moodle_mcp.service.bulk.columns import Columns
from moodle_mcp.service.bulk.filling import FilledRows, fill, repeated
from moodle_mcp.service.bulk.rows import (
    Layout,
    Rows,
    headers_of_objects,
    layout,
    rows_of_objects,
    rows_of_table,
)
from moodle_mcp.service.references.resolver import Resolver
from moodle_mcp.tables.content import Content
from moodle_mcp.tables.reader import Table
from moodle_mcp.tables.shapes import as_arguments, lacking, with_places

Zone = Callable[[], Awaitable[tzinfo]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants done with the content of a file.

    `columns` maps headers to what they are called by the function; `defaults` are the values that
    are the same for all rows, `arguments` those of the call besides its items.
    """

    function: Function
    content: Content
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    clear_empty: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """A call with the good rows of a table.

    `arguments` are those of a call with the rows at `good` alone; `ledger` has the faults of all
    other rows. `same` are the lines of good rows that ask for the same, together.
    """

    filled: FilledRows
    good: tuple[int, ...]
    arguments: dict[str, Any]
    ledger: BatchLedger
    same: list[list[int]]

    @property
    def all_are_good(self) -> bool:
        """Whether every row is understood."""
        return len(self.good) == self.ledger.items


def laid_out(wanted: Wanted, references: References) -> tuple[Layout, Rows]:
    """Return what the columns fill, and the rows; pure.

    Raises:
        ColumnError: a column or default fills nothing, or a required value has none.
        TableError: the table does not fit the function, which may take no list of items.
    """
    columns = Columns(wanted.function, references)
    data = wanted.content.data
    if isinstance(data, Table):
        found = layout(
            columns, [each.header for each in data.columns], wanted.columns, wanted.defaults
        )
        return found, rows_of_table(data, found, clear_empty=wanted.clear_empty)
    headers = headers_of_objects(data, columns)
    found = layout(columns, headers, wanted.columns, wanted.defaults)
    content = wanted.content
    rows = rows_of_objects(data, found, lambda index, _: content.place(index), content.lines)
    return found, rows


async def plan(
    wanted: Wanted,
    found: Layout,
    rows: Rows,
    resolver: Resolver,
    checker: ArgumentChecker,
    background: Background,
    zone: Zone,
) -> Planned:
    """Find the ids of the rows' names and check every row.

    Raises:
        CallError: a look-up is not possible, or the arguments that all rows share are wrong;
            nothing was sent.
    """
    filled = await fill(rows, found.columns, resolver, background)
    filled.faults.update(_incomplete(wanted.function, filled))
    check = _Check(wanted.function, filled, dict(wanted.arguments) | rows.shared, checker)
    faults = dict(filled.faults)
    if filled.good:
        try:
            await background.run(check.together)
        except CallError as error:
            needed = await zone() if lacks_zone(error) else None
            faults |= await background.run(check.each, needed)
    good = tuple(index for index in range(len(rows.items)) if index not in faults)
    ledger = BatchLedger(len(rows.items), rows.lines)
    for index, fault in faults.items():
        ledger.mark([index], Fate.FAILED, fault)
    same = await background.run(repeated, rows, good)
    return Planned(filled, good, check.arguments(good), ledger, same)


def _incomplete(function: Function, filled: FilledRows) -> dict[int, Fault]:
    """Return the faults of rows without a value for one of the parallel lists."""
    return {
        index: Fault(Kind.INVALID_ARGUMENTS, f"{missing[0]} is missing and required.")
        for index in filled.good
        if (missing := lacking(function, filled.rows.items[index]))
    }


@dataclass(frozen=True, slots=True)
class _Check:
    """Checks rows against the function's schema, all at once or each by itself."""

    function: Function
    filled: FilledRows
    shared: Mapping[str, Any]
    checker: ArgumentChecker

    def arguments(self, rows: tuple[int, ...]) -> dict[str, Any]:
        """Return the arguments of a call with some of the rows."""
        items = [self.filled.rows.items[index] for index in rows]
        return {**self.shared, **as_arguments(self.function, items)}

    def together(self) -> None:
        """Check all good rows.

        Raises:
            CallError: something is wrong.
        """
        self.checker.check(self.function, self.arguments(tuple(self.filled.good)))

    def each(self, zone: tzinfo | None) -> dict[int, Fault]:
        """Check the good rows one by one; return the faults of those that are wrong.

        Raises:
            CallError: what all rows share is wrong, or they are too many.
        """
        faults: dict[int, Fault] = {}
        good = self.filled.good
        for index in good:
            try:
                self.checker.check(self.function, self.arguments((index,)), zone)
            except CallError as error:
                faults[index] = self._of_row(error, index)
        if not faults:
            self.checker.check(self.function, self.arguments(tuple(good)), zone)
        return faults

    def _of_row(self, error: CallError, index: int) -> Fault:
        """Return what is wrong with a row; raise if it is not about the row."""
        lists = self.function.batching.items if self.function.batching else ()
        parameters = error.fault.parameters
        if not parameters or any(item_at(each.path, lists) is None for each in parameters):
            raise error
        placed = with_places(error.fault, self.function, self.filled.rows.place, [index])
        first = placed.parameters[0]
        more = f" ({len(parameters)} faults)" if len(parameters) > 1 else ""
        allowed = f"; allowed: {first.allowed}" if first.allowed else ""
        path = item_at(first.path, lists)
        name = path[2].lstrip(".") if path and path[2] else first.path
        return replace(
            placed,
            kind=Kind.INVALID_ARGUMENTS,
            message=f"{name} {first.problem}{allowed}{more}.",
        )
