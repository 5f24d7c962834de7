"""The fault matrix: whatever happens, the report on each item agrees with the site's state.

It combines every batch behaviour with every fault and every `_on_error`. After each run the site's
tables are compared with the ledger: nothing is lost, written twice, or wrongly reported as done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import anyio
import pytest
from inline_snapshot import snapshot

from moodle_mcp.caller.caller import Caller
from moodle_mcp.caller.executor import Observer
from moodle_mcp.caller.ledger import Fate
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.catalogue.control_arguments import ON_ERROR
from moodle_mcp.catalogue.loading import load
from moodle_mcp.catalogue.schema import input_schema
from moodle_mcp.demo import Hold, InjectedFault
from moodle_mcp.demo.world import World
from moodle_mcp.errors import CallError
from tests.caller.items import (
    COURSE,
    MISSING,
    PER_REQUEST,
    enrolment,
    limits_for,
    message,
    note,
    update,
    user,
)
from tests.support.demo import Demo, in_both_protocols
from tests.support.serving import no_wait

pytestmark = [pytest.mark.anyio, in_both_protocols]

CATALOGUE = load()
ITEMS = 12


@dataclass(frozen=True)
class Subject:
    """A function, how to make its items, and how to count how often the site wrote one."""

    function: str
    make: Callable[[int], Any]
    make_bad: Callable[[int], Any]
    times_done: Callable[[World, Any], int]


def bad_enrolment(number: int) -> Any:
    return enrolment(number) | {"userid": MISSING + number}


def times_enrolled(world: World, item: Any) -> int:
    return int((item["courseid"], item["userid"]) in world.enrolments)


def bad_user(number: int) -> Any:
    return user(number) | {"password": "weak"}


def times_created(world: World, item: Any) -> int:
    return sum(each.username == item["username"] for each in world.people())


def bad_update(number: int) -> Any:
    return update(number) | {"id": MISSING + number}


def times_updated(world: World, item: Any) -> int:
    return sum(each.city == item["city"] for each in world.people())


def bad_note(number: int) -> Any:
    return note(number) | {"userid": MISSING + number}


def times_noted(world: World, item: Any) -> int:
    return sum(item["text"] == each.text for each in world.notes.values())


def bad_message(number: int) -> Any:
    return message(number) | {"touserid": MISSING + number}


def times_sent(world: World, item: Any) -> int:
    return sum(item["text"] == each.text for each in world.messages.values())


SUBJECTS = {
    "transaction, harmless": Subject(
        "enrol_manual_enrol_users", enrolment, bad_enrolment, times_enrolled
    ),
    "transaction": Subject("core_user_create_users", user, bad_user, times_created),
    "per item, harmless": Subject("core_user_update_users", update, bad_update, times_updated),
    "per item": Subject("core_notes_create_notes", note, bad_note, times_noted),
    "midway": Subject("core_message_send_instant_messages", message, bad_message, times_sent),
}


@dataclass(frozen=True)
class Trouble:
    """What goes wrong: invalid items, or faults of the second request."""

    bad: tuple[int, ...] = ()
    repeated: bool = False
    faults: tuple[InjectedFault, ...] = ()
    stop_after: int | None = None


TROUBLES = {
    "nothing": Trouble(),
    "first bad": Trouble(bad=(0,)),
    "middle bad": Trouble(bad=(5,)),
    "last bad": Trouble(bad=(ITEMS - 1,)),
    "three bad": Trouble(bad=(1, 6, 7)),
    "all bad": Trouble(bad=tuple(range(ITEMS))),
    "duplicate": Trouble(repeated=True),
    "timeout before": Trouble(faults=(InjectedFault.hang(),) * 4),
    "timeout after": Trouble(faults=(InjectedFault.hang(after_work=True),)),
    "reset before": Trouble(faults=(InjectedFault.drop(),)),
    "reset after": Trouble(faults=(InjectedFault.drop(after_work=True),)),
    "resets": Trouble(faults=(InjectedFault.drop(after_work=True),) * 6),
    "502": Trouble(faults=(InjectedFault.status(502),)),
    "503": Trouble(faults=(InjectedFault.status(503, retry_after=1),)),
    "429": Trouble(faults=(InjectedFault.status(429, retry_after=1),)),
    "cut": Trouble(faults=(InjectedFault.answer(b'[{"id":'),)),
    "empty": Trouble(faults=(InjectedFault.answer(b""),)),
    "apache 503 after": Trouble(
        faults=(
            InjectedFault("answer", True, 503, {}, b"maintenance downtime or capacity problems"),
        )
    ),
    "maintenance after": Trouble(
        faults=(InjectedFault("answer", True, 503, {}, b"<title>Maintenance</title>"),)
    ),
    "html after": Trouble(faults=(InjectedFault.answer(b"<div>x</div>[1]"),)),
    "malformed answer after": Trouble(
        faults=(
            InjectedFault.answer(
                b'{"exception":"invalid_response_exception","errorcode":"invalidresponse",'
                b'"message":"m"}'
            ),
        )
    ),
    "done, then maintenance": Trouble(
        faults=(
            InjectedFault.drop(after_work=True),
            *(
                InjectedFault.answer(
                    b'{"exception":"moodle_exception","errorcode":"sitemaintenance","message":"m"}',
                    after_work=False,
                )
                for _ in range(6)
            ),
        )
    ),
    "maintenance": Trouble(faults=(InjectedFault.status(503, b"<title>Maintenance</title>"),) * 12),
    "stopped": Trouble(stop_after=PER_REQUEST),
}


def cases() -> list[Any]:
    """Combine every subject with every trouble and each `_on_error` of its function."""
    return [
        pytest.param(subject, trouble, on_error, id=f"{subject_name}-{trouble_name}-{on_error}")
        for subject_name, subject in SUBJECTS.items()
        for trouble_name, trouble in TROUBLES.items()
        for on_error in input_schema(CATALOGUE.get(subject.function))["properties"][ON_ERROR][
            "enum"
        ]
    ]


@pytest.mark.parametrize(("subject", "trouble", "on_error"), cases())
async def test_the_report_on_every_item_agrees_with_the_sites_state(
    demo: Demo, subject: Subject, trouble: Trouble, on_error: str
) -> None:
    items = [
        (subject.make_bad if number in trouble.bad else subject.make)(number)
        for number in range(ITEMS)
    ]
    if trouble.repeated:
        items[7] = items[2]
    before = [subject.times_done(demo.site.world, item) for item in items]
    outcome = await run(demo, subject, items, trouble, on_error)
    after = [subject.times_done(demo.site.world, item) for item in items]
    judge(outcome, items, [now - then for now, then in zip(after, before, strict=True)], subject)


async def run(
    demo: Demo, subject: Subject, items: Sequence[Any], trouble: Trouble, on_error: str
) -> Outcome:
    """Call the function with four items a request; the trouble affects the second request."""
    done = 0

    async def on_done(now: int, _: int) -> None:
        nonlocal done
        done = now
        if now == PER_REQUEST:
            demo.site.faults.extend(trouble.faults)

    def stopped() -> bool:
        return trouble.stop_after is not None and done >= trouble.stop_after

    function = CATALOGUE.get(subject.function)
    assert function.batching is not None
    settings = CallSettings(
        limits=limits_for(demo.protocol, function, items), timeout=0.25, rate=1000
    )
    site = demo.client()
    try:
        caller = Caller(site, settings, sleep=no_wait)
        arguments = {function.batching.items[0]: items, "_on_error": on_error}
        prepared = await caller.prepare(function, arguments)
        assert len(prepared.plan.slices) == ITEMS / PER_REQUEST
        return await caller.call(function, arguments, Observer(on_done=on_done, stopped=stopped))
    finally:
        await site.aclose()


def judge(outcome: Outcome, items: Sequence[Any], times: Sequence[int], subject: Subject) -> None:
    """Compare the report on each item with how often the site wrote it."""
    ledger = outcome.ledger
    assert ledger is not None
    function = CATALOGUE.get(subject.function)
    for index, item in enumerate(items):
        fate, done = ledger.fate(index), times[index]
        twins = [other for other, each in enumerate(items) if each == item]
        fates = {ledger.fate(other) for other in twins}
        where = f"item {index}: said to be {fate.name}, done {done} times"
        if fate is Fate.SUCCEEDED:
            assert done >= 1, where
        elif fate in (Fate.FAILED, Fate.NOT_SENT) and fates <= {Fate.FAILED, Fate.NOT_SENT}:
            assert done == 0, where
        if not function.repeat_is_harmless:
            assert done <= len(twins), where
    assert (outcome.fault is None) == ledger.complete
    written = outcome.fault.written if outcome.fault else "something"
    if written == "nothing":
        assert sum(times) == 0
    report = ledger.report()
    assert report["items"] == len(items)


async def test_one_item_with_a_malformed_answer_is_in_doubt(demo: Demo) -> None:
    """Moodle checks its own answer after the transaction: the user exists."""
    answer = b'{"exception":"invalid_response_exception","errorcode":"invalidresponse"}'
    demo.site.faults.append(InjectedFault.answer(answer))
    site = demo.client()
    outcome = await Caller(site).call(CATALOGUE.get("core_user_create_users"), {"users": [user(1)]})
    await site.aclose()
    assert outcome.ledger is not None
    assert outcome.ledger.fate(0) is Fate.UNKNOWN
    assert outcome.fault is not None
    assert outcome.fault.written == "unknown"


async def test_isolating_three_bad_of_five_hundred_does_497_and_names_three(demo: Demo) -> None:
    await with_users(demo, 500)
    users = [each.id for each in demo.site.world.people() if each.username.startswith("many")]
    items = [{"roleid": 5, "userid": user, "courseid": COURSE} for user in users]
    bad = (17, 203, 499)
    for index in bad:
        items[index] = {**items[index], "userid": MISSING + index}
    site = demo.client()
    caller = Caller(site, CallSettings(rate=1000))
    outcome = await caller.call(
        CATALOGUE.get("enrol_manual_enrol_users"), {"enrolments": items, "_on_error": "isolate"}
    )
    await site.aclose()
    assert outcome.batch is not None
    assert outcome.batch["succeeded"] == 497
    assert [each["index"] for each in outcome.batch["failed"]] == list(bad)
    # Five requests, and at most 2·k·log2(n) more.
    assert outcome.batch["requests"] <= 5 + 2 * 3 * 9
    enrolled = sum((COURSE, user) in demo.site.world.enrolments for user in users)
    assert enrolled == 497


async def test_five_thousand_enrolments_and_a_thousand_users_arrive_complete(demo: Demo) -> None:
    """With PHP's default max_input_vars; PHP would drop further fields silently."""
    assert demo.site.switches.max_input_vars == 1000
    await with_users(demo, 1000)
    users = [each.id for each in demo.site.world.people() if each.username.startswith("many")]
    assert len(users) == 1000
    items = [
        {"roleid": 5, "userid": user, "courseid": course}
        for course in range(2, 7)
        for user in users
    ]
    site = demo.client()
    caller = Caller(site, CallSettings(rate=1000))
    outcome = await caller.call(CATALOGUE.get("enrol_manual_enrol_users"), {"enrolments": items})
    await site.aclose()
    assert outcome.fault is None
    assert all((item["courseid"], item["userid"]) in demo.site.world.enrolments for item in items)
    assert max(received.fields_sent for received in demo.site.requests) <= 900


async def with_users(demo: Demo, count: int) -> None:
    """Create users through the caller itself."""
    items = [user(number) | {"username": f"many{number}"} for number in range(count)]
    items = [item | {"email": f"{item['username']}@school.example"} for item in items]
    site = demo.client()
    caller = Caller(site, CallSettings(rate=1000))
    outcome = await caller.call(CATALOGUE.get("core_user_create_users"), {"users": items})
    await site.aclose()
    assert outcome.fault is None, outcome.envelope


async def test_the_budget_ends_a_call_and_says_how_to_go_on(demo: Demo) -> None:
    """The time is over before the second request, so the rest is not sent."""
    site = demo.client()
    items = [enrolment(number) for number in range(ITEMS)]
    limits = limits_for(demo.protocol, CATALOGUE.get("enrol_manual_enrol_users"), items)
    caller = Caller(site, CallSettings(limits, budget=0.9, rate=1000))
    outcome = await caller.call(CATALOGUE.get("enrol_manual_enrol_users"), {"enrolments": items})
    await site.aclose()
    assert outcome.batch is not None
    assert outcome.fault is not None
    assert outcome.batch["succeeded"] == PER_REQUEST
    assert outcome.batch["not_sent"] == [[PER_REQUEST, ITEMS - 1]]
    assert outcome.fault.kind.code == "timeout"


async def test_cancelling_sends_nothing_after_the_request_under_way(demo: Demo) -> None:
    site = demo.client()
    items = [enrolment(number) for number in range(ITEMS)]
    limits = limits_for(demo.protocol, CATALOGUE.get("enrol_manual_enrol_users"), items)
    caller = Caller(site, CallSettings(limits, rate=1000))
    with anyio.CancelScope() as scope:

        async def on_done(done: int, _: int) -> None:
            scope.cancel()

        await caller.call(
            CATALOGUE.get("enrol_manual_enrol_users"),
            {"enrolments": items},
            Observer(on_done=on_done),
        )
    await site.aclose()
    done = [times_enrolled(demo.site.world, item) for item in items]
    assert done == [1] * PER_REQUEST + [0] * (ITEMS - PER_REQUEST)


async def test_what_was_not_sent_before_a_cancellation_is_not_said_to_be_in_doubt(
    demo: Demo, caplog: pytest.LogCaptureFixture
) -> None:
    """One request is in progress when the call is cancelled; the next is never sent."""
    hold = Hold()
    demo.site.faults.append(InjectedFault.hang(hold))
    site = demo.client()
    items = [enrolment(number) for number in range(ITEMS)]
    function = CATALOGUE.get("enrol_manual_enrol_users")
    caller = Caller(site, CallSettings(limits_for(demo.protocol, function, items), rate=1000))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(caller.call, function, {"enrolments": items})
        await hold.arrived()
        tasks.cancel_scope.cancel()
        hold.release()
    await site.aclose()
    assert caplog.messages == snapshot(
        [
            "enrol_manual_enrol_users was interrupted: {'items': 12, 'requests': 1, 'succeeded': 4, 'failed': [], 'unknown': [], 'not_sent': [[4, 11]]}"
        ]
    )


async def test_an_answer_to_a_dry_run_is_the_plan_and_nothing_is_sent(demo: Demo) -> None:
    site = demo.client()
    items = [enrolment(number) for number in range(2 * demo.protocol.batch_size + 1)]
    outcome = await Caller(site).call(
        CATALOGUE.get("enrol_manual_enrol_users"), {"enrolments": items, "_dry_run": True}
    )
    assert outcome.batch is not None
    assert (outcome.batch["items"], outcome.batch["requests"]) == (len(items), 3)
    assert demo.site.requests == []


async def test_the_pace_slows_when_the_site_asks_and_comes_back(demo: Demo) -> None:
    from moodle_mcp.caller.rate_limit import RateLimit

    rate_limit = RateLimit(rate=1000, reads=4, writes=1)
    site = demo.client()
    demo.site.faults.append(InjectedFault.status(503))
    request = demo.protocol.encode("core_webservice_get_site_info", {})
    with pytest.raises(CallError):
        async with rate_limit.turn(write=False):
            await site.send(request, timeout=5)
    assert rate_limit.rate == 500
    for _ in range(20):
        async with rate_limit.turn(write=False):
            await site.send(request, timeout=5)
    assert rate_limit.rate == 1000
    await site.aclose()


async def test_a_repeated_write_that_was_refused_at_last_is_in_doubt(demo: Demo) -> None:
    """The first attempt was executed; the answer to the second does not tell that."""
    refusal = b'{"exception":"e","errorcode":"sitemaintenance","message":"m"}'
    demo.site.faults.extend(
        [InjectedFault.drop(after_work=True), InjectedFault.answer(refusal, after_work=False)]
    )
    site = demo.client()
    caller = Caller(site, CallSettings(rate=1000), sleep=no_wait)
    items = [enrolment(1)]
    outcome = await caller.call(CATALOGUE.get("enrol_manual_enrol_users"), {"enrolments": items})
    await site.aclose()
    assert times_enrolled(demo.site.world, items[0]) == 1
    assert outcome.ledger is not None
    assert outcome.ledger.fate(0) is Fate.UNKNOWN
