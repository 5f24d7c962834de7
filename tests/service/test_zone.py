"""The user's time zone: forced by the site, chosen by the user, or the site's own."""

from __future__ import annotations

import json
from datetime import UTC

import pytest

from moodle_mcp.caller.retry import ATTEMPTS
from moodle_mcp.demo import SMALL_TOKEN, InjectedFault
from moodle_mcp.service.service import CallService
from moodle_mcp.site.info import SITE_INFO
from tests.support.demo import Demo

CONFIG = "tool_mobile_get_config"
USERS = "core_user_get_users_by_field"


def answers(demo: Demo, function: str, value: object) -> None:
    demo.site.faults.append(InjectedFault.answer(json.dumps(value).encode(), function=function))


@pytest.mark.parametrize(
    ("forced", "chosen", "own", "expected"),
    [
        ("Asia/Tokyo", "Europe/Paris", "Europe/London", "Asia/Tokyo"),
        ("99", "Europe/Paris", "Europe/London", "Europe/Paris"),
        ("99", "99", "Europe/London", "Europe/London"),
        ("99", "../../etc/passwd", "Mars/Olympus", "UTC"),
        ("99", "99", "", "UTC"),
    ],
)
async def test_the_zone_is_the_first_that_is_set(
    demo: Demo, forced: str, chosen: str, own: str, expected: str
) -> None:
    settings = [{"name": "timezone", "value": own}, {"name": "forcetimezone", "value": forced}]
    answers(demo, CONFIG, {"settings": settings, "warnings": []})
    answers(demo, USERS, [{"id": 2, "timezone": chosen}])
    offered = [{"name": CONFIG}, {"name": USERS}]
    names = {"sitename": "School", "username": "ada", "fullname": "Ada Brown"}
    about = {"siteurl": demo.url, "userid": 2, "functions": offered, **names}
    answers(demo, SITE_INFO, about)
    context = demo.context()
    await context.session.info()
    assert str(await CallService().zone(context)) == expected
    await context.aclose()


async def test_what_the_service_lacks_is_not_asked_for(demo: Demo) -> None:
    context = demo.context(token=SMALL_TOKEN)
    await context.session.info()
    assert str(await CallService().zone(context)) == "UTC"
    assert demo.calls_of(CONFIG) == demo.calls_of(USERS) == 0
    await context.aclose()


async def test_a_site_that_did_not_answer_may_be_asked_again(demo: Demo) -> None:
    context = demo.context()
    await context.session.info()
    demo.site.faults += [InjectedFault.status(503, function=USERS)] * ATTEMPTS
    for known in (False, True):
        assert await CallService().zone(context) is UTC
        assert (context.zones is not None) is known
    await context.aclose()
