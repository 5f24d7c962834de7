"""The answer to a dry run of a write: what it would do, and a token that carries it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from moodle_mcp.caller.guard import Guard
from moodle_mcp.caller.ledger import BatchLedger, Fate, ranges
from moodle_mcp.caller.outcome import Outcome

TEXT: Final = "text"
TOKEN: Final = "confirm"  # noqa: S105 - the name of a key, not a secret
UNKNOWN_IDS: Final = "unknown_ids"
REFUSED: Final = "would_fail"


def with_kept(
    planned: Outcome, text: str, unknown: Mapping[str, Sequence[int]], token: str | None
) -> Outcome:
    """Extend the plan of a call by what it does, the ids that do not exist, and its token."""
    batch: dict[str, Any] = dict(planned.batch or {})
    if text:
        batch[TEXT] = text
    if unknown:
        batch[UNKNOWN_IDS] = {kind: ranges(sorted(ids)) for kind, ids in unknown.items()}
    if token is not None:
        batch[TOKEN] = token
    return replace(planned, batch=batch)


def with_judgement(planned: Outcome, guard: Guard) -> Outcome:
    """Extend the plan by the items that would not be sent, and by what is so already."""
    batch = planned.batch or {}
    judged = BatchLedger(max([batch.get("items", 0), 1, *(index + 1 for index in guard.refused)]))
    for index, fault in guard.refused.items():
        judged.mark([index], Fate.FAILED, fault)
    for index, remark in guard.remarks:
        judged.remark(index, remark)
    report = judged.report()
    added: dict[str, Any] = {REFUSED: report["failed"]} if report["failed"] else {}
    if "warnings" in report:
        added["warnings"] = report["warnings"]
    return replace(planned, batch={**batch, **added})
