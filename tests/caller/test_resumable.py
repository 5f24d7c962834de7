"""What is left of a batch: which items, under which indexes, and for how long it is kept."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.caller.ledger import BatchLedger, Fate
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.caller.plan import Plan, Slice
from moodle_mcp.caller.resumable import KEPT_SECONDS, Rest, Rests, joined, rest_of
from moodle_mcp.catalogue.classification import Access, Classification
from moodle_mcp.catalogue.control_arguments import ControlArguments
from moodle_mcp.catalogue.model import Batching, Function
from moodle_mcp.errors import CallError, Fault, Kind, Suspect
from moodle_mcp.site.protocol import REST

FUNCTION = Function(
    "core_x_do_things",
    batching=Batching(("things",), "stops_midway"),
    classification=Classification(Access.WRITE),
)
FAULT = Fault(Kind.NOT_FOUND, "m")


def plan(things: list[Any], **more: Any) -> Plan:
    return Plan(FUNCTION, {"things": things, **more}, REST, len(things), (Slice(0, len(things)),))


def ledger(fates: list[Fate]) -> BatchLedger:
    whole = BatchLedger(len(fates))
    for index, fate in enumerate(fates):
        whole.mark([index], fate, FAULT if fate is Fate.FAILED else None)
    return whole


def fates(whole: BatchLedger) -> list[Fate]:
    return [whole.fate(index) for index in range(whole.items)]


def test_the_rest_is_what_failed_or_was_not_sent_with_the_other_arguments() -> None:
    control = ControlArguments(on_error="continue", confirm="used", times=True)
    ended = ledger([Fate.SUCCEEDED, Fate.FAILED, Fate.UNKNOWN, Fate.NOT_SENT])
    rest = rest_of(plan(["a", "b", "c", "d"], course=5), control, ended)
    assert rest is not None
    assert (rest.function, rest.arguments, rest.indexes) == snapshot(
        (
            "core_x_do_things",
            {"things": ["b", "d"], "course": 5, "_on_error": "continue", "_times": True},
            (1, 3),
        )
    )


def test_nothing_is_left_of_items_that_were_done_or_are_in_doubt() -> None:
    assert (
        rest_of(plan(["a", "b"]), ControlArguments(), ledger([Fate.SUCCEEDED, Fate.UNKNOWN]))
        is None
    )


@given(st.lists(st.lists(st.sampled_from(Fate), min_size=30, max_size=30), min_size=1, max_size=4))
def test_after_any_number_of_runs_each_item_has_the_fate_of_its_last_one(
    runs: list[list[Fate]],
) -> None:
    """A model beside it: a list of fates, in which a run replaces those of what was left."""
    items = list(range(len(runs[0])))
    expected = [Fate.NOT_SENT] * len(items)
    left, rest, whole = items, None, BatchLedger(0)
    for drawn in runs:
        ended = drawn[: len(left)]
        for index, fate in zip(left, ended, strict=True):
            expected[index] = fate
        part = ledger(ended)
        earlier, ran = rest, plan(left)
        rest = rest_of(ran, ControlArguments(), part, earlier)
        whole = part if earlier is None else earlier.ledger.updated(earlier.indexes, part)
        assert fates(whole) == expected
        left = [i for i in items if expected[i] in (Fate.FAILED, Fate.NOT_SENT)]
        assert (() if rest is None else rest.indexes) == tuple(left)
        if rest is None:
            break
        assert rest.arguments["things"] == left


def test_a_resumed_run_is_told_of_the_whole_batch() -> None:
    first = ledger([Fate.SUCCEEDED, Fate.FAILED, Fate.NOT_SENT])
    rest = rest_of(plan(["a", "b", "c"]), ControlArguments(), first)
    assert rest is not None
    again = ledger([Fate.FAILED, Fate.SUCCEEDED])
    outcome = Outcome(batch=again.report(), ledger=again, fault=Fault(Kind.NOT_FOUND, "1 of 2."))
    told = joined(plan(["b", "c"]), rest, outcome).envelope
    assert (told["error"]["message"], told["batch"]) == snapshot(
        (
            "In this run 1 of 2.",
            {
                "items": 3,
                "requests": 0,
                "succeeded": 2,
                "failed": [{"index": 1, "error": {"kind": "not_found", "message": "m"}}],
                "unknown": [],
                "not_sent": [],
            },
        )
    )


def test_items_in_doubt_since_an_earlier_run_keep_a_resumed_one_from_being_a_success() -> None:
    first = ledger([Fate.UNKNOWN, Fate.NOT_SENT])
    rest = rest_of(plan(["a", "b"]), ControlArguments(), first)
    assert rest is not None
    again = ledger([Fate.SUCCEEDED])
    told = joined(plan(["b"]), rest, Outcome(batch=again.report(), ledger=again)).envelope
    assert told["error"] == snapshot(
        {
            "kind": "declined",
            "message": "1 items may have been carried out in an earlier run.",
            "hint": "It is not known whether Moodle carried this out. Read the present state before anything is sent again, or it may be done twice.",
            "function": "core_x_do_things",
            "retryable": False,
            "written": "nothing",
        }
    )


def kept(things: list[Any]) -> Rest:
    rest = rest_of(plan(things), ControlArguments(), BatchLedger(len(things)))
    assert rest is not None
    return rest


def test_a_handle_can_be_read_until_it_is_taken() -> None:
    rests = Rests()
    rest = kept(["a"])
    handle = rests.keep(rest)
    assert handle is not None
    assert rests.read(handle) is rest
    assert rests.read(handle) is rest
    rests.take(handle)
    for use in (rests.read, rests.take):
        with pytest.raises(CallError) as caught:
            use(handle)
        assert caught.value.fault.report() == snapshot(
            {
                "kind": "not_found",
                "message": "Nothing was sent: nothing is kept under this handle.",
                "hint": "A handle is good for one run within 30 minutes; an answer that leaves items over has a new one in batch.resume. Without it, read the present state and pass the missing items again.",
                "parameters": [
                    {
                        "path": "handle",
                        "problem": "is unknown, used or too old",
                        "allowed": "batch.resume",
                    }
                ],
                "retryable": False,
                "written": "nothing",
            }
        )


def test_one_of_many_that_take_a_handle_at_once_gets_it() -> None:
    rests = Rests()
    handle = rests.keep(kept(["a"]))
    assert handle is not None

    def taken(_: int) -> bool:
        try:
            rests.take(handle)
        except CallError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(taken, range(64))) == 1


def test_a_rest_is_kept_for_half_an_hour() -> None:
    now = 0.0
    rests = Rests(clock=lambda: now)
    handle = rests.keep(kept(["a"]))
    assert handle is not None
    now = KEPT_SECONDS - 1
    rests.read(handle)
    now = KEPT_SECONDS
    with pytest.raises(CallError):
        rests.read(handle)


def test_rests_are_bounded_in_bytes_and_the_oldest_are_dropped() -> None:
    one = kept(["x" * 100])
    rests = Rests(most=2 * one.size)
    handles = [rests.keep(replace(one)) for _ in range(3)]
    assert rests.keep(kept(["x" * 1000])) is None
    with pytest.raises(CallError):
        rests.read(handles[0] or "")
    assert json.dumps([rests.read(handle or "").arguments for handle in handles[1:]])


def test_suspects_of_a_resumed_run_have_the_indexes_of_the_whole_batch() -> None:
    rest = rest_of(
        plan(["a", "b", "c"]), ControlArguments(), ledger([Fate.SUCCEEDED] * 2 + [Fate.FAILED])
    )
    assert rest is not None
    again = ledger([Fate.FAILED])
    suspects = (Suspect("things[0].x", "p"), Suspect("course", "p"))
    fault = Fault(Kind.INVALID_PARAMETER, "m", suspects=suspects)
    told = joined(plan(["c"]), rest, Outcome(batch=again.report(), ledger=again, fault=fault))
    assert told.fault is not None
    assert [each.path for each in told.fault.suspects] == ["things[2].x", "course"]
