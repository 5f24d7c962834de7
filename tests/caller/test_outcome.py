"""The report of a failed call: whether something was written, and what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from inline_snapshot import snapshot

from moodle_mcp.caller.ledger import BatchLedger, Fate
from moodle_mcp.caller.outcome import (
    Outcome,
    batch_fault,
    failed,
    in_doubt,
    what_was_written,
)
from moodle_mcp.caller.plan import Plan, Slice
from moodle_mcp.catalogue.classification import Access, Classification
from moodle_mcp.catalogue.model import Batching, Function
from moodle_mcp.catalogue.refusals import Refused
from moodle_mcp.errors import CallError, Delivery, Fault, Kind, Written
from moodle_mcp.site.protocol import REST

READ = Function("core_x_get_things", classification=Classification(Access.READ))
WRITE = Function("core_x_add_thing", classification=Classification(Access.WRITE))
TRANSACTION = replace(WRITE, batching=Batching(("things",), "all_or_nothing"))
MIDWAY = replace(WRITE, batching=Batching(("things",), "stops_midway"))


def moodle(
    kind: Kind,
    errorcode: str = "some",
    exception: str = "moodle_exception",
    *,
    checking: bool = False,
) -> CallError:
    return CallError(
        Fault(kind, "m", errorcode=errorcode, exception=exception), while_checking=checking
    )


CASES: list[tuple[str, Function, CallError, Written]] = [
    ("a read never writes", READ, CallError(Fault(Kind.TIMEOUT, "m")), "nothing"),
    ("a write that timed out", WRITE, CallError(Fault(Kind.TIMEOUT, "m")), "unknown"),
    (
        "a write that never left",
        WRITE,
        CallError(Fault(Kind.UNREACHABLE, "m"), delivery=Delivery.NOT_SENT),
        "nothing",
    ),
    ("a write whose connection broke", WRITE, CallError(Fault(Kind.UNREACHABLE, "m")), "unknown"),
    ("a write with a broken answer", WRITE, CallError(Fault(Kind.BAD_ANSWER, "m")), "unknown"),
    ("a write that a proxy failed", WRITE, CallError(Fault(Kind.SITE_ERROR, "m")), "unknown"),
    (
        "a token refused before the function ran",
        WRITE,
        CallError(Fault(Kind.INVALID_TOKEN, "m"), delivery=Delivery.REJECTED),
        "nothing",
    ),
    (
        "too many requests",
        WRITE,
        CallError(Fault(Kind.RATE_LIMITED, "m"), delivery=Delivery.REJECTED),
        "nothing",
    ),
    (
        "a maintenance page of whoever stands before Moodle",
        WRITE,
        CallError(Fault(Kind.MAINTENANCE, "m", http_status=503)),
        "unknown",
    ),
    (
        "no connection after an attempt that may have been carried out",
        WRITE,
        CallError(Fault(Kind.UNREACHABLE, "m"), delivery=Delivery.NOT_SENT).after_doubt(),
        "unknown",
    ),
    ("a missing capability", WRITE, moodle(Kind.NO_PERMISSION, checking=True), "nothing"),
    ("a refusal that may come midway", WRITE, moodle(Kind.NO_PERMISSION), "unknown"),
    ("an exception in a transaction", TRANSACTION, moodle(Kind.CONFLICT), "nothing"),
    ("an exception midway", MIDWAY, moodle(Kind.NOT_FOUND), "unknown"),
    (
        "no permission in a read's batch",
        replace(WRITE, batching=Batching(("things",))),
        moodle(Kind.NO_PERMISSION, checking=True),
        "nothing",
    ),
    ("no permission midway", MIDWAY, moodle(Kind.NO_PERMISSION, checking=True), "unknown"),
    ("an exception of an unknown write", WRITE, moodle(Kind.NOT_FOUND, checking=True), "unknown"),
    (
        "a malformed answer after a transaction",
        TRANSACTION,
        moodle(Kind.SITE_ERROR, "invalidresponse", "invalid_response_exception"),
        "unknown",
    ),
]


@pytest.mark.parametrize(
    ("function", "error", "written"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_written_follows_from_the_function_and_the_fault(
    function: Function, error: CallError, written: Written
) -> None:
    assert what_was_written(function, error) == written


def test_a_write_in_doubt_is_not_called_retryable_and_its_hint_says_to_read_first() -> None:
    outcome = failed(WRITE, CallError(Fault(Kind.TIMEOUT, "No answer.")))
    assert outcome.envelope == snapshot(
        {
            "error": {
                "kind": "timeout",
                "message": "No answer.",
                "hint": "It is not known whether Moodle carried this out. Read the present state before you send anything again, or it may be done twice. The site did not answer in time. Ask for less at once, try later, or ask the operator to raise MOODLE_MCP_TIMEOUT.",
                "function": "core_x_add_thing",
                "retryable": False,
                "written": "unknown",
            }
        }
    )


def test_a_success_has_warnings_only_where_there_are_some() -> None:
    assert Outcome(result=None).envelope == {"result": None}
    assert Outcome(result=[], warnings=[{"message": "m"}]).envelope == {
        "result": [],
        "warnings": [{"message": "m"}],
    }


def test_a_failure_has_what_came_of_the_call_beside_it() -> None:
    fault = Fault(Kind.TIMEOUT, "No answer.")
    assert Outcome(fault=fault).envelope.keys() == {"error"}
    outcome = Outcome([1], [{"message": "m"}], {"items": 2}, fault)
    assert outcome.envelope == {
        "error": fault.report(),
        "result": [1],
        "warnings": [{"message": "m"}],
        "batch": {"items": 2},
    }


def test_what_a_fault_says_itself_was_written_counts() -> None:
    error = CallError(Fault(Kind.TIMEOUT, "m", written="nothing"))
    assert failed(WRITE, error).fault == Fault(
        Kind.TIMEOUT, "m", function=WRITE.name, written="nothing"
    )


def test_doubt_says_where_to_look_and_whether_calling_again_does_harm() -> None:
    functions = {
        "nothing known": WRITE,
        "a read that shows it": replace(
            WRITE, batching=Batching(("things",), check_with="core_x_get_things")
        ),
        "harmless": replace(WRITE, batching=Batching(("things",), repeat_is_harmless=True)),
    }
    assert {name: in_doubt(function) for name, function in functions.items()} == snapshot(
        {
            "nothing known": "It is not known whether Moodle carried this out. Read the present state before you send anything again, or it may be done twice.",
            "a read that shows it": "It is not known whether Moodle carried this out. Check with core_x_get_things before you send anything again, or it may be done twice.",
            "harmless": "It is not known whether Moodle carried this out; calling again does no harm.",
        }
    )


def plan(function: Function, items: int) -> Plan:
    return Plan(function, {"things": [*range(items)]}, REST, items, (Slice(0, items),))


def test_a_batch_without_a_cause_takes_the_first_items_fault() -> None:
    ledger = BatchLedger(3)
    first = Fault(Kind.CONFLICT, "Second.", errorcode="e", exception="x", said="Second.")
    ledger.mark([1], Fate.FAILED, first)
    ledger.mark([2], Fate.FAILED, Fault(Kind.NOT_FOUND, "Third.", said="Third."))
    ledger.mark([0], Fate.SUCCEEDED)
    assert batch_fault(plan(MIDWAY, 3), ledger, None, None, "stop") == snapshot(
        Fault(
            kind=Kind.CONFLICT,
            message="1 of 3 items are done. Second.",
            hint="Items in `failed` were not done. Something with this name or id number exists already: use another, or update that one.",
            function="core_x_add_thing",
            errorcode="e",
            exception="x",
            retryable=False,
            written="something",
            said="Second.",
        )
    )


def test_a_batch_of_reads_has_written_nothing() -> None:
    ledger = BatchLedger(2)
    ledger.mark([0], Fate.SUCCEEDED)
    function = replace(READ, batching=Batching(("things",)))
    assert batch_fault(plan(function, 2), ledger, None, "budget", "stop") == snapshot(
        Fault(
            kind=Kind.TIMEOUT,
            message="1 of 2 items are done. The time for one call ran out before all items were sent.",
            hint="Items in `not_sent` (first and last index of each run) were not sent. Send the remaining items in another call.",
            function="core_x_get_things",
            retryable=True,
            written="nothing",
        )
    )


def test_a_batch_in_doubt_without_any_fault_says_why() -> None:
    """Moodle's warning does not name the item."""
    ledger = BatchLedger(2)
    ledger.mark([0, 1], Fate.UNKNOWN)
    assert batch_fault(plan(MIDWAY, 2), ledger, None, None, "stop") == snapshot(
        Fault(
            kind=Kind.MOODLE_ERROR,
            message="0 of 2 items are done. Moodle's answer does not report the outcome of each item.",
            hint="For the items in `unknown`: It is not known whether Moodle carried this out. Read the present state before you send anything again, or it may be done twice. Moodle refused the call for the reason in the message and errorcode.",
            function="core_x_add_thing",
            retryable=False,
            written="unknown",
        )
    )


def test_a_batch_error_keeps_the_status_and_is_retryable_unless_in_doubt() -> None:
    cause = Fault(Kind.MAINTENANCE, "m", http_status=503)
    ledger = BatchLedger(2)
    fault = batch_fault(plan(TRANSACTION, 2), ledger, cause, None, "stop")
    assert (fault.http_status, fault.retryable) == (503, True)
    ledger.mark([0], Fate.UNKNOWN)
    assert batch_fault(plan(TRANSACTION, 2), ledger, cause, None, "stop").retryable is False


def test_isolating_is_advised_for_a_failed_request_of_one_transaction_alone() -> None:
    def advises(function: Function, failures: int) -> bool:
        ledger = BatchLedger(3)
        ledger.mark(range(failures), Fate.FAILED, Fault(Kind.NOT_FOUND, "m"))
        fault = batch_fault(plan(function, 3), ledger, None, None, "stop")
        return "isolate" in fault.advice

    assert [advises(TRANSACTION, 1), advises(TRANSACTION, 2), advises(MIDWAY, 2)] == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("when", "items", "written"),
    [
        (Refused.BEFORE, 1, "nothing"),
        (Refused.BEFORE, 5, "nothing"),
        (Refused.ITEM, 1, "nothing"),
        (Refused.ITEM, 5, "unknown"),
    ],
)
def test_an_errorcode_can_prove_that_nothing_was_written(
    when: Refused, items: int, written: Written
) -> None:
    function = replace(MIDWAY, refusals={"shortnametaken": when})
    taken = moodle(Kind.CONFLICT, "shortnametaken")
    assert what_was_written(function, taken, items) == written
    assert what_was_written(function, moodle(Kind.CONFLICT, "other"), items) == "unknown"


def test_an_errorcode_proves_nothing_if_an_earlier_attempt_may_have_worked() -> None:
    function = replace(WRITE, refusals={"shortnametaken": Refused.BEFORE})
    assert what_was_written(function, moodle(Kind.CONFLICT, "shortnametaken").after_doubt()) == (
        "unknown"
    )
