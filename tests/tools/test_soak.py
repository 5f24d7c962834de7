"""A short soak: every write's report is true, and nothing is left over."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from moodle_mcp.errors import CallError, Fault, Kind
from tools.soak.judging import fates, judge_read, judge_write
from tools.soak.mixture import Job, Key
from tools.soak.run import Options, soak

pytestmark = pytest.mark.anyio

READ = Job("read", "core_user_get_users_by_field", expected=(4, 5))
KEYS: tuple[Key, ...] = (("note", "a"), ("note", "b"))
WRITE = Job("write", "core_notes_create_notes", keys=KEYS)
DONE: dict[str, Any] = {"items": 2, "succeeded": 2, "failed": [], "unknown": [], "not_sent": []}


async def test_a_short_soak_has_no_violation() -> None:
    report = await soak(Options(calls=300, faults=0.1))
    assert report.violations == []
    assert report.status == 0
    assert {"read", "write", "list", "mistake"} == set(report.calls)
    assert {"done", "unreachable", "cancelled"} <= set(report.ends)
    assert len(report.faults) > 10
    assert report.items > 0


def said(**changes: object) -> dict[str, object]:
    """Return the envelope of a write with this batch report."""
    batch = DONE | changes
    if batch == DONE:
        return {"result": None, "batch": batch}
    unknown = "unknown" if batch["unknown"] else "nothing"
    error = CallError(Fault(Kind.TIMEOUT, "m", written=unknown)).fault.report()
    return {"error": error, "batch": batch}


@pytest.mark.parametrize(
    ("envelope", "done"),
    [
        (said(), [1, 0]),
        (said(), [1, 2]),
        (said(succeeded=0, failed=[{"index": 0, "to": 1}]), [0, 1]),
        (said(succeeded=0, not_sent=[[0, 1]]), [1, 0]),
        (said(succeeded=1, not_sent=[[0, 1]]), [0, 0]),
        (said(succeeded=0, failed=[{"index": 0}], unknown=[[0, 1]]), [0, 0]),
        (said(succeeded=0, unknown=[[0, 1]]), [2, 0]),
        (None, [0, 2]),
        ({"error": {"kind": "internal", "written": "unknown"}}, [0, 0]),
    ],
)
def test_an_untrue_report_of_a_write_is_a_violation(
    envelope: dict[str, object] | None, done: list[int]
) -> None:
    times = Counter(dict(zip(KEYS, done, strict=True)))
    assert list(judge_write(WRITE, envelope, times))


@pytest.mark.parametrize(
    ("envelope", "done"),
    [
        (said(), [1, 1]),
        (said(succeeded=0, unknown=[[0, 1]]), [0, 1]),
        (said(succeeded=0, failed=[{"index": 0}], not_sent=[[1, 1]]), [0, 0]),
        (None, [1, 0]),
    ],
)
def test_a_true_report_of_a_write_is_none(
    envelope: dict[str, object] | None, done: list[int]
) -> None:
    times = Counter(dict(zip(KEYS, done, strict=True)))
    assert list(judge_write(WRITE, envelope, times)) == []


def test_the_answer_to_another_question_is_a_violation() -> None:
    assert list(judge_read(READ, {"result": [{"id": 4}, {"id": 6}]}))
    assert list(judge_read(READ, {"result": None}))
    assert list(judge_read(READ, {"result": [{"id": 4}, {"id": 5}]})) == []


def test_an_item_with_two_fates_is_a_violation() -> None:
    with pytest.raises(ValueError, match="item 0"):
        fates(DONE | {"succeeded": 1, "failed": [{"index": 0}], "unknown": [[0, 0]]})
