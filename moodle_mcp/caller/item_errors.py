"""Finds the items that failed in a request that succeeded, from Moodle's warnings.

Some functions go on after a bad item and report it in `warnings`, or in that item's entry of the
answer. The catalogue says how each does it (`Batching.warnings`, `Batching.errors_in`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from moodle_mcp.catalogue.model import Batching
from moodle_mcp.errors import Fault, Kind
from moodle_mcp.site.moodle_errors import moodle_fault, plain


@dataclass(frozen=True, slots=True)
class Failures:
    """The items, by their position in the request, that failed or are in doubt."""

    failed: dict[int, Fault] = field(default_factory=dict[int, Fault])
    doubtful: frozenset[int] = frozenset()


def find_failures(batching: Batching, items: Sequence[Any], answer: Any) -> Failures:
    """Find the failed items in an answer that is not an exception.

    If a warning may refer to several items, all of them are in doubt: an item that may have failed
    is not reported as done.
    """
    failed, doubtful = _failed_entries(batching, items, answer)
    unexplained = [each for each in _warnings(answer) if not _harmless(batching, each)]
    by_items: dict[tuple[int, ...], list[Mapping[str, Any]]] = {}
    for warning in unexplained:
        by_items.setdefault(_meant(batching, items, warning), []).append(warning)
    for positions, warnings in by_items.items():
        if not positions:
            doubtful |= set(range(len(items)))
        elif len(warnings) >= len(positions):
            failed |= {position: _fault(warnings[0]) for position in positions}
        else:
            # The request has the same item twice, and one of the two failed.
            doubtful |= set(positions)
    return Failures(failed, frozenset(doubtful - set(failed)))


def _failed_entries(
    batching: Batching, items: Sequence[Any], answer: Any
) -> tuple[dict[int, Fault], set[int]]:
    """Find the items whose entry at the same position in the answer reports a failure.

    All are in doubt if the answer does not have an entry for each, or reports a failure without
    saying of which item.
    """
    if not batching.errors_in and not batching.expects:
        return {}, set()
    everything = set(range(len(items)))
    if "" in batching.expects:
        return {}, set() if answer == batching.expects[""] else everything
    entries = cast("list[Any]", answer) if isinstance(answer, list) else []
    if len(entries) != len(items):
        return {}, everything
    faults = {position: _entry_fault(batching, entry) for position, entry in enumerate(entries)}
    return {position: fault for position, fault in faults.items() if fault is not None}, set()


def _entry_fault(batching: Batching, entry: Any) -> Fault | None:
    values: Mapping[str, Any] = {}
    if isinstance(entry, Mapping):
        values = cast("Mapping[str, Any]", entry)
    if batching.errors_in and values.get(batching.errors_in):
        said = plain(str(values[batching.errors_in]))
        return Fault(Kind.MOODLE_ERROR, said, said=said)
    for key, expected in batching.expects.items():
        if values.get(key) != expected:
            said = plain(repr(values.get(key)))
            return Fault(Kind.MOODLE_ERROR, f"Moodle reports {key}: {said}", said=said)
    return None


def _warnings(answer: Any) -> list[Mapping[str, Any]]:
    """The warnings of an answer: its member `warnings`, or itself if it is a list of them."""
    if isinstance(answer, Mapping):
        answer = cast("Mapping[str, Any]", answer).get("warnings")
    if not isinstance(answer, list):
        return []
    entries = cast("list[Any]", answer)
    return [each for each in entries if isinstance(each, Mapping) and "warningcode" in each]


def _harmless(batching: Batching, warning: Mapping[str, Any]) -> bool:
    """Whether it only says that nothing had to be done for the item ("already exists")."""
    return str(warning.get("warningcode")) in batching.harmless_codes


def _meant(batching: Batching, items: Sequence[Any], warning: Mapping[str, Any]) -> tuple[int, ...]:
    """The positions of the items that a warning may refer to."""
    text = "".join(f"{key}={warning.get(key, '')};" for key in ("item", "itemid", "message"))
    return tuple(
        position
        for position, item in enumerate(items)
        if any(_filled(template, item) in text for template in batching.warnings)
    )


def _filled(template: str, item: Any) -> str:
    """A template with the item's values: `{id}`, `{usertype[value]}`, or `{}` for a bare item."""
    try:
        if isinstance(item, Mapping):
            return template.format(**cast("Mapping[str, Any]", item))
        return template.format(item)
    except (KeyError, IndexError):
        # This item lacks the key that the template names, so the warning is not about it.
        return "\0"


def _fault(warning: Mapping[str, Any]) -> Fault:
    code = str(warning.get("warningcode") or "")
    return moodle_fault({"errorcode": code, "message": warning.get("message", "")})
