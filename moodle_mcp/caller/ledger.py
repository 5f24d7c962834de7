"""The ledger of a batch: the status of each item.

Every item always has exactly one `Fate`, NOT_SENT at first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import groupby
from typing import Any, Final, TypeAlias

from moodle_mcp.errors import Fault, Written, packed_fault, unpacked_fault

MAX_NAMED: Final = 50
"""Most failures that a report lists with their errors; a run with the same fault counts as one."""


class Fate(IntEnum):
    """The status of an item."""

    NOT_SENT = 0
    SUCCEEDED = 1
    FAILED = 2
    UNKNOWN = 3


IdsOf: TypeAlias = Callable[[int], Mapping[str, int]]
"""Returns the ids in an item."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What is to be said of an item that did not fail: a code such as `unchanged`, and a text."""

    code: str
    text: str


def no_ids(_: int) -> Mapping[str, int]:
    """The ids of an item that is not at hand."""
    return {}


class BatchLedger:
    """The status of a batch's items, the faults of those that failed, and remarks on items.

    `lines` are the lines of the items in a table, under which a report names them; without lines it
    names their indexes.
    """

    def __init__(self, items: int, lines: Sequence[int] = ()) -> None:
        self._fates = bytearray(items)
        self._faults: dict[int, Fault] = {}
        self._lines = tuple(lines)
        self._remarks: dict[Remark, list[int]] = {}
        self.requests = 0

    def mark(self, indexes: Iterable[int], fate: Fate, fault: Fault | None = None) -> None:
        """Set the status of items; a failed one has a fault."""
        for index in indexes:
            self._fates[index] = fate
            if fault is not None:
                self._faults[index] = fault

    def remark(self, index: int, remark: Remark) -> None:
        """Add a remark on an item."""
        self._remarks.setdefault(remark, []).append(index)

    def fate(self, index: int) -> Fate:
        return Fate(self._fates[index])

    def fault(self, index: int) -> Fault | None:
        """The fault of an item that failed or is in doubt."""
        return self._faults.get(index)

    def updated(self, indexes: Sequence[int], later: BatchLedger) -> BatchLedger:
        """Return this ledger updated by a later run of the items at `indexes`.

        `requests` counts those of the later run only.
        """
        whole = BatchLedger(self.items, self._lines)
        whole._fates[:] = self._fates
        whole._faults = dict(self._faults)
        whole.requests = later.requests
        again = set(indexes)
        for remark, old in self._remarks.items():
            kept = [index for index in old if index not in again]
            whole._remarks |= {remark: kept} if kept else {}
        for position, index in enumerate(indexes):
            whole._faults.pop(index, None)
            whole.mark([index], later.fate(position), later.fault(position))
        for remark, positions in later._remarks.items():
            whole._remarks.setdefault(remark, []).extend(indexes[each] for each in positions)
        return whole

    def packed(self) -> dict[str, Any]:
        """The ledger as JSON values, each fault once."""
        faults = {id(fault): fault for fault in self._faults.values()}
        numbers = {key: number for number, key in enumerate(faults)}
        return {
            "fates": self._fates.hex(),
            "faults": [packed_fault(fault) for fault in faults.values()],
            "failed": [[index, numbers[id(fault)]] for index, fault in self._faults.items()],
            "lines": self._lines,
            "remarks": [[each.code, each.text, on] for each, on in self._remarks.items()],
        }

    @classmethod
    def unpacked(cls, packed: Mapping[str, Any]) -> BatchLedger:
        """Restore a ledger from the values of `packed`."""
        ledger = cls(0, packed.get("lines", ()))
        ledger._fates.extend(bytes.fromhex(packed["fates"]))
        faults = [unpacked_fault(fields) for fields in packed["faults"]]
        ledger._faults = {index: faults[number] for index, number in packed["failed"]}
        ledger._remarks = {Remark(code, text): on for code, text, on in packed["remarks"]}
        return ledger

    @property
    def left(self) -> list[int]:
        """The items that failed or were not sent, in order."""
        return sorted([*self.indexes(Fate.FAILED), *self.indexes(Fate.NOT_SENT)])

    @property
    def items(self) -> int:
        """How many items there are."""
        return len(self._fates)

    def count(self, fate: Fate) -> int:
        return self._fates.count(fate)

    def indexes(self, fate: Fate) -> list[int]:
        """The items with a status, in order."""
        return [index for index, each in enumerate(self._fates) if each == fate]

    @property
    def done(self) -> int:
        """How many items are not NOT_SENT."""
        return len(self._fates) - self.count(Fate.NOT_SENT)

    @property
    def complete(self) -> bool:
        """Whether every item succeeded."""
        return self.count(Fate.SUCCEEDED) == len(self._fates)

    @property
    def written(self) -> Written:
        """What the whole call changed in Moodle."""
        if self.count(Fate.UNKNOWN):
            return "unknown"
        return "something" if self.count(Fate.SUCCEEDED) else "nothing"

    @property
    def said(self) -> frozenset[str]:
        """The site's messages about items that failed."""
        return frozenset(fault.said for fault in self._faults.values() if fault.said)

    def report(self, ids_of: IdsOf = no_ids) -> dict[str, Any]:
        """The `batch` object of the envelope; a single failed item is named by its ids."""
        failures = self._failures(ids_of)
        report: dict[str, Any] = {
            "items": len(self._fates),
            "requests": self.requests,
            "succeeded": self.count(Fate.SUCCEEDED),
            "failed": failures[:MAX_NAMED],
            "unknown": self._ranges(self.indexes(Fate.UNKNOWN)),
            "not_sent": self._ranges(self.indexes(Fate.NOT_SENT)),
        }
        if self._lines:
            report["index_is"] = "line"
        if self._remarks:
            report["warnings"] = self.warnings()
        rest = failures[MAX_NAMED:]
        if rest:
            report["failed_too"] = [[each["index"], each.get("to", each["index"])] for each in rest]
        return report

    def warnings(self) -> list[dict[str, Any]]:
        """The remarks as warnings, each with runs of the items that it is about."""
        return [
            {
                "warningcode": remark.code,
                "message": remark.text,
                "items": self._ranges(sorted(set(indexes))),
            }
            for remark, indexes in list(self._remarks.items())[:MAX_NAMED]
        ]

    def _failures(self, ids_of: IdsOf) -> list[dict[str, Any]]:
        """The failed items in order; adjacent ones with the same fault are one entry up to `to`."""
        failures: list[dict[str, Any]] = []
        last = None
        for index in self.indexes(Fate.FAILED):
            fault = self._faults.get(index)
            if failures and last == (index - 1, id(fault)):
                failures[-1]["to"] = self._number(index)
                failures[-1].pop("ids", None)
            else:
                error = {} if fault is None else {"error": brief(fault)}
                ids = {"ids": found} if (found := ids_of(index)) else {}
                failures.append({"index": self._number(index), **error, **ids})
            last = index, id(fault)
        return failures

    def _number(self, index: int) -> int:
        return self._lines[index] if self._lines else index

    def _ranges(self, indexes: Iterable[int]) -> list[list[int]]:
        """Runs of items; between the lines of a run may be lines without an item."""
        runs = ranges(indexes)
        return [[self._number(first), self._number(last)] for first, last in runs]


def brief(fault: Fault) -> dict[str, Any]:
    """The short form of an item's fault, without function and hint."""
    report = fault.report()
    return {key: report[key] for key in ("kind", "message", "errorcode") if key in report}


def ranges(indexes: Iterable[int]) -> list[list[int]]:
    """Indexes in order as pairs of the first and the last of each run: `[[2, 5], [9, 9]]`."""
    runs: list[list[int]] = []
    for _, run in groupby(enumerate(indexes), key=lambda pair: pair[1] - pair[0]):
        members = [index for _, index in run]
        runs.append([members[0], members[-1]])
    return runs
