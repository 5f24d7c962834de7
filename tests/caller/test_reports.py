"""Envelopes of batch calls with failed items, in full.

Agents and people act on these messages, so their exact words are tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from inline_snapshot import snapshot

from moodle_mcp.caller.caller import Caller
from moodle_mcp.caller.executor import Observer
from moodle_mcp.caller.ledger import BatchLedger, Fate
from moodle_mcp.caller.limits import Limits
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.catalogue.loading import load
from moodle_mcp.demo import InjectedFault
from moodle_mcp.errors import CallError, Fault, Kind
from moodle_mcp.site.session import SiteSession
from tests.caller.items import MISSING, enrolment, limits_for, message, note, update, user
from tests.support.demo import Demo
from tests.support.serving import connection, no_wait

pytestmark = pytest.mark.anyio

CATALOGUE = load()
ENROL = "enrol_manual_enrol_users"
MAINTENANCE = b'{"exception":"moodle_exception","errorcode":"sitemaintenance","message":"m"}'


async def call(
    demo: Demo,
    name: str,
    items: Sequence[Any],
    on_error: str = "stop",
    *,
    observer: Observer | None = None,
    site: SiteSession | None = None,
) -> Outcome:
    """Call a function with at most four items a request."""
    function = CATALOGUE.get(name)
    assert function.batching is not None
    site = site or demo.client()
    settings = CallSettings(limits_for(demo.protocol, function, items), timeout=5, rate=1000)
    arguments: dict[str, Any] = {function.batching.items[0]: items}
    if not function.reads_only:
        arguments["_on_error"] = on_error
    try:
        return await Caller(site, settings, sleep=no_wait).call(function, arguments, observer)
    finally:
        await site.aclose()


def enrolments(*bad: int) -> list[Any]:
    """Return ten enrolments; those at the indexes `bad` are of people who do not exist."""
    return [
        enrolment(number) | ({"userid": MISSING + number} if number in bad else {})
        for number in range(10)
    ]


async def test_a_call_that_stops_names_the_request_that_failed_and_what_to_pass_again(
    demo: Demo,
) -> None:
    outcome = await call(demo, ENROL, enrolments(5))
    assert outcome.envelope == snapshot(
        {
            "error": {
                "kind": "not_found",
                "message": "4 of 10 items are done. Invalid user",
                "hint": "Items in `failed` were not done. With _on_error=isolate the good ones are done and the bad ones named. Items in `not_sent` (first and last index of each run) were not sent. No user has this id. Look users up with core_user_get_users_by_field.",
                "function": "enrol_manual_enrol_users",
                "errorcode": "invaliduser",
                "exception": "dml_missing_record_exception",
                "retryable": False,
                "written": "something",
            },
            "batch": {
                "items": 10,
                "requests": 2,
                "succeeded": 4,
                "failed": [
                    {
                        "index": 4,
                        "error": {
                            "kind": "not_found",
                            "message": "Invalid user",
                            "errorcode": "invaliduser",
                        },
                        "to": 7,
                    }
                ],
                "unknown": [],
                "not_sent": [[8, 9]],
            },
        }
    )


async def test_a_call_that_continues_leaves_out_the_failed_request_alone(demo: Demo) -> None:
    outcome = await call(demo, ENROL, enrolments(5), "continue")
    assert outcome.envelope == snapshot(
        {
            "error": {
                "kind": "not_found",
                "message": "6 of 10 items are done. Invalid user",
                "hint": "Items in `failed` were not done. With _on_error=isolate the good ones are done and the bad ones named. No user has this id. Look users up with core_user_get_users_by_field.",
                "function": "enrol_manual_enrol_users",
                "errorcode": "invaliduser",
                "exception": "dml_missing_record_exception",
                "retryable": False,
                "written": "something",
            },
            "batch": {
                "items": 10,
                "requests": 3,
                "succeeded": 6,
                "failed": [
                    {
                        "index": 4,
                        "error": {
                            "kind": "not_found",
                            "message": "Invalid user",
                            "errorcode": "invaliduser",
                        },
                        "to": 7,
                    }
                ],
                "unknown": [],
                "not_sent": [],
            },
        }
    )


async def test_a_call_that_isolates_leaves_out_the_bad_item_alone(demo: Demo) -> None:
    outcome = await call(demo, ENROL, enrolments(5), "isolate")
    assert outcome.envelope == snapshot(
        {
            "error": {
                "kind": "not_found",
                "message": "9 of 10 items are done. Invalid user",
                "hint": "Items in `failed` were not done. No user has this id. Look users up with core_user_get_users_by_field.",
                "function": "enrol_manual_enrol_users",
                "errorcode": "invaliduser",
                "exception": "dml_missing_record_exception",
                "retryable": False,
                "written": "something",
            },
            "batch": {
                "items": 10,
                "requests": 7,
                "succeeded": 9,
                "failed": [
                    {
                        "index": 5,
                        "error": {
                            "kind": "not_found",
                            "message": "Invalid user",
                            "errorcode": "invaliduser",
                        },
                        "ids": {"roleid": 5, "userid": 999005, "courseid": 12},
                    }
                ],
                "unknown": [],
                "not_sent": [],
            },
        }
    )


async def test_a_bad_item_alone_is_known_to_have_failed_where_others_would_be_in_doubt(
    demo: Demo,
) -> None:
    items = [message(number) for number in range(5)]
    items[4]["touserid"] = MISSING
    outcome = await call(demo, "core_message_send_instant_messages", items, "continue")
    assert outcome.envelope == snapshot(
        {
            "error": {
                "kind": "invalid_parameter",
                "message": "4 of 5 items are done. webservice/formatnotsupported",
                "hint": "Items in `failed` were not done. Moodle rejected a value without naming it. Check those in `suspects` first, if there are any. Check that ids exist, that values are allowed and that nothing is a duplicate.",
                "function": "core_message_send_instant_messages",
                "errorcode": "formatnotsupported",
                "exception": "core\\exception\\moodle_exception",
                "retryable": False,
                "written": "something",
            },
            "result": [
                {
                    "msgid": 3,
                    "text": "Matrix 0",
                    "timecreated": 1800000000,
                    "conversationid": 2,
                    "useridfrom": 2,
                    "candeletemessagesforallusers": False,
                },
                {
                    "msgid": 4,
                    "text": "Matrix 1",
                    "timecreated": 1800000000,
                    "conversationid": 3,
                    "useridfrom": 2,
                    "candeletemessagesforallusers": False,
                },
                {
                    "msgid": 5,
                    "text": "Matrix 2",
                    "timecreated": 1800000000,
                    "conversationid": 4,
                    "useridfrom": 2,
                    "candeletemessagesforallusers": False,
                },
                {
                    "msgid": 6,
                    "text": "Matrix 3",
                    "timecreated": 1800000000,
                    "conversationid": 5,
                    "useridfrom": 2,
                    "candeletemessagesforallusers": False,
                },
            ],
            "batch": {
                "items": 5,
                "requests": 2,
                "succeeded": 4,
                "failed": [
                    {
                        "index": 4,
                        "error": {
                            "kind": "invalid_parameter",
                            "message": "webservice/formatnotsupported",
                            "errorcode": "formatnotsupported",
                        },
                        "ids": {"touserid": 999000},
                    }
                ],
                "unknown": [],
                "not_sent": [],
            },
        }
    )


async def test_two_items_of_which_one_is_bad_are_in_doubt_where_a_request_ends_midway(
    demo: Demo,
) -> None:
    answer = b'{"exception":"e","errorcode":"invaliduser","message":"Invalid user"}'
    demo.site.faults.append(InjectedFault.answer(answer))
    items = [message(number) for number in range(2)]
    outcome = await call(demo, "core_message_send_instant_messages", items)
    assert outcome.envelope == snapshot(
        {
            "error": {
                "kind": "not_found",
                "message": "0 of 2 items are done. Invalid user",
                "hint": "For the items in `unknown`: It is not known whether Moodle carried this out. Check with core_message_get_messages before you send anything again, or it may be done twice. No user has this id. Look users up with core_user_get_users_by_field.",
                "function": "core_message_send_instant_messages",
                "errorcode": "invaliduser",
                "exception": "e",
                "retryable": False,
                "written": "unknown",
            },
            "batch": {
                "items": 2,
                "requests": 1,
                "succeeded": 0,
                "failed": [],
                "unknown": [[0, 1]],
                "not_sent": [],
            },
        }
    )


async def test_a_note_that_was_not_answered_is_in_doubt_and_not_sent_again(demo: Demo) -> None:
    demo.site.faults.append(InjectedFault.drop(after_work=True))
    items = [note(number) for number in range(6)]
    outcome = await call(demo, "core_notes_create_notes", items, "continue")
    assert outcome.envelope == snapshot(
        {
            "error": {
                "kind": "unreachable",
                "message": "2 of 6 items are done. The connection broke before the answer was complete.",
                "hint": "For the items in `unknown`: It is not known whether Moodle carried this out. Check with core_notes_get_course_notes before you send anything again, or it may be done twice. The site can't be reached. The operator should check MOODLE_URL, the network, a proxy or firewall, and whether the site is up.",
                "function": "core_notes_create_notes",
                "retryable": False,
                "written": "unknown",
            },
            "result": [{"noteid": 6}, {"noteid": 7}],
            "batch": {
                "items": 6,
                "requests": 2,
                "succeeded": 2,
                "failed": [],
                "unknown": [[0, 3]],
                "not_sent": [],
            },
        }
    )


async def test_doubt_about_what_may_be_done_twice_says_so(demo: Demo) -> None:
    demo.site.faults.extend([InjectedFault.drop(after_work=True)] * 4)
    outcome = await call(demo, ENROL, [enrolment(1)])
    assert outcome.envelope == snapshot(
        {
            "error": {
                "kind": "unreachable",
                "message": "0 of 1 items are done. The connection broke before the answer was complete.",
                "hint": "For the items in `unknown`: It is not known whether Moodle carried this out; calling again does no harm. The site can't be reached. The operator should check MOODLE_URL, the network, a proxy or firewall, and whether the site is up.",
                "function": "enrol_manual_enrol_users",
                "retryable": False,
                "written": "unknown",
            },
            "batch": {
                "items": 1,
                "requests": 1,
                "succeeded": 0,
                "failed": [],
                "unknown": [[0, 0]],
                "not_sent": [],
            },
        }
    )


async def test_a_warning_about_an_item_is_its_error(demo: Demo) -> None:
    items = [update(1), update(2) | {"id": MISSING}, update(3)]
    outcome = await call(demo, "core_user_update_users", items)
    assert outcome.envelope == snapshot(
        {
            "error": {
                "kind": "not_found",
                "message": "2 of 3 items are done. Invalid user ID",
                "hint": "Items in `failed` were not done. Nothing has this id. Look the id up first: course id, course-module id, instance id and context id are different numbers.",
                "function": "core_user_update_users",
                "errorcode": "invaliduserid",
                "retryable": False,
                "written": "something",
            },
            "result": {
                "warnings": [
                    {
                        "item": "user",
                        "itemid": 999000,
                        "warningcode": "invaliduserid",
                        "message": "Invalid user ID",
                    }
                ]
            },
            "batch": {
                "items": 3,
                "requests": 1,
                "succeeded": 2,
                "failed": [
                    {
                        "index": 1,
                        "error": {
                            "kind": "not_found",
                            "message": "Invalid user ID",
                            "errorcode": "invaliduserid",
                        },
                        "ids": {"id": 999000},
                    }
                ],
                "unknown": [],
                "not_sent": [],
            },
        }
    )


async def test_a_warning_about_no_item_leaves_those_of_its_request_in_doubt(demo: Demo) -> None:
    warning = (
        b'{"warnings":[{"item":"user","itemid":1,"warningcode":"invaliduserid","message":"Who?"}]}'
    )

    async def on_done(now: int, _: int) -> None:
        if now == 4:
            demo.site.faults.append(InjectedFault.answer(warning))

    items = [update(number) for number in range(10)]
    outcome = await call(demo, "core_user_update_users", items, observer=Observer(on_done=on_done))
    assert outcome.envelope == snapshot(
        {
            "error": {
                "kind": "moodle_error",
                "message": "6 of 10 items are done. Moodle's answer does not report the outcome of each item.",
                "hint": "For the items in `unknown`: It is not known whether Moodle carried this out; calling again does no harm. Moodle refused the call for the reason in the message and errorcode.",
                "function": "core_user_update_users",
                "retryable": False,
                "written": "unknown",
            },
            "result": {
                "warnings": [
                    {"item": "user", "itemid": 1, "warningcode": "invaliduserid", "message": "Who?"}
                ]
            },
            "batch": {
                "items": 10,
                "requests": 3,
                "succeeded": 6,
                "failed": [],
                "unknown": [[4, 7]],
                "not_sent": [],
            },
        }
    )


async def test_a_warning_in_the_answer_to_a_read_makes_no_item_fail(demo: Demo) -> None:
    warning = b'{"courses":[],"warnings":[{"item":"course","itemid":2,"warningcode":"1","message":"No."}]}'
    demo.site.faults.append(InjectedFault.answer(warning))
    outcome = await call(demo, "mod_assign_get_assignments", [2, 3])
    assert outcome.envelope == snapshot(
        {
            "result": {
                "courses": [],
                "warnings": [{"item": "course", "itemid": 2, "warningcode": "1", "message": "No."}],
            }
        }
    )


@pytest.mark.parametrize("on_error", ["continue", "isolate"])
async def test_what_would_meet_every_request_ends_the_call(demo: Demo, on_error: str) -> None:
    demo.site.faults.append(InjectedFault.answer(MAINTENANCE, after_work=False))
    envelope = (await call(demo, ENROL, enrolments(), on_error)).envelope
    advice = "With _on_error=isolate the good ones are done and the bad ones named. "
    # Who asked for that is not told to.
    assert (advice in envelope["error"]["hint"]) is (on_error != "isolate")
    envelope["error"]["hint"] = envelope["error"]["hint"].replace(advice, "")
    assert envelope == snapshot(
        {
            "error": {
                "kind": "maintenance",
                "message": "0 of 10 items are done. m",
                "hint": "Items in `failed` were not done. Items in `not_sent` (first and last index of each run) were not sent. The site is in maintenance mode. Wait until an administrator ends it.",
                "function": "enrol_manual_enrol_users",
                "errorcode": "sitemaintenance",
                "exception": "moodle_exception",
                "retryable": True,
                "written": "nothing",
            },
            "batch": {
                "items": 10,
                "requests": 1,
                "succeeded": 0,
                "failed": [
                    {
                        "index": 0,
                        "error": {
                            "kind": "maintenance",
                            "message": "m",
                            "errorcode": "sitemaintenance",
                        },
                        "to": 3,
                    }
                ],
                "unknown": [],
                "not_sent": [[4, 9]],
            },
        }
    )


@pytest.mark.parametrize("on_error", ["stop", "continue", "isolate"])
async def test_without_a_connection_nothing_counts_as_failed_and_no_more_is_tried(
    demo: Demo, on_error: str
) -> None:
    """Nothing listens at the address."""
    site = SiteSession(connection("http://127.0.0.1:9"))
    outcome = await call(demo, ENROL, enrolments(), on_error, site=site)
    assert outcome.envelope == snapshot(
        {
            "error": {
                "kind": "unreachable",
                "message": "0 of 10 items are done. The site refused the connection, or nothing listens there.",
                "hint": "Items in `not_sent` (first and last index of each run) were not sent. The site can't be reached. The operator should check MOODLE_URL, the network, a proxy or firewall, and whether the site is up.",
                "function": "enrol_manual_enrol_users",
                "retryable": True,
                "written": "nothing",
            },
            "batch": {
                "items": 10,
                "requests": 1,
                "succeeded": 0,
                "failed": [],
                "unknown": [],
                "not_sent": [[0, 9]],
            },
        }
    )


async def test_a_call_that_was_stopped_says_what_was_not_sent(demo: Demo) -> None:
    done: list[tuple[int, int]] = []

    async def on_done(now: int, of: int) -> None:
        done.append((now, of))

    observer = Observer(on_done=on_done, stopped=lambda: len(done) == 2)
    outcome = await call(demo, ENROL, enrolments(), observer=observer)
    assert done == [(4, 10), (8, 10)]
    assert outcome.envelope == snapshot(
        {
            "error": {
                "kind": "declined",
                "message": "8 of 10 items are done. The call was stopped before all items were sent.",
                "hint": "Items in `not_sent` (first and last index of each run) were not sent. Send the remaining items in another call.",
                "function": "enrol_manual_enrol_users",
                "retryable": False,
                "written": "something",
            },
            "batch": {
                "items": 10,
                "requests": 2,
                "succeeded": 8,
                "failed": [],
                "unknown": [],
                "not_sent": [[8, 9]],
            },
        }
    )


async def test_a_stop_holds_for_all_requests_whoever_asks_after_it(demo: Demo) -> None:
    """Reads run concurrently: the observer stops the second, the others do not ask it."""
    asked: list[bool] = []

    def stopped() -> bool:
        asked.append(len(asked) == 1)
        return asked[-1]

    values = [str(number) for number in range(100, 112)]
    function = CATALOGUE.get("core_user_get_users_by_field")
    limits = Limits(fields=8)
    site = demo.client()
    outcome = await Caller(site, CallSettings(limits)).call(
        function, {"field": "id", "values": values}, Observer(stopped=stopped)
    )
    await site.aclose()
    assert asked == [False, True]
    assert outcome.batch is not None
    assert (outcome.batch["requests"], outcome.batch["not_sent"]) == (1, [[5, 11]])


async def test_a_wait_before_a_request_of_many_is_repeated_is_told(demo: Demo) -> None:
    told: list[tuple[float, str]] = []

    async def on_wait(seconds: float, error: CallError) -> None:
        told.append((seconds, error.fault.kind.code))

    demo.site.faults.append(InjectedFault.status(503, retry_after=2))
    outcome = await call(demo, ENROL, enrolments(), observer=Observer(on_wait=on_wait))
    assert outcome.fault is None
    assert told == [(2.0, "site_error")]


async def test_a_request_that_waits_is_not_repeated_once_the_call_is_stopped(demo: Demo) -> None:
    waits: list[float] = []

    async def on_wait(seconds: float, _: CallError) -> None:
        waits.append(seconds)

    demo.site.faults.append(InjectedFault.status(503, retry_after=2))
    observer = Observer(on_wait=on_wait, stopped=lambda: bool(waits))
    outcome = await call(demo, ENROL, enrolments(), observer=observer)
    assert (demo.calls_of(ENROL), waits) == (1, [2.0])
    assert outcome.envelope == snapshot(
        {
            "error": {
                "kind": "declined",
                "message": "0 of 10 items are done. The call was stopped before this was sent.",
                "hint": "For the items in `unknown`: It is not known whether Moodle carried this out; calling again does no harm. Items in `not_sent` (first and last index of each run) were not sent. The user did not want this. Do not try again unless they ask for it.",
                "function": "enrol_manual_enrol_users",
                "retryable": False,
                "written": "unknown",
            },
            "batch": {
                "items": 10,
                "requests": 1,
                "succeeded": 0,
                "failed": [],
                "unknown": [[0, 3]],
                "not_sent": [[4, 9]],
            },
        }
    )


async def test_a_call_of_one_request_that_succeeds_has_a_batch_without_an_error(
    demo: Demo,
) -> None:
    outcome = await call(demo, "core_user_create_users", [user(1)])
    assert outcome.envelope == snapshot(
        {
            "result": [{"id": 62, "username": "matrix1"}],
            "batch": {
                "items": 1,
                "requests": 1,
                "succeeded": 1,
                "failed": [],
                "unknown": [],
                "not_sent": [],
            },
        }
    )


async def test_fates_are_told_before_each_request_and_after_it(demo: Demo) -> None:
    told: list[tuple[Sequence[int], list[str], int]] = []
    observer = Observer(
        on_fates=lambda part, ledger: told.append(
            (part, [ledger.fate(index).name for index in part], ledger.requests)
        )
    )
    await call(demo, ENROL, enrolments()[:5], observer=observer)
    assert told == snapshot(
        [
            (range(4), ["UNKNOWN", "UNKNOWN", "UNKNOWN", "UNKNOWN"], 0),
            (range(4), ["SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED"], 1),
            (range(4, 5), ["UNKNOWN"], 1),
            (range(4, 5), ["SUCCEEDED"], 2),
        ]
    )


async def test_a_run_ends_after_the_request_whose_outcome_can_not_be_noted(demo: Demo) -> None:
    """Recording before the first request succeeds, after it fails: the disk is full."""
    notes = 0

    def note(_: Sequence[int], __: BatchLedger) -> None:
        nonlocal notes
        notes += 1
        if notes == 2:
            raise CallError(Fault(Kind.INTERNAL, "The result file can't be written."))

    outcome = await call(demo, ENROL, enrolments(), observer=Observer(on_fates=note))
    assert demo.calls_of(ENROL) == 1
    assert outcome.batch is not None
    assert outcome.fault is not None
    assert (outcome.batch["succeeded"], outcome.batch["not_sent"]) == (4, [[4, 9]])
    assert outcome.fault.message == "4 of 10 items are done. The result file can't be written."


async def test_items_that_php_dropped_without_a_word_are_not_called_done(demo: Demo) -> None:
    """A site whose max_input_vars is lower than the operator knows: three of six arrive."""
    demo.site.switches.max_input_vars = 5
    items = [{"name": f"Dropped {number}"} for number in range(6)]
    site = demo.client()
    outcome = await Caller(site).call(
        CATALOGUE.get("core_course_create_categories"), {"categories": items}
    )
    await site.aclose()
    assert len(outcome.result) == 3
    assert outcome.batch == snapshot(
        {
            "items": 6,
            "requests": 1,
            "succeeded": 0,
            "failed": [],
            "unknown": [[0, 5]],
            "not_sent": [],
        }
    )


async def test_no_request_is_begun_that_the_budget_would_cut_off(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With requests of 40 seconds, a third one would begin 30 seconds before the budget's end."""
    now = 0.0
    monkeypatch.setattr("moodle_mcp.caller.transmit.time", SimpleNamespace(monotonic=lambda: now))

    def on_fates(items: Sequence[int], ledger: BatchLedger) -> None:
        nonlocal now
        now += 40 if ledger.fate(items[0]) is Fate.UNKNOWN else 0

    items = [enrolment(number) for number in range(12)]
    outcome = await call(demo, ENROL, items, observer=Observer(on_fates=on_fates))
    assert outcome.batch == snapshot(
        {
            "items": 12,
            "requests": 2,
            "succeeded": 8,
            "failed": [],
            "unknown": [],
            "not_sent": [[8, 11]],
        }
    )


async def test_short_requests_are_begun_while_one_second_and_a_little_is_left(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("moodle_mcp.caller.transmit.time", SimpleNamespace(monotonic=lambda: now))

    async def on_done(_: int, __: int) -> None:
        nonlocal now
        now = CallSettings().budget - 1.45

    items = [note(number) for number in range(6)]
    outcome = await call(demo, "core_notes_create_notes", items, observer=Observer(on_done=on_done))
    assert outcome.fault is None
    assert demo.calls_of("core_notes_create_notes") == 2
