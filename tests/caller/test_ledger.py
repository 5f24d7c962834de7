"""The ledger of a batch, the failures of its items, and merging its answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.caller.item_errors import find_failures
from moodle_mcp.caller.ledger import BatchLedger, Fate, ranges
from moodle_mcp.caller.merge import merge
from moodle_mcp.catalogue.loading import load
from moodle_mcp.catalogue.model import Batching
from moodle_mcp.errors import Fault, Kind
from tests.support.recordings import exchanges

CATALOGUE = load()
marks = st.lists(st.tuples(st.integers(0, 29), st.sampled_from(Fate)))


@given(marks)
def test_every_item_is_in_exactly_one_part_of_the_report(marks: list[tuple[int, Fate]]) -> None:
    ledger = BatchLedger(30)
    for index, fate in marks:
        ledger.mark([index], fate, Fault(Kind.CONFLICT, "m") if fate is Fate.FAILED else None)
    report = ledger.report()
    told = [index for each in report["failed"] for index in span(each["index"], each.get("to"))]
    for key in ("unknown", "not_sent", "failed_too"):
        told += [index for first, last in report.get(key, []) for index in span(first, last)]
    assert len(told) + report["succeeded"] == 30
    assert len(set(told)) == len(told)


def span(first: int, last: int | None) -> range:
    return range(first, (first if last is None else last) + 1)


@given(st.sets(st.integers(0, 200)))
def test_ranges_hold_the_same_indexes(indexes: set[int]) -> None:
    runs = ranges(sorted(indexes))
    assert [index for first, last in runs for index in span(first, last)] == sorted(indexes)


def test_items_that_failed_with_their_request_are_told_as_one_run() -> None:
    ledger = BatchLedger(300)
    ledger.mark(range(100), Fate.SUCCEEDED)
    ledger.mark(range(100, 200), Fate.FAILED, Fault(Kind.NOT_FOUND, "Invalid user"))
    ledger.requests = 2
    assert ledger.report() == snapshot(
        {
            "items": 300,
            "requests": 2,
            "succeeded": 100,
            "failed": [
                {"index": 100, "error": {"kind": "not_found", "message": "Invalid user"}, "to": 199}
            ],
            "unknown": [],
            "not_sent": [[200, 299]],
        }
    )


def test_fifty_failures_are_told_one_by_one_and_the_rest_by_their_indexes() -> None:
    ledger = BatchLedger(60)
    for index in range(51):
        ledger.mark([index], Fate.FAILED, Fault(Kind.NOT_FOUND, "m", errorcode=f"e{index}"))
    ledger.mark(range(51, 60), Fate.FAILED, Fault(Kind.CONFLICT, "m"))
    report = ledger.report()
    assert [each["index"] for each in report["failed"]] == [*range(50)]
    assert report["failed"][49] == snapshot(
        {"index": 49, "error": {"kind": "not_found", "message": "m", "errorcode": "e49"}}
    )
    assert report["failed_too"] == snapshot([[50, 50], [51, 59]])


def test_with_fifty_failures_all_are_told_one_by_one() -> None:
    ledger = BatchLedger(50)
    for index in range(50):
        ledger.mark([index], Fate.FAILED, Fault(Kind.NOT_FOUND, "m"))
    assert "failed_too" not in ledger.report()


def test_one_fault_of_items_that_do_not_follow_one_another_is_told_of_each() -> None:
    ledger = BatchLedger(4)
    fault = Fault(Kind.NOT_FOUND, "m")
    ledger.mark([0, 1, 3], Fate.FAILED, fault)
    assert [(each["index"], each.get("to")) for each in ledger.report()["failed"]] == [
        (0, 1),
        (3, None),
    ]


def test_a_failure_of_an_earlier_run_is_told_without_its_fault() -> None:
    """Only the results of the items are read back from a results file."""
    ledger = BatchLedger(3)
    ledger.mark([0, 1], Fate.FAILED)
    ledger.mark([2], Fate.FAILED, Fault(Kind.CONFLICT, "m"))
    assert ledger.report()["failed"] == [
        {"index": 0, "to": 1},
        {"index": 2, "error": {"kind": "conflict", "message": "m"}},
    ]


def test_an_account_keeps_the_fate_and_the_fault_of_each_item() -> None:
    ledger = BatchLedger(3)
    fault = Fault(Kind.NOT_FOUND, "m")
    assert (ledger.done, ledger.complete, ledger.written) == (0, False, "nothing")
    ledger.mark([0], Fate.SUCCEEDED)
    ledger.mark([1], Fate.FAILED, fault)
    assert [ledger.fate(index) for index in range(3)] == [
        Fate.SUCCEEDED,
        Fate.FAILED,
        Fate.NOT_SENT,
    ]
    assert [ledger.fault(index) for index in range(3)] == [None, fault, None]
    assert (ledger.done, ledger.complete, ledger.written) == (2, False, "something")
    ledger.mark([1, 2], Fate.SUCCEEDED)
    assert (ledger.done, ledger.complete) == (3, True)
    ledger.mark([2], Fate.UNKNOWN)
    assert (ledger.complete, ledger.written) == (False, "unknown")


def test_an_item_that_succeeded_later_keeps_no_fault_of_its_earlier_run() -> None:
    earlier, later = BatchLedger(2), BatchLedger(1)
    earlier.mark([0, 1], Fate.FAILED, Fault(Kind.NOT_FOUND, "m", said="m"))
    later.mark([0], Fate.SUCCEEDED)
    whole = earlier.updated([1], later)
    assert (whole.fault(0), whole.fault(1)) == (earlier.fault(0), None)


def recorded(name: str) -> tuple[Batching, list[Any], Any]:
    (exchange,) = [each for each in exchanges() if each.name == name]
    batching = CATALOGUE.get(exchange.function or "").batching
    assert batching is not None
    return batching, exchange.params[batching.items[0]], exchange.json


@pytest.mark.parametrize(
    ("name", "failed"),
    [
        ("update_users_2nd_bad", [1]),
        ("courses_update", [1]),
        ("delete_courses_some_missing", [1]),
        ("cohort_members_add", [1]),
        ("cohort_members_again", []),
        ("notes_partial", [1]),
    ],
)
def test_recorded_warnings_are_traced_to_the_items_that_failed(
    name: str, failed: list[int]
) -> None:
    failures = find_failures(*recorded(name))
    assert sorted(failures.failed) == failed
    assert failures.doubtful == frozenset()


def test_a_warning_about_nothing_in_the_request_leaves_all_items_in_doubt() -> None:
    batching, items, answer = recorded("update_users_2nd_bad")
    answer["warnings"][0]["itemid"] = 12345
    assert find_failures(batching, items, answer).doubtful == {0, 1}


def test_one_warning_for_an_item_that_stands_twice_leaves_both_in_doubt() -> None:
    batching, items, answer = recorded("update_users_2nd_bad")
    failures = find_failures(batching, [*items, items[1]], answer)
    assert (failures.failed, failures.doubtful) == ({}, {1, 2})


def test_two_warnings_for_an_item_that_stands_twice_fail_both() -> None:
    batching, items, answer = recorded("update_users_2nd_bad")
    answer["warnings"] *= 2
    assert sorted(find_failures(batching, [*items, items[1]], answer).failed) == [1, 2]


EXTENSION_WARNING = {
    "item": "User id: 1, Assignment id: 11, Extension date: 5",
    "itemid": 11,
    "warningcode": "couldnotgrantextensions",
    "message": "m",
}


def test_the_user_is_not_mixed_up_with_the_assignment_in_a_warning() -> None:
    batching = CATALOGUE.get("mod_assign_save_user_extensions").batching
    assert batching is not None
    failures = find_failures(batching, [11, 1, 111], [EXTENSION_WARNING])
    assert (sorted(failures.failed), failures.doubtful) == ([1], frozenset())


JOINED: list[tuple[list[Any], Any]] = [
    ([[1], [2, 3]], [1, 2, 3]),
    ([None, None], None),
    ([{"a": [1], "warnings": []}, {"a": [2], "warnings": [3]}], {"a": [1, 2], "warnings": [3]}),
    ([{"settings": {"x": 1}}, {"settings": {"x": 1}}], {"settings": {"x": 1}}),
    ([{"result": True}, {"result": False}], {"result": False}),
    ([[], []], []),
    ([None, {"a": 1}], {"a": 1}),
    ([{"a": 1}, None], {"a": 1}),
    ([{"a": "x", "b": 1}, {"a": "y", "c": 2}], {"a": "x", "b": 1, "c": 2}),
    ([{"status": True}, {"status": True}], {"status": True}),
    ([], None),
]


@pytest.mark.parametrize(("answers", "merged"), JOINED)
def test_answers_are_joined_member_by_member(answers: list[Any], merged: Any) -> None:
    assert merge(answers, distinct=False) == merged


def test_what_two_reads_both_found_is_there_once() -> None:
    answers = [{"users": [{"id": 1}, {"id": 2}]}, {"users": [{"id": 2}, {"id": 3}]}]
    assert merge(answers, distinct=True) == {"users": [{"id": 1}, {"id": 2}, {"id": 3}]}


def test_what_one_read_found_twice_stays_there_twice() -> None:
    assert merge([[1, 1]], distinct=True) == [1, 1]


@pytest.mark.parametrize(
    ("function", "answer", "failed", "doubtful"),
    [
        ("core_grades_update_grades", 0, [], []),
        ("core_grades_update_grades", 1, [], [0, 1]),
        ("mod_assign_set_user_flags", [{"id": 1}, {"id": -1, "errormessage": "no"}], [1], []),
        ("mod_assign_set_user_flags", [{"id": 1}], [], [0, 1]),
        ("enrol_meta_add_instances", [{"status": True}, {"status": False}], [1], []),
    ],
)
def test_an_answer_that_reports_failure_is_not_taken_for_success(
    function: str, answer: Any, failed: list[int], doubtful: list[int]
) -> None:
    batching = CATALOGUE.get(function).batching
    assert batching is not None
    failures = find_failures(batching, [{}, {}], answer)
    assert (sorted(failures.failed), sorted(failures.doubtful)) == (failed, doubtful)


def test_a_code_of_failure_in_one_part_is_not_hidden_by_a_part_that_went_well() -> None:
    assert merge([0, 1], distinct=False) == 1


def test_what_two_reads_both_say_of_themselves_is_kept_as_it_is() -> None:
    answers = [{"total": 2, "ids": [1]}, {"total": 2, "ids": [1, 3]}]
    assert merge(answers, distinct=True) == {"total": 2, "ids": [1, 3]}
    assert merge([True, True], distinct=True) is True


def test_an_entry_that_is_no_object_is_no_success_where_one_is_expected() -> None:
    batching = CATALOGUE.get("enrol_meta_add_instances").batching
    assert batching is not None
    failures = find_failures(batching, [{}, {}], [{"status": True}, None])
    assert sorted(failures.failed) == [1]


def test_a_warning_is_not_about_an_item_without_the_key_that_it_names() -> None:
    batching = Batching(("things",), "per_item", warnings=("itemid={id};",))
    warning = {"item": "thing", "itemid": 7, "warningcode": "bad", "message": "m"}
    failures = find_failures(batching, [{"name": "a"}, {"id": 7}], {"warnings": [warning]})
    assert (sorted(failures.failed), failures.doubtful) == ([1], frozenset())
