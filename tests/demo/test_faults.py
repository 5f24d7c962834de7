"""Failures put between a client and the demo site."""

from __future__ import annotations

import asyncio
import threading

import anyio
import httpx2
import pytest

from moodle_mcp.demo import ADMIN_TOKEN, Hold, InjectedFault
from tests.support.demo import Demo
from tests.support.demo_client import REST_JSON, Wire, form

ENROL = "enrol_manual_enrol_users"
PAIR = (3, 40)
ITEM = {"enrolments": [{"roleid": 5, "userid": PAIR[1], "courseid": PAIR[0]}]}


def enrolled(demo: Demo) -> bool:
    return PAIR in demo.site.world.enrolments


def test_a_status_is_answered_without_the_work(demo: Demo, wire: Wire) -> None:
    demo.site.faults.append(InjectedFault.status(503, b"<p>Busy</p>", retry_after=7))
    response = wire.post(ENROL, ITEM)
    assert (response.status_code, response.headers["retry-after"]) == (503, "7")
    assert response.text == "<p>Busy</p>"
    assert not enrolled(demo)
    assert wire.post(ENROL, ITEM).json() is None
    assert enrolled(demo)


def test_an_answer_is_given_after_the_work(demo: Demo, wire: Wire) -> None:
    demo.site.faults.append(InjectedFault.answer(b'{"cut":'))
    response = wire.post(ENROL, ITEM)
    assert (response.status_code, response.text) == (200, '{"cut":')
    assert enrolled(demo)


@pytest.mark.parametrize("after_work", [False, True])
def test_a_connection_is_dropped(after_work: bool, demo: Demo, wire: Wire) -> None:
    demo.site.faults.append(InjectedFault.drop(after_work=after_work))
    with pytest.raises(httpx2.TransportError):
        wire.post(ENROL, ITEM)
    assert enrolled(demo) == after_work
    assert wire.call("core_webservice_get_site_info")["username"] == "admin"


def test_faults_are_for_one_request_each_and_for_the_function_that_they_name(
    demo: Demo, wire: Wire
) -> None:
    demo.site.faults.extend(
        [
            InjectedFault.status(502, function=ENROL),
            InjectedFault.status(500, function=lambda name: name is not None and "cohort" in name),
        ]
    )
    assert wire.post("core_webservice_get_site_info", {}).status_code == 200
    assert wire.post("core_cohort_get_cohorts", {}).status_code == 500
    assert [wire.post(ENROL, ITEM).status_code for _ in range(2)] == [502, 200]
    assert not demo.site.faults


@pytest.mark.parametrize("after_work", [False, True])
def test_a_request_waits_until_it_is_released(after_work: bool, demo: Demo, wire: Wire) -> None:
    hold = Hold()
    demo.site.faults.append(InjectedFault.hang(hold, after_work=after_work))
    answers: list[object] = []
    client = threading.Thread(target=lambda: answers.append(wire.post(ENROL, ITEM).json()))
    client.start()
    hold.wait_arrived()
    assert enrolled(demo) == after_work
    assert answers == []
    hold.release()
    client.join()
    assert answers == [None]
    assert enrolled(demo)


@pytest.mark.anyio
@pytest.mark.parametrize("after_work", [False, True])
async def test_a_client_that_goes_away_ends_a_wait(after_work: bool, demo: Demo) -> None:
    hold = Hold()
    demo.site.faults.append(InjectedFault.hang(hold, after_work=after_work))
    fields = {"wstoken": ADMIN_TOKEN, "wsfunction": ENROL, **form(ITEM)}
    async with httpx2.AsyncClient(base_url=demo.url) as client:
        request = asyncio.create_task(client.post(REST_JSON, data=fields))
        with anyio.fail_after(10):
            await hold.arrived()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        with anyio.fail_after(10):
            await hold.abandoned()
        hold.release()
        response = await client.post(REST_JSON, data=fields | {"wsfunction": "core_cohort_x"})
    assert response.json()["errorcode"] == "invalidrecord"
    assert enrolled(demo) == after_work


def test_an_uncut_hang_does_not_keep_the_site_from_closing(demo: Demo, wire: Wire) -> None:
    """The site of this test ends while a request hangs in it."""
    hold = Hold()
    demo.site.faults.append(InjectedFault.hang(hold))
    refused: list[httpx2.TransportError] = []

    def ask() -> None:
        try:
            httpx2.post(f"{demo.url}{REST_JSON}", data={"wsfunction": ENROL})
        except httpx2.TransportError as error:
            refused.append(error)

    client = threading.Thread(target=ask, daemon=True)
    client.start()
    hold.wait_arrived()
    assert refused == []
