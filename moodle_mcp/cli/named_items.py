"""`moodle-mcp call FUNCTION --items FILE`: the rows of a file as a call, with names as ids."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, cast

from moodle_mcp.catalogue.control_arguments import CONTROL_ARGUMENTS
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.references import References
from moodle_mcp.cli.item_file import ItemFile
from moodle_mcp.cli.items import ItemsError
from moodle_mcp.errors import Fault, MoodleMcpError
from moodle_mcp.service.bulk.columns import ColumnError, Columns, Target
from moodle_mcp.service.bulk.planning import Planned, Wanted, laid_out, plan
from moodle_mcp.service.bulk.report import WORDS
from moodle_mcp.service.bulk.rows import Layout, Rows, headers_of_objects
from moodle_mcp.service.context import UserContext
from moodle_mcp.service.service import CallService
from moodle_mcp.tables.reader import Table, TableError
from moodle_mcp.tables.shapes import Place, as_arguments
from moodle_mcp.terminal import say_table


class Naming(Protocol):
    """What a job says about names."""

    @property
    def arguments(self) -> Mapping[str, Any]: ...

    @property
    def columns(self) -> Mapping[str, str]: ...

    @property
    def defaults(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Ready:
    """Items to be sent: their indexes in the file, and the arguments of the call.

    `faults` are those of items that can't be sent, by index in the file. `planned` is None if the
    items name nothing.
    """

    sent: list[int]
    arguments: dict[str, Any]
    faults: dict[int, Fault] = field(default_factory=dict[int, Fault])
    planned: Planned | None = None


@dataclass(frozen=True, slots=True)
class PlainRows:
    """The items of a file that are sent as they are; each is its own identity."""

    function: Function
    identities: list[Any]
    place: Place
    arguments: Mapping[str, Any]

    async def ready(self, sent: Sequence[int]) -> Ready:
        """Return some of the items, by their indexes."""
        lists = as_arguments(self.function, [self.identities[index] for index in sent])
        return Ready(list(sent), {**self.arguments, **lists})


@dataclass(frozen=True, slots=True)
class NamedRows:
    """The rows of a file that name things.

    A row is recognised by what the file says: the ids of its names are found anew each time.
    """

    wanted: Wanted
    layout: Layout
    rows: Rows
    context: UserContext
    identities: list[Any]
    control: Mapping[str, Any]

    @property
    def place(self) -> Place:
        """Where a value is in the file."""
        return self.rows.place

    async def ready(self, sent: Sequence[int]) -> Ready:
        """Find the ids of some of the rows, by their indexes, and check them.

        Raises:
            CallError: names can't be looked up.
        """
        context = self.context
        planned = await plan(
            self.wanted,
            self.layout,
            self.rows.only(sent),
            context.resolver(),
            context.process.checker,
            context.session.background,
            partial(CallService().zone, context),
        )
        faults: dict[int, Fault] = {}
        for position, index in enumerate(sent):
            fault = planned.ledger.fault(position)
            if fault is not None:
                faults[index] = fault
        good = [sent[position] for position in planned.good]
        return Ready(good, {**planned.arguments, **self.control}, faults, planned)


def has_names(file: ItemFile, function: Function, references: References) -> bool:
    """Whether a column or key of the file names things instead of being a key of the function."""
    try:
        columns = Columns(function, references)
        return any(isinstance(columns.filled(each), Target) for each in _headers(file, columns))
    except (ColumnError, TableError):
        # The function's own keys are explained better by what reads them.
        return False


def plain_rows(file: ItemFile, function: Function, arguments: Mapping[str, Any]) -> PlainRows:
    """Return the items of a file that are sent as they are.

    Raises:
        ItemsError: they don't fit the function, or are in the arguments too.
    """
    items = file.items(function)
    _refuse_both(file, function, arguments)
    return PlainRows(function, items.values, items.place, arguments)


def named_rows(
    file: ItemFile, function: Function, naming: Naming, context: UserContext
) -> NamedRows:
    """Return the rows of a file that name things.

    Raises:
        ItemsError: a column or default can't be used.
    """
    _refuse_both(file, function, naming.arguments)
    given = naming.arguments
    own = {name: given[name] for name in given if name not in CONTROL_ARGUMENTS}
    control = {name: given[name] for name in given if name in CONTROL_ARGUMENTS}
    wanted = Wanted(function, file.content, naming.columns, naming.defaults, own, file.clear_empty)
    try:
        found, rows = laid_out(wanted, context.process.references)
    except MoodleMcpError as error:
        raise ItemsError(f"{file.path}: {error}") from None
    identities = [
        [json.loads(json.dumps(item)), {each.header: each.text for each in names}]
        for item, names in zip(rows.items, rows.names, strict=True)
    ]
    return NamedRows(wanted, found, rows, context, cast("list[Any]", identities), control)


def show_plan(planned: Planned) -> None:
    """Show on stderr what the names mean."""
    rows = [
        [(WORDS.get(thing, (thing.value, ""))[0], ""), (name, ""), (str(number), "")]
        for thing, names in planned.filled.named.items()
        for number, name in names.items()
    ]
    if rows:
        say_table([[("what", "bold"), ("name", "bold"), ("id", "bold")], *rows], err=True)


def _headers(file: ItemFile, columns: Columns) -> list[str]:
    data = file.content.data
    if isinstance(data, Table):
        return [each.header for each in data.columns]
    return headers_of_objects(data, columns)


def _refuse_both(file: ItemFile, function: Function, arguments: Mapping[str, Any]) -> None:
    lists = function.batching.items if function.batching else ()
    both = [name for name in lists if name in arguments]
    if both:
        raise ItemsError(f"{both[0]} is in the arguments and in {file.path}: remove one")
