"""Answers that mean failure without an exception are never taken for success."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from inline_snapshot import snapshot

from moodle_mcp.caller.caller import Caller
from moodle_mcp.caller.ledger import Fate
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.catalogue.loading import load
from moodle_mcp.demo import InjectedFault
from tests.support.demo import Demo, in_both_protocols
from tests.support.serving import no_wait

pytestmark = [pytest.mark.anyio, in_both_protocols]

CATALOGUE = load()
READ = ("core_user_get_users_by_field", {"field": "id", "values": ["2"]})
WRITE = ("core_course_create_categories", {"categories": [{"name": "New"}]})
REFUSED = {"error": "Invalid token", "errorcode": "invalidtoken", "stacktrace": None}
UNKNOWN = {"error": "Something broke"}


async def call(
    demo: Demo, name: str, arguments: dict[str, Any], *answers: Any, per_request: int = 100
) -> Outcome:
    """Return the outcome of a call whose first requests the site answers with these values."""
    demo.site.faults.extend(
        InjectedFault.answer(json.dumps(each).encode(), function=name) for each in answers
    )
    site = demo.client()
    function = CATALOGUE.get(name)
    if function.batching is not None:
        function = replace(function, batching=replace(function.batching, size=per_request))
    try:
        return await Caller(site, sleep=no_wait).call(function, arguments)
    finally:
        await site.aclose()


async def test_an_error_instead_of_a_list_is_a_failure(demo: Demo) -> None:
    name, arguments = READ
    assert (await call(demo, name, arguments, REFUSED)).envelope["error"] == snapshot(
        {
            "kind": "invalid_token",
            "message": "0 of 1 items are done. Invalid token",
            "hint": "Items in `failed` were not done. The token is unknown, expired or deleted. An administrator makes a new one under Site administration > Server > Web services > Manage tokens; the operator sets it as MOODLE_TOKEN, or signs in again with `moodle-mcp login`.",
            "function": "core_user_get_users_by_field",
            "errorcode": "invalidtoken",
            "retryable": False,
            "written": "nothing",
        }
    )


async def test_an_error_that_names_no_cause_is_a_failure_too(demo: Demo) -> None:
    name, arguments = READ
    assert (await call(demo, name, arguments, UNKNOWN)).envelope["error"] == snapshot(
        {
            "kind": "moodle_error",
            "message": "0 of 1 items are done. Something broke",
            "hint": "Items in `failed` were not done. The site answered only this error, without an errorcode. It may come from the function itself, or from a firewall or proxy in front of Moodle.",
            "function": "core_user_get_users_by_field",
            "retryable": False,
            "written": "nothing",
        }
    )


async def test_a_write_whose_token_was_refused_has_written_nothing(demo: Demo) -> None:
    name, arguments = WRITE
    assert (await call(demo, name, arguments, REFUSED)).envelope["error"] == snapshot(
        {
            "kind": "invalid_token",
            "message": "0 of 1 items are done. Invalid token",
            "hint": "Items in `failed` were not done. The token is unknown, expired or deleted. An administrator makes a new one under Site administration > Server > Web services > Manage tokens; the operator sets it as MOODLE_TOKEN, or signs in again with `moodle-mcp login`.",
            "function": "core_course_create_categories",
            "errorcode": "invalidtoken",
            "retryable": False,
            "written": "nothing",
        }
    )


async def test_a_write_that_ended_with_an_unknown_error_may_have_been_done(demo: Demo) -> None:
    name, arguments = WRITE
    assert (await call(demo, name, arguments, UNKNOWN)).envelope["error"] == snapshot(
        {
            "kind": "moodle_error",
            "message": "0 of 1 items are done. Something broke",
            "hint": "For the items in `unknown`: It is not known whether Moodle carried this out. Check with core_course_get_categories before you send anything again, or it may be done twice. The site answered only this error, without an errorcode. It may come from the function itself, or from a firewall or proxy in front of Moodle.",
            "function": "core_course_create_categories",
            "retryable": False,
            "written": "unknown",
        }
    )


async def test_a_request_of_a_batch_that_ended_so_is_not_joined_to_the_answers(demo: Demo) -> None:
    members = [{"groupid": 1, "userid": 20 + number} for number in range(4)]
    name = "core_group_add_group_members"
    outcome = await call(demo, name, {"members": members}, None, UNKNOWN, per_request=2)
    assert outcome.ledger is not None
    fates = [outcome.ledger.count(fate) for fate in (Fate.SUCCEEDED, Fate.UNKNOWN)]
    assert fates == [2, 2]
    assert outcome.envelope["error"] == snapshot(
        {
            "kind": "moodle_error",
            "message": "2 of 4 items are done. Something broke",
            "hint": "For the items in `unknown`: It is not known whether Moodle carried this out; calling again does no harm. The site answered only this error, without an errorcode. It may come from the function itself, or from a firewall or proxy in front of Moodle.",
            "function": "core_group_add_group_members",
            "retryable": False,
            "written": "unknown",
        }
    )


async def test_an_error_in_a_functions_own_answer_is_its_result(demo: Demo) -> None:
    answer = {"status": False, "statusname": "", "error": "No such question"}
    name = "qbank_editquestion_set_status"
    outcome = await call(demo, name, {"questionid": 1, "status": "ready"}, answer)
    assert outcome.envelope == {"result": answer}
