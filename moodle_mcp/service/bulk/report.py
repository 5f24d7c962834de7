"""Says what a call with rows would do, and what it did; pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from moodle_mcp.caller.ledger import BatchLedger, Fate, brief
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.naming import area_and_words
from moodle_mcp.catalogue.references import Thing
from moodle_mcp.errors import Fault, Kind
from moodle_mcp.service.bulk.planning import Planned

_FEW: Final = 5
"""Up to so many different names of a kind are listed."""

_MOST_REPEATED: Final = 10

WORDS: Final[Mapping[Thing, tuple[str, str]]] = {
    Thing.USER: ("person", "people"),
    Thing.CATEGORY: ("category", "categories"),
    Thing.MODULE: ("activity", "activities"),
}


def in_words(function: Function, planned: Planned) -> str:
    """Say what would be done: `Enrol users: 118 rows; 118 people; 3 courses ("BIO101", …)`."""
    _, words = area_and_words(function.name)
    rows = len(planned.good)
    parts = [f"{words.capitalize()}: {rows} row{'' if rows == 1 else 's'}"]
    parts += [_counted(thing, names) for thing, names in planned.filled.named.items()]
    return "; ".join(parts)


def _counted(thing: Thing, names: Mapping[int, str]) -> str:
    one, several = WORDS.get(thing, (thing.value, f"{thing.value}s"))
    shown = [json.dumps(name, ensure_ascii=False) for name in names.values()]
    if len(shown) == 1:
        return f"{one} {shown[0]}"
    listed = f" ({', '.join(shown)})" if len(shown) <= _FEW else ""
    return f"{len(shown)} {several}{listed}"


def refused(function: Function, planned: Planned) -> Outcome:
    """The outcome if rows are not understood: nothing was sent."""
    ledger = planned.ledger
    bad = ledger.count(Fate.FAILED)
    first = ledger.fault(ledger.indexes(Fate.FAILED)[0])
    said = first.message if first else ""
    hint = "Correct the rows in batch.failed. Or pass on_error=continue to do the others only."
    if first is not None and first.hint:
        hint = f"{hint} {first.hint}"
    fault = Fault(
        Kind.INVALID_ARGUMENTS,
        f"Nothing was sent: {bad} of {ledger.items} rows are not understood. The first: {said}",
        hint=hint,
        function=function.name,
    )
    return Outcome(batch=ledger.report(), fault=fault, warnings=warnings(planned))


def planned_outcome(function: Function, planned: Planned, requests: int) -> Outcome:
    """The outcome of a dry run."""
    ledger = planned.ledger
    ledger.requests = requests
    batch = {"dry_run": True, "plan": in_words(function, planned), **ledger.report()}
    failed = ledger.indexes(Fate.FAILED)
    first = ledger.fault(failed[0]) if failed else None
    if first is not None and first.hint:
        batch["hint"] = first.hint
    return Outcome(batch=batch, warnings=warnings(planned))


def warnings(planned: Planned) -> list[dict[str, Any]]:
    """Return a warning about rows that ask for the same."""
    rows, same = planned.filled.rows, planned.same
    if not same:
        return []
    shown = ", ".join(" = ".join(map(str, members[:3])) for members in same[:_MOST_REPEATED])
    more = f" and {len(same) - _MOST_REPEATED} more" if len(same) > _MOST_REPEATED else ""
    where = "lines" if rows.lines else "rows"
    message = f"Some {where} ask for the same, and are sent as they are: {shown}{more}."
    return [{"warningcode": "same_rows", "message": message}]


def result_lines(ledger: BatchLedger, lines: Iterable[int]) -> bytes:
    """Return a line of JSON for each row: its line, what became of it, and its error."""
    return "".join(_line(ledger, index, line) for index, line in enumerate(lines)).encode()


def _line(ledger: BatchLedger, index: int, line: int) -> str:
    data: dict[str, Any] = {"line": line, "fate": ledger.fate(index).name.lower()}
    fault = ledger.fault(index)
    if fault is not None:
        data["error"] = brief(fault)
    return f"{json.dumps(data, ensure_ascii=False)}\n"


def with_file(outcome: Outcome, name: str) -> Outcome:
    """Name the file with each row's result."""
    return replace(outcome, batch={**(outcome.batch or {}), "file": name})
