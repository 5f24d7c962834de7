"""`MOODLE_PROTOCOL=auto`: RESTful if the site supports it, else REST."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moodle_mcp.caller.caller import Caller
from moodle_mcp.catalogue.loading import load
from moodle_mcp.demo import ADMIN_TOKEN, STUDENT_TOKEN, Hold, InjectedFault, Switches
from moodle_mcp.errors import CallError, Fault, Kind
from moodle_mcp.site.info import SITE_INFO, SiteInfo
from moodle_mcp.site.negotiation import Negotiation, SelfDescription
from moodle_mcp.site.protocol import PROTOCOLS, REST, RESTFUL, Protocol
from moodle_mcp.site.session import SiteSession
from tests.support.demo import Demo
from tests.support.serving import connection

pytestmark = pytest.mark.anyio

CATALOGUE = load()
COURSES = CATALOGUE.get("core_course_get_courses_by_field")
AUTO = PROTOCOLS["auto"]


@asynccontextmanager
async def reaching(demo: Demo, token: str = ADMIN_TOKEN) -> AsyncGenerator[SiteSession]:
    site = SiteSession(connection(demo.url, token, AUTO))
    try:
        yield site
    finally:
        await site.aclose()


async def test_restful_is_used_where_it_answers_and_rest_says_what_there_is(demo: Demo) -> None:
    async with reaching(demo) as site:
        assert await site.protocol() is RESTFUL
        info = await site.info()
        outcome = await Caller(site).call(COURSES, {"field": "id", "value": "2"})
    assert outcome.fault is None
    assert info.functions is not None
    assert info.release.startswith("4.5.6")
    paths = [received.path for received in demo.site.requests]
    assert sorted(paths[:2]) == [REST.entry, f"{RESTFUL.entry}/{SITE_INFO}"]
    assert paths[2:] == [f"{RESTFUL.entry}/{COURSES.name}"]


def not_installed(switches: Switches) -> None:
    switches.restful_installed = False


def off(switches: Switches) -> None:
    switches.restful = False


def header_lost(switches: Switches) -> None:
    switches.authorization_kept = False


def no_capability(switches: Switches) -> None:
    switches.restful_capability = False


@pytest.mark.parametrize("turn", [not_installed, off, header_lost, no_capability])
async def test_rest_is_used_where_restful_does_not_work(
    demo: Demo, turn: Callable[[Switches], None]
) -> None:
    turn(demo.site.switches)
    async with reaching(demo, STUDENT_TOKEN) as site:
        assert await site.protocol() is REST
        assert (await site.info()).user_name == "student1"
    assert len(demo.site.requests) == 2


async def test_where_only_restful_is_on_its_functions_are_not_known(demo: Demo) -> None:
    demo.site.switches.rest = False
    async with reaching(demo) as site:
        assert (await site.info()).functions is None
        assert await site.protocol() is RESTFUL
        assert (await site.info(fresh=True)).user_name == "admin"
    assert demo.site.requests[-1].path == f"{RESTFUL.entry}/{SITE_INFO}"


async def test_what_was_learnt_in_rest_is_asked_again_in_rest(demo: Demo) -> None:
    async with reaching(demo) as site:
        await site.info()
        assert (await site.info(fresh=True)).functions is not None
    assert [received.path for received in demo.site.requests][2:] == [REST.entry]


async def test_many_callers_at_once_ask_the_site_once_in_each_protocol(demo: Demo) -> None:
    found: list[Protocol] = []
    async with reaching(demo) as site:

        async def ask() -> None:
            found.append(await site.protocol())
            await site.info()

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(ask)
    assert found == [RESTFUL] * 20
    assert len(demo.site.requests) == 2


async def test_both_are_asked_at_the_same_time(demo: Demo) -> None:
    """Each waits until the other has arrived."""
    holds = [Hold(), Hold()]
    demo.site.faults.extend(InjectedFault.hang(hold) for hold in holds)
    async with reaching(demo) as site, anyio.create_task_group() as tasks:
        tasks.start_soon(site.protocol)
        for hold in holds:
            await hold.arrived()
        for hold in holds:
            hold.release()
    assert len(demo.site.requests) == 2


async def test_a_site_where_neither_works_reports_rests_error_and_is_asked_again(
    demo: Demo,
) -> None:
    demo.site.switches.web_services = False
    async with reaching(demo) as site:
        outcome = await Caller(site).call(COURSES, {"field": "id", "value": "2"})
        assert outcome.fault is not None
        assert outcome.fault.kind is Kind.WEB_SERVICES_OFF
        assert "REST are switched off" in outcome.fault.message
        demo.site.switches.web_services = True
        assert await site.protocol() is RESTFUL


async def test_a_write_where_neither_answered_is_in_doubt_only_for_its_own_request(
    demo: Demo,
) -> None:
    """The failed site-info request says nothing about the write."""
    demo.site.faults.extend([InjectedFault.drop(function=SITE_INFO)] * 2)
    function = CATALOGUE.get("core_notes_create_notes")
    async with reaching(demo) as site:
        note = {"userid": 5, "publishstate": "course", "courseid": 2, "text": "n", "format": 1}
        outcome = await Caller(site).call(function, {"notes": [note]})
    assert outcome.fault is None
    assert demo.site.requests[-1].path == REST.entry


async def test_where_there_is_no_choice_nothing_is_asked(demo: Demo) -> None:
    for protocol in (REST, RESTFUL):
        site = SiteSession(connection(demo.url, ADMIN_TOKEN, (protocol,)))
        assert await site.protocol() is protocol
        await site.aclose()
    assert demo.site.requests == []


def info(functions: frozenset[str] | None) -> SiteInfo:
    return SiteInfo("S", "https://m.example", 2, "u", "U", "", functions, False, False)


def error(kind: Kind) -> CallError:
    return CallError(Fault(kind, kind.code))


TOLD, UNTOLD = info(frozenset({SITE_INFO})), info(None)
OFF, ABSENT, BROKEN, REFUSED = map(
    error, (Kind.WEB_SERVICES_OFF, Kind.WRONG_ADDRESS, Kind.SITE_ERROR, Kind.INVALID_TOKEN)
)


@pytest.mark.parametrize(
    ("restful", "rest", "protocol", "said"),
    [
        (UNTOLD, TOLD, RESTFUL, TOLD),
        (UNTOLD, OFF, RESTFUL, UNTOLD),
        (ABSENT, TOLD, REST, TOLD),
        (BROKEN, TOLD, REST, TOLD),
        (ABSENT, OFF, REST, OFF),
        (OFF, REFUSED, REST, REFUSED),
        (REFUSED, OFF, RESTFUL, REFUSED),
        (BROKEN, BROKEN, REST, BROKEN),
    ],
)
def test_the_protocol_is_one_that_answers_or_else_one_that_is_there(
    restful: SelfDescription, rest: SelfDescription, protocol: Protocol, said: SelfDescription
) -> None:
    negotiation = Negotiation({RESTFUL: restful, REST: rest})
    assert negotiation.protocol is protocol
    assert outcome_of(negotiation) is said


def outcome_of(negotiation: Negotiation) -> Any:
    try:
        return negotiation.info()
    except CallError as error:
        return error


descriptions = st.sampled_from([TOLD, UNTOLD, OFF, ABSENT, BROKEN, REFUSED])


@given(descriptions, descriptions)
def test_a_protocol_that_does_not_answer_is_never_preferred_to_one_that_does(
    restful: SelfDescription, rest: SelfDescription
) -> None:
    negotiation = Negotiation({RESTFUL: restful, REST: rest})
    reply = isinstance(restful, SiteInfo) or isinstance(rest, SiteInfo)
    assert negotiation.answered == reply
    assert isinstance(negotiation.descriptions[negotiation.protocol], SiteInfo) == reply
    assert isinstance(outcome_of(negotiation), SiteInfo) == reply
