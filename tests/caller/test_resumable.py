"""The rest of a batch: which items, under which indexes, and how long it is kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.caller.ledger import BatchLedger, Fate
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.caller.plan import Plan, Slice
from moodle_mcp.caller.resumable import KEPT_SECONDS, Leftover, Leftovers, joined, leftover_of
from moodle_mcp.catalogue.classification import Access, Classification
from moodle_mcp.catalogue.control_arguments import ControlArguments
from moodle_mcp.catalogue.model import Batching, Function
from moodle_mcp.errors import CallError, Fault, Kind, ParameterFault, Suspect
from moodle_mcp.site.protocol import REST
from moodle_mcp.store.memory import MemoryStore

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
    rest = leftover_of(plan(["a", "b", "c", "d"], course=5), control, ended)
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
        leftover_of(plan(["a", "b"]), ControlArguments(), ledger([Fate.SUCCEEDED, Fate.UNKNOWN]))
        is None
    )


@given(st.lists(st.lists(st.sampled_from(Fate), min_size=30, max_size=30), min_size=1, max_size=4))
def test_after_any_number_of_runs_each_item_has_the_fate_of_its_last_one(
    runs: list[list[Fate]],
) -> None:
    """The model is a list of results, in which a run replaces those of the remaining items."""
    items = list(range(len(runs[0])))
    expected = [Fate.NOT_SENT] * len(items)
    left, rest, whole = items, None, BatchLedger(0)
    for drawn in runs:
        ended = drawn[: len(left)]
        for index, fate in zip(left, ended, strict=True):
            expected[index] = fate
        part = ledger(ended)
        earlier, ran = rest, plan(left)
        rest = leftover_of(ran, ControlArguments(), part, earlier)
        whole = part if earlier is None else earlier.ledger.updated(earlier.indexes, part)
        assert fates(whole) == expected
        left = [i for i in items if expected[i] in (Fate.FAILED, Fate.NOT_SENT)]
        assert (() if rest is None else rest.indexes) == tuple(left)
        if rest is None:
            break
        assert rest.arguments["things"] == left


def test_a_resumed_run_is_told_of_the_whole_batch() -> None:
    first = ledger([Fate.SUCCEEDED, Fate.FAILED, Fate.NOT_SENT])
    rest = leftover_of(plan(["a", "b", "c"]), ControlArguments(), first)
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


def test_what_the_site_said_in_an_earlier_run_is_still_known_to_be_its_words() -> None:
    first = BatchLedger(2)
    first.mark([0], Fate.UNKNOWN, Fault(Kind.TIMEOUT, "Slow.", said="Slow."))
    first.mark([1], Fate.FAILED, Fault(Kind.NOT_FOUND, "Gone.", said="Gone."))
    rest = leftover_of(plan(["a", "b"]), ControlArguments(), first)
    assert rest is not None
    again = ledger([Fate.SUCCEEDED])
    assert joined(plan(["b"]), rest, Outcome(ledger=again)).said == {"Slow."}


def test_items_in_doubt_since_an_earlier_run_keep_a_resumed_one_from_being_a_success() -> None:
    first = ledger([Fate.UNKNOWN, Fate.NOT_SENT])
    rest = leftover_of(plan(["a", "b"]), ControlArguments(), first)
    assert rest is not None
    again = ledger([Fate.SUCCEEDED])
    told = joined(plan(["b"]), rest, Outcome(batch=again.report(), ledger=again)).envelope
    assert told["error"] == snapshot(
        {
            "kind": "declined",
            "message": "1 items may have been carried out in an earlier run.",
            "hint": "It is not known whether Moodle carried this out. Read the present state before you send anything again, or it may be done twice.",
            "function": "core_x_do_things",
            "retryable": False,
            "written": "something",
        }
    )


def kept(things: list[Any]) -> Leftover:
    rest = leftover_of(plan(things), ControlArguments(), BatchLedger(len(things)))
    assert rest is not None
    return rest


async def test_a_handle_can_be_read_until_it_is_taken() -> None:
    leftovers = Leftovers(MemoryStore(), "ann")
    packed = kept(["a"]).packed()
    handle = await leftovers.keep(packed)
    assert handle is not None
    assert [await leftovers.read(handle) for _ in range(2)] == [packed] * 2
    await leftovers.take(handle)
    for use in (leftovers.read, leftovers.take):
        with pytest.raises(CallError) as caught:
            await use(handle)
        assert caught.value.fault.report() == snapshot(
            {
                "kind": "not_found",
                "message": "Nothing was sent: this handle is unknown, used or expired.",
                "hint": "A handle is valid for one run within 30 minutes; an answer with unfinished items has a new one in batch.resume. Without it, read the present state and pass the missing items again.",
                "parameters": [
                    {
                        "path": "handle",
                        "problem": "is unknown, used or expired",
                        "allowed": "batch.resume",
                    }
                ],
                "retryable": False,
                "written": "nothing",
            }
        )


async def test_a_leftover_is_kept_for_half_an_hour() -> None:
    now = 0.0
    leftovers = Leftovers(MemoryStore(lambda: now), "ann")
    handle = await leftovers.keep(b"{}")
    assert handle is not None
    now = KEPT_SECONDS - 1
    await leftovers.read(handle)
    now = KEPT_SECONDS
    with pytest.raises(CallError):
        await leftovers.read(handle)


async def test_what_is_too_large_is_not_kept() -> None:
    assert await Leftovers(MemoryStore(), "ann").keep(b"x" * 32_000_001) is None


async def test_nobody_goes_on_with_anothers_batch() -> None:
    store = MemoryStore()
    handle = await Leftovers(store, "ann").keep(b"{}")
    assert handle is not None
    for use in (Leftovers(store, "bob").read, Leftovers(store, "bob").take):
        with pytest.raises(CallError):
            await use(handle)
    await Leftovers(store, "ann").take(handle)


FAULTS = st.builds(
    Fault,
    st.sampled_from(Kind),
    st.text(),
    hint=st.none() | st.text(),
    errorcode=st.none() | st.text(),
    http_status=st.none() | st.integers(100, 599),
    parameters=st.builds(ParameterFault, st.text(), st.text(), st.none() | st.text()).map(
        lambda each: (each,)
    ),
    suspects=st.just((Suspect("a", "b", "c"),)) | st.just(()),
    retryable=st.none() | st.booleans(),
    written=st.sampled_from([None, "nothing", "something", "unknown"]),
    said=st.text(),
)


@given(st.lists(st.tuples(st.sampled_from(Fate), st.integers(0, 1))), FAULTS, FAULTS)
def test_a_leftover_is_the_same_after_it_was_packed(
    items: list[tuple[Fate, int]], first: Fault, second: Fault
) -> None:
    whole = BatchLedger(len(items))
    for index, (fate, number) in enumerate(items):
        whole.mark([index], fate, (first, second)[number] if fate is Fate.FAILED else None)
    indexes = tuple(range(len(items)))
    again = Leftover.unpacked(Leftover("core_x", {"a": [1, "é"]}, indexes, whole).packed())
    assert (again.function, again.arguments, again.indexes) == ("core_x", {"a": [1, "é"]}, indexes)
    assert (fates(again.ledger), again.ledger.report()) == (fates(whole), whole.report())
    assert again.ledger.said == whole.said


def test_suspects_of_a_resumed_run_have_the_indexes_of_the_whole_batch() -> None:
    rest = leftover_of(
        plan(["a", "b", "c"]), ControlArguments(), ledger([Fate.SUCCEEDED] * 2 + [Fate.FAILED])
    )
    assert rest is not None
    again = ledger([Fate.FAILED])
    suspects = (Suspect("things[0].x", "p"), Suspect("course", "p"))
    fault = Fault(Kind.INVALID_PARAMETER, "m", suspects=suspects)
    told = joined(plan(["c"]), rest, Outcome(batch=again.report(), ledger=again, fault=fault))
    assert told.fault is not None
    assert [each.path for each in told.fault.suspects] == ["things[2].x", "course"]
