"""Splits the items of one call into requests; pure.

Every item is in exactly one request, in order, and no request exceeds a limit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from moodle_mcp.background import checkpoint
from moodle_mcp.caller.limits import Limits, check_size, too_large
from moodle_mcp.catalogue.model import Function
from moodle_mcp.errors import CallError, Fault, Kind
from moodle_mcp.site.protocol import Cost, Protocol, Request


@dataclass(frozen=True, slots=True)
class Slice:
    """The items from `start` up to `stop`, which one request carries."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def halves(self) -> tuple[Slice, Slice]:
        """The two halves of a slice of two items or more."""
        middle = (self.start + self.stop) // 2
        return Slice(self.start, middle), Slice(middle, self.stop)


@dataclass(frozen=True, slots=True)
class Plan:
    """The requests of one call: `slices` of its items, encoded when they are sent.

    If some items are not sent, `sent` are the indexes of the others, and the slices count only
    these.
    """

    function: Function
    arguments: Mapping[str, Any]
    protocol: Protocol
    items: int
    slices: tuple[Slice, ...]
    sent: tuple[int, ...] | None = None

    def without(self, withheld: Collection[int]) -> Plan:
        """Return the plan without some items. Requests only become shorter."""
        if not withheld:
            return self
        slices: list[Slice] = []
        start = 0
        for part in self.slices:
            stop = start + sum(index not in withheld for index in range(part.start, part.stop))
            slices += [Slice(start, stop)] if stop > start else []
            start = stop
        sent = tuple(index for index in range(self.items) if index not in withheld)
        return replace(self, slices=tuple(slices), sent=sent)

    def indexes(self, part: Slice) -> Sequence[int]:
        """The indexes of a slice's items in the call."""
        sent = range(self.items) if self.sent is None else self.sent
        return sent[part.start : part.stop]

    @property
    def item_names(self) -> tuple[str, ...]:
        """The names of the arguments that hold the items; empty for a call of one request."""
        return self.function.batching.items if self.function.batching and self.items else ()

    def arguments_of(self, part: Slice) -> dict[str, Any]:
        """The arguments for a slice: its items only, and all other arguments."""
        return {
            name: self._in(part, value) if name in self.item_names else value
            for name, value in self.arguments.items()
        }

    def items_of(self, part: Slice) -> list[Any]:
        """The items of a slice; those of the first list if there are parallel lists."""
        return self._in(part, self.arguments[self.item_names[0]])

    def _in(self, part: Slice, items: list[Any]) -> list[Any]:
        if self.sent is None:
            return items[part.start : part.stop]
        return [items[index] for index in self.indexes(part)]

    def ids_of(self, index: int) -> dict[str, int]:
        """The ids in an item, by their keys: `{"userid": 9, "courseid": 2}`."""
        ids: dict[str, int] = {}
        for name in self.item_names:
            item = self.arguments[name][index]
            fields = cast("Mapping[str, Any]", item) if isinstance(item, Mapping) else {name: item}
            ids |= {
                key: value
                for key, value in fields.items()
                if type(value) is int and key.endswith(("id", "ids"))
            }
        return ids

    def request(self, part: Slice) -> Request:
        """The request that carries a slice."""
        return self.protocol.encode(self.function.name, self.arguments_of(part))


def make_plan(
    function: Function,
    arguments: Mapping[str, Any],
    limits: Limits,
    protocol: Protocol,
) -> Plan:
    """The plan for checked arguments, to be sent in a protocol.

    Raises:
        CallError: `too_large` if a single item, or a list that can't be split, does not fit one
            request; `invalid_arguments` if parallel lists differ in length.
    """
    lists = _item_lists(function, arguments)
    if function.batching is None or not lists:
        check_size(protocol.encode(function.name, arguments), limits)
        return Plan(function, arguments, protocol, 0, (Slice(0, 0),))
    plan = Plan(function, arguments, protocol, len(lists[0]), ())
    slices = _cut(plan, limits, function.batching.size or protocol.batch_size)
    return replace(plan, slices=tuple(slices))


def _item_lists(function: Function, arguments: Mapping[str, Any]) -> list[Sequence[Any]]:
    """The lists of independent items in the arguments; parallel ones have the same length."""
    names = function.batching.items if function.batching else ()
    lists = [arguments[name] for name in names if name in arguments]
    if len(lists) != len(names):
        return []
    lengths = {name: len(items) for name, items in zip(names, lists, strict=True)}
    if len(set(lengths.values())) > 1:
        raise CallError.not_sent(
            Fault(
                Kind.INVALID_ARGUMENTS,
                f"Nothing was sent: the lists belong together item by item and differ in length: "
                f"{', '.join(f'{name} has {length}' for name, length in lengths.items())}.",
                function=function.name,
            )
        )
    return lists


def _cut(plan: Plan, limits: Limits, batch_size: int) -> list[Slice]:
    """Slices as long as the limits allow, measured to the byte."""
    empty = plan.request(Slice(0, 0)).cost
    slices: list[Slice] = []
    start, cost = 0, empty
    for index in range(plan.items):
        checkpoint()
        longer = cost + _item_cost(plan, index, index - start)
        if index > start and (not limits.allow(longer) or index - start == batch_size):
            slices.append(Slice(start, index))
            start, longer = index, empty + _item_cost(plan, index, 0)
        if not limits.allow(longer):
            name = plan.item_names[0]
            raise too_large(plan.request(Slice(index, index + 1)), limits, f"{name}[{index}]")
        cost = longer
    return [*slices, Slice(start, plan.items)]


def _item_cost(plan: Plan, index: int, position: int) -> Cost:
    """What an item adds at a position in its request."""
    lists = {name: [plan.arguments[name][index]] for name in plan.item_names}
    return plan.protocol.item_cost(lists, position)
