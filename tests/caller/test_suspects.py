"""Errors of calls that Moodle refuses because of one value, against the demo site."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from inline_snapshot import snapshot

from moodle_mcp.caller.caller import Caller
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.catalogue.loading import load
from moodle_mcp.service.service import CallService
from tests.support.demo import Demo
from tests.support.serving import context_of, no_wait, policy

pytestmark = pytest.mark.anyio

CATALOGUE = load()
CREATE = "core_user_create_users"


def user(name: str, **changes: Any) -> dict[str, Any]:
    sound = {"username": name, "password": "Abc-12345!", "firstname": "A", "lastname": "B"}
    return sound | {"email": f"{name}@example.org"} | changes


async def call(demo: Demo, name: str, **arguments: Any) -> Outcome:
    site = demo.client()
    caller = Caller(site, CallSettings(rate=1000), sleep=no_wait)
    context = context_of(site, caller, policy())
    try:
        return (await CallService().call(context, name, arguments)).outcome
    finally:
        await context.aclose()


def suspects(outcome: Outcome) -> list[dict[str, Any]]:
    return outcome.envelope["error"]["suspects"]


async def test_a_refused_value_of_one_item_is_among_the_suspects(demo: Demo) -> None:
    users = [user("anna"), user("berta", lang="de")]
    outcome = await call(demo, CREATE, users=users)
    assert suspects(outcome)[0] == snapshot(
        {
            "path": "users[1].lang",
            "problem": "must be a language that is installed on the site",
            "value": "de",
        }
    )


async def test_isolated_items_alone_are_suspected(demo: Demo) -> None:
    users = [user("anna", lang="en"), user("student1"), user("carla", email="bad")]
    outcome = await call(demo, CREATE, users=users, _on_error="isolate")
    assert suspects(outcome) == snapshot(
        [
            {
                "path": "users[1].username",
                "problem": "belongs to user id 4 already",
                "value": "student1",
            },
            {
                "path": "users[2].email",
                "problem": "is not an e-mail address that Moodle accepts",
                "value": "bad",
            },
        ]
    )


async def test_a_single_call_has_suspects_too(demo: Demo) -> None:
    outcome = await call(demo, "core_user_get_users_by_field", field="idnumber", values=["\x7f "])
    assert outcome.fault is None
    outcome = await call(demo, "core_group_get_course_groups", courseid=999)
    assert "suspects" not in outcome.envelope["error"]


@pytest.mark.parametrize(
    "changes",
    [
        {"username": "ANNA"},
        {"firstname": "<b>A</b>"},
        {"email": " anna@example.org"},
        {"country": "Germany"},
        {"lang": "pt-br!"},
        {"timezone": "Etc/GMT+1"},
    ],
    ids=str,
)
@pytest.mark.parametrize("dry", [False, True])
async def test_what_moodle_would_refuse_is_not_sent_nor_planned(
    demo: Demo, changes: dict[str, Any], dry: bool
) -> None:
    outcome = await call(demo, CREATE, users=[user("anna", **changes)], _dry_run=dry)
    (fault,) = outcome.envelope["error"]["parameters"]
    assert fault["path"] == f"users[0].{next(iter(changes))}"
    assert demo.calls_of(CREATE) == 0


async def test_a_date_is_answered_in_the_zone_of_the_user(demo: Demo) -> None:
    admin = demo.site.world.user_named("admin")
    assert admin is not None
    demo.site.world.users[admin.id] = replace(admin, timezone="Asia/Kolkata")
    outcome = await call(demo, "core_course_get_updates_since", courseid=2, since="2026-11-27")
    assert outcome.envelope["error"]["parameters"] == snapshot(
        [
            {
                "path": "since",
                "problem": '"2026-11-27" is not in Unix seconds; use 1795717800 (2026-11-27T00:00:00+05:30, Asia/Kolkata)',
                "allowed": "Unix seconds",
            }
        ]
    )
    assert demo.calls_of("core_course_get_updates_since") == 0


async def test_other_faults_do_not_ask_for_the_zone(demo: Demo) -> None:
    await call(demo, "core_course_get_updates_since", courseid=2, since="soon")
    assert demo.calls_of("core_user_get_users_by_field") == 0
