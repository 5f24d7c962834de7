"""The caller against the demo site: what the site receives and what the call returns."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import anyio
import pytest
from inline_snapshot import snapshot

from moodle_mcp.caller.caller import Caller
from moodle_mcp.caller.executor import Observer
from moodle_mcp.caller.limits import Limits
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.catalogue.loading import load
from moodle_mcp.demo import ADMIN_TOKEN, SMALL_TOKEN, Hold, InjectedFault
from moodle_mcp.errors import CallError
from moodle_mcp.site.info import SITE_INFO
from moodle_mcp.site.protocol import REST, RESTFUL
from moodle_mcp.site.session import SiteSession
from tests.support.demo import Demo, in_both_protocols
from tests.support.serving import connection, no_wait

pytestmark = [pytest.mark.anyio, in_both_protocols]

CATALOGUE = load()
READ = ("core_course_get_courses_by_field", {"field": "id", "value": "2"})
WRITE = ("core_course_create_categories", {"categories": [{"name": "New"}]})
NOTE = {"notes": [{"userid": 5, "publishstate": "course", "courseid": 2, "text": "n", "format": 1}]}
HARMLESS = ("core_group_add_group_members", {"members": [{"groupid": 1, "userid": 20}]})


async def call(
    demo: Demo,
    name: str,
    arguments: dict[str, Any],
    *,
    token: str = ADMIN_TOKEN,
    settings: CallSettings | None = None,
) -> Outcome:
    site = demo.client(token)
    try:
        caller = Caller(site, settings, sleep=no_wait)
        return await caller.call(CATALOGUE.get(name), arguments)
    finally:
        await site.aclose()


def error(outcome: Outcome) -> dict[str, Any]:
    return outcome.envelope["error"]


def calls_of(demo: Demo, function: str) -> int:
    return sum(received.function == function for received in demo.site.requests)


async def test_invalid_arguments_send_nothing(demo: Demo) -> None:
    outcome = await call(demo, "enrol_manual_enrol_users", {"enrolments": [{"roleid": True}]})
    assert error(outcome)["kind"] == "invalid_arguments"
    assert demo.site.requests == []


async def test_a_call_over_the_limits_sends_nothing(demo: Demo) -> None:
    limits = Limits(fields=20, body=300)
    criteria = [{"key": "email", "value": str(number)} for number in range(30)]
    outcome = await call(
        demo, "core_user_get_users", {"criteria": criteria}, settings=CallSettings(limits)
    )
    assert (error(outcome)["kind"], error(outcome)["written"]) == ("too_large", "nothing")
    assert ("form fields" in error(outcome)["message"]) == (demo.protocol is REST)
    assert demo.site.requests == []


async def test_what_arrives_is_what_was_counted(demo: Demo) -> None:
    """A request of exactly the allowed number of fields, including the token, arrives whole."""
    arguments = {"field": "id", "values": [str(number) for number in range(100, 115)]}
    cost = demo.protocol.encode("core_user_get_users_by_field", arguments).cost
    demo.site.switches.max_input_vars = cost.fields
    demo.site.switches.post_max_size = cost.bytes
    limits = Limits(cost.fields, cost.bytes)
    outcome = await call(
        demo, "core_user_get_users_by_field", arguments, settings=CallSettings(limits)
    )
    assert outcome.fault is None
    (received,) = demo.site.requests
    assert (received.fields_kept, len(received.body)) == (cost.fields, cost.bytes)


async def test_the_token_is_in_its_one_place_and_nowhere_else(demo: Demo) -> None:
    await call(demo, *READ)
    await call(demo, *WRITE)
    for received in demo.site.requests:
        assert ADMIN_TOKEN not in f"{received.path}{received.query}"
        headers = [name for name, value in received.headers.items() if ADMIN_TOKEN in value]
        if demo.protocol is REST:
            assert parse_qsl(received.body.decode())[0] == ("wstoken", ADMIN_TOKEN)
            assert (headers, received.body.count(ADMIN_TOKEN.encode())) == ([], 1)
        else:
            assert received.headers["authorization"] == ADMIN_TOKEN
            assert (headers, received.body.count(ADMIN_TOKEN.encode())) == (["authorization"], 0)


async def test_a_read_is_repeated_until_the_site_recovers(demo: Demo) -> None:
    demo.site.faults.extend(
        [InjectedFault.status(502), InjectedFault.status(503, retry_after=1), InjectedFault.drop()]
    )
    outcome = await call(demo, *READ)
    assert outcome.fault is None
    assert calls_of(demo, READ[0]) == 4


async def test_a_read_is_given_up_after_four_attempts(demo: Demo) -> None:
    demo.site.faults.extend([InjectedFault.status(502)] * 9)
    outcome = await call(demo, *READ)
    assert error(outcome)["kind"] == "site_error"
    assert calls_of(demo, READ[0]) == 4


async def test_a_wait_longer_than_the_call_may_take_is_not_begun(demo: Demo) -> None:
    demo.site.faults.append(InjectedFault.status(429, retry_after=600))
    outcome = await call(demo, *READ)
    assert error(outcome) == snapshot(
        {
            "kind": "rate_limited",
            "message": "The site answered that there were too many requests and asks to wait 600 seconds.",
            "hint": "The site asks for fewer requests. Wait, then go on.",
            "function": "core_course_get_courses_by_field",
            "http_status": 429,
            "retryable": True,
            "written": "nothing",
        }
    )
    assert calls_of(demo, READ[0]) == 1


@pytest.mark.parametrize(
    "fault",
    [
        InjectedFault.status(502),
        InjectedFault.status(503, retry_after=1),
        InjectedFault.status(504),
        InjectedFault.status(429, retry_after=1),
        InjectedFault.status(500),
        InjectedFault.drop(),
        InjectedFault.drop(after_work=True),
        InjectedFault.answer(b'{"exc'),
        InjectedFault.answer(b""),
        InjectedFault.answer(b"<html>login</html>"),
        InjectedFault.answer(b'{"code": 403, "message": "blocked"}', after_work=False),
        InjectedFault.answer(b'"blocked"', after_work=False),
        InjectedFault.answer(b"null", after_work=False),
        InjectedFault.answer(b"[]", after_work=False),
    ],
    ids=[
        "502",
        "503",
        "504",
        "429",
        "500",
        "drop",
        "dropafter",
        "cut",
        "empty",
        "html",
        "firewall",
        "word",
        "null",
        "list",
    ],
)
async def test_a_write_is_sent_once_whatever_the_fault(demo: Demo, fault: InjectedFault) -> None:
    demo.site.faults.append(fault)
    outcome = await call(demo, *WRITE)
    assert calls_of(demo, WRITE[0]) == 1
    assert error(outcome)["written"] in ("nothing", "unknown")


@pytest.mark.parametrize(("status", "written"), [(302, "nothing"), (303, "unknown")])
async def test_a_write_that_moodle_ends_with_a_redirect_of_its_own_is_in_doubt(
    demo: Demo, status: int, written: str
) -> None:
    to = {"location": f"{demo.url}/course/view.php"}
    demo.site.faults.append(InjectedFault("answer", True, status, to, b""))
    assert error(await call(demo, *WRITE))["written"] == written


@pytest.mark.parametrize("status", [400, 401, 405, 408, 421])
async def test_a_status_without_a_body_is_not_taken_for_phps_end(demo: Demo, status: int) -> None:
    demo.site.faults.append(InjectedFault.status(status, b""))
    fault = error(await call(demo, *READ))
    assert (fault["kind"], fault["http_status"]) == ("bad_answer", status)


async def test_a_write_that_timed_out_is_in_doubt_and_not_repeated(demo: Demo) -> None:
    demo.site.faults.append(InjectedFault.hang(after_work=True))
    outcome = await call(demo, *WRITE, settings=CallSettings(timeout=0.2))
    assert (error(outcome)["kind"], error(outcome)["written"]) == ("timeout", "unknown")
    assert calls_of(demo, WRITE[0]) == 1


async def test_a_write_is_repeated_when_no_connection_came_about(demo: Demo) -> None:
    """Nothing listens at the address, so nothing can have been sent."""
    waits: list[float] = []

    async def count(seconds: float) -> None:
        waits.append(seconds)

    site = SiteSession(connection("http://127.0.0.1:9"))
    outcome = await Caller(site, sleep=count).call(CATALOGUE.get(WRITE[0]), WRITE[1])
    await site.aclose()
    assert len(waits) == 3
    assert (error(outcome)["kind"], error(outcome)["written"]) == ("unreachable", "nothing")


async def test_waiting_is_told_before_each_repeat(demo: Demo) -> None:
    told: list[tuple[float, str]] = []

    async def on_wait(seconds: float, error: CallError) -> None:
        told.append((seconds, error.fault.kind.code))

    demo.site.faults.append(InjectedFault.status(503, retry_after=2))
    site = demo.client()
    await Caller(site, sleep=no_wait).call(
        CATALOGUE.get(READ[0]), READ[1], Observer(on_wait=on_wait)
    )
    await site.aclose()
    assert told == [(2.0, "site_error")]


async def test_cancelling_a_read_ends_its_request(demo: Demo) -> None:
    demo.site.faults.append(InjectedFault.hang())
    with anyio.move_on_after(0.2) as scope:
        await call(demo, *READ)
    assert scope.cancelled_caught


async def test_cancelling_a_write_that_was_sent_lets_it_come_to_its_end(demo: Demo) -> None:
    """Its outcome is recorded even if nobody waits for it."""
    hold = Hold()
    demo.site.faults.append(InjectedFault.hang(hold))
    site = demo.client()
    outcomes: list[Outcome] = []

    async def work() -> None:
        caller = Caller(site, sleep=no_wait)
        outcomes.append(await caller.call(CATALOGUE.get("core_notes_create_notes"), NOTE))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work)
        await hold.arrived()
        tasks.cancel_scope.cancel()
        hold.release()
    await site.aclose()
    assert [note.text for note in demo.site.world.notes.values()][-1] == "n"
    assert calls_of(demo, "core_notes_create_notes") == 1


async def test_a_function_missing_from_the_service_is_named_with_the_place_to_add_it(
    demo: Demo,
) -> None:
    """Over RESTful a site does not say what the service has: there it is the likeliest cause."""
    expected: dict[str, Any] = snapshot(
        {
            "REST": {
                "kind": "access_denied",
                "message": "The function core_course_get_courses_by_field is not in the token's service.",
                "hint": "An administrator adds it: Site administration > Server > Web services > External services > (the token's service) > Functions > Add functions: core_course_get_courses_by_field.",
                "function": "core_course_get_courses_by_field",
                "errorcode": "accessexception",
                "exception": "webservice_access_exception",
                "retryable": False,
                "written": "nothing",
            },
            "RESTful": {
                "kind": "access_denied",
                "message": "Access control exception",
                "hint": "Most likely the function is not in the token's service. An administrator adds it: Site administration > Server > Web services > External services > (the token's service) > Functions > Add functions: core_course_get_courses_by_field. Other causes are the token's IP restriction or end date, and a capability that the service or the protocol (webservice/restful:use) requires.",
                "function": "core_course_get_courses_by_field",
                "errorcode": "accessexception",
                "exception": "webservice_access_exception",
                "http_status": 400,
                "retryable": False,
                "written": "nothing",
            },
        }
    )
    assert error(await call(demo, *READ, token=SMALL_TOKEN)) == expected[demo.protocol.name]


async def test_a_token_refused_for_everything_is_told_apart(demo: Demo) -> None:
    demo.site.switches.service_disabled = True
    expected: dict[str, Any] = snapshot(
        {
            "REST": {
                "kind": "access_denied",
                "message": "Access control exception",
                "hint": "The site refuses this token for every function. An administrator checks under Site administration > Server > Web services > External services that the service is enabled, that the user is among its authorised users, that it has core_webservice_get_site_info, and under Manage tokens the token's IP restriction and end date; and that a role gives the user the capability webservice/rest:use.",
                "function": "core_course_get_courses_by_field",
                "errorcode": "accessexception",
                "exception": "webservice_access_exception",
                "retryable": False,
                "written": "nothing",
            },
            "RESTful": {
                "kind": "access_denied",
                "message": "Access control exception",
                "hint": "The site refuses this token for every function. An administrator checks under Site administration > Server > Web services > External services that the service is enabled, that the user is among its authorised users, that it has core_webservice_get_site_info, and under Manage tokens the token's IP restriction and end date; and that a role gives the user the capability webservice/restful:use.",
                "function": "core_course_get_courses_by_field",
                "errorcode": "accessexception",
                "exception": "webservice_access_exception",
                "http_status": 400,
                "retryable": False,
                "written": "nothing",
            },
        }
    )
    assert error(await call(demo, *READ)) == expected[demo.protocol.name]


async def test_a_site_that_refuses_to_tell_of_itself_is_not_asked_again(demo: Demo) -> None:
    demo.site.switches.service_disabled = True
    outcome = await call(demo, SITE_INFO, {})
    assert error(outcome)["kind"] == "access_denied"
    assert error(outcome)["hint"].startswith("The site refuses this token for every function.")
    assert calls_of(demo, SITE_INFO) == 1


async def test_a_large_form_that_php_dropped_is_told_apart_from_a_bad_token(demo: Demo) -> None:
    """JSON over post_max_size is not dropped (observed with webservice_restful on 4.5.6)."""
    demo.site.switches.post_max_size = 100_000
    criteria = [{"key": "email", "value": "x" * 300_000}]
    outcome = await call(demo, "core_user_get_users", {"criteria": criteria})
    if demo.protocol is RESTFUL:
        assert outcome.fault is None
        return
    assert error(outcome)["kind"] == "invalid_token"
    assert "post_max_size" in error(outcome)["hint"]


async def test_a_write_that_may_be_done_twice_is_repeated(demo: Demo) -> None:
    demo.site.faults.extend([InjectedFault.drop(after_work=True), InjectedFault.status(502)])
    outcome = await call(demo, *HARMLESS)
    assert outcome.fault is None
    assert calls_of(demo, HARMLESS[0]) == 3
