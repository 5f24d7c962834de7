"""What is said of a failed call: whether something was written, and what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from inline_snapshot import snapshot

from moodle_mcp.caller.outcome import Outcome, failed, what_was_written
from moodle_mcp.catalogue.classification import Access, Classification
from moodle_mcp.catalogue.model import Batching, Function
from moodle_mcp.errors import CallError, Fault, Kind, Written

READ = Function("core_x_get_things", classification=Classification(Access.READ))
WRITE = Function("core_x_add_thing", classification=Classification(Access.WRITE))
TRANSACTION = replace(WRITE, batching=Batching(("things",), "all_or_nothing"))
MIDWAY = replace(WRITE, batching=Batching(("things",), "stops_midway"))


def moodle(kind: Kind, errorcode: str = "some", exception: str = "moodle_exception") -> CallError:
    return CallError(Fault(kind, "m", errorcode=errorcode, exception=exception))


CASES: list[tuple[str, Function, CallError, Written]] = [
    ("a read never writes", READ, CallError(Fault(Kind.TIMEOUT, "m")), "nothing"),
    ("a write that timed out", WRITE, CallError(Fault(Kind.TIMEOUT, "m")), "unknown"),
    (
        "a write that never left",
        WRITE,
        CallError(Fault(Kind.UNREACHABLE, "m"), reached=False),
        "nothing",
    ),
    ("a write whose connection broke", WRITE, CallError(Fault(Kind.UNREACHABLE, "m")), "unknown"),
    ("a write with a broken answer", WRITE, CallError(Fault(Kind.BAD_ANSWER, "m")), "unknown"),
    ("a write that a proxy failed", WRITE, CallError(Fault(Kind.SITE_ERROR, "m")), "unknown"),
    (
        "a token refused before the function ran",
        WRITE,
        CallError(Fault(Kind.INVALID_TOKEN, "m"), refused=True),
        "nothing",
    ),
    (
        "too many requests",
        WRITE,
        CallError(Fault(Kind.RATE_LIMITED, "m"), refused=True),
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
        CallError(Fault(Kind.UNREACHABLE, "m"), reached=False, doubtful=True),
        "unknown",
    ),
    ("a missing capability", WRITE, moodle(Kind.NO_PERMISSION), "nothing"),
    ("an exception in a transaction", TRANSACTION, moodle(Kind.CONFLICT), "nothing"),
    ("an exception midway", MIDWAY, moodle(Kind.NOT_FOUND), "unknown"),
    ("no permission midway", MIDWAY, moodle(Kind.NO_PERMISSION), "unknown"),
    ("an exception of an unknown write", WRITE, moodle(Kind.NOT_FOUND), "unknown"),
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
                "hint": "It is not known whether Moodle carried this out. Read the present state before anything is sent again, or it may be done twice. The site did not answer in time. Ask for less at once, try later, or let the operator raise MOODLE_MCP_TIMEOUT.",
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
