"""Calls over RESTful: features and failures that only this protocol has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from moodle_mcp.caller.caller import Caller
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.catalogue.loading import load
from moodle_mcp.catalogue.model import Function
from moodle_mcp.demo import STUDENT_TOKEN, Switches
from moodle_mcp.errors import Kind
from moodle_mcp.site.protocol import RESTFUL
from tests.support.demo import Demo

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("demo", [RESTFUL], indirect=True, ids=str),
]

NOTE = {"userid": 5, "publishstate": "course", "courseid": 2, "text": "n", "format": 1}
NOTES = load().get("core_notes_create_notes")


async def call(demo: Demo, function: Function, arguments: dict[str, Any], **client: str) -> Outcome:
    site = demo.client(**client)
    try:
        return await Caller(site).call(function, arguments)
    finally:
        await site.aclose()


async def test_a_list_with_more_items_than_phps_limit_of_fields_arrives_whole(demo: Demo) -> None:
    function = load().get("core_course_get_courses")
    outcome = await call(demo, function, {"options": {"ids": [*range(10_000, 12_000), 2]}})
    assert [course["id"] for course in outcome.result] == [2]
    assert len(demo.site.requests) == 1


def header_lost(switches: Switches) -> None:
    switches.authorization_kept = False


def not_installed(switches: Switches) -> None:
    switches.restful_installed = False


def off(switches: Switches) -> None:
    switches.restful = False


def no_capability(switches: Switches) -> None:
    switches.restful_capability = False


@pytest.mark.parametrize(
    ("turn", "kind", "status"),
    [
        (header_lost, Kind.WEB_SERVICES_OFF, 401),
        (off, Kind.WEB_SERVICES_OFF, 403),
        (not_installed, Kind.WRONG_ADDRESS, 404),
        (no_capability, Kind.ACCESS_DENIED, 400),
    ],
)
async def test_a_write_that_the_protocol_turned_away_has_written_nothing(
    demo: Demo, turn: Callable[[Switches], None], kind: Kind, status: int
) -> None:
    turn(demo.site.switches)
    notes = len(demo.site.world.notes)
    outcome = await call(demo, NOTES, {"notes": [NOTE, NOTE]}, token=STUDENT_TOKEN)
    assert outcome.fault is not None
    assert (outcome.fault.kind, outcome.fault.http_status) == (kind, status)
    assert outcome.fault.written == "nothing"
    assert outcome.batch is not None
    assert outcome.batch["unknown"] == []
    assert len(demo.site.world.notes) == notes


@pytest.mark.parametrize("name", ["../rest/server.php", "local_x_y?a=b", ".."])
async def test_a_plugins_function_whose_name_would_change_the_address_is_not_called(
    demo: Demo, name: str
) -> None:
    outcome = await call(demo, Function(name, typed=False), {})
    assert outcome.fault is not None
    assert (outcome.fault.kind, outcome.fault.written) == (Kind.NOT_FOUND, "nothing")
    assert demo.site.requests == []


async def test_what_rest_refuses_is_refused_alike(demo: Demo) -> None:
    """Both protocols share one schema, so what it accepts means the same in both."""
    function = load().get("core_course_get_courses")
    outcome = await call(demo, function, {"options": {"ids": []}})
    assert outcome.fault is not None
    assert outcome.fault.kind is Kind.INVALID_ARGUMENTS
    assert demo.site.requests == []
