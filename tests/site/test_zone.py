"""The user's time zone: forced by the site, chosen by the user, or the site's own."""

from __future__ import annotations

import json

import pytest

from moodle_mcp.demo import SMALL_TOKEN, Fault
from moodle_mcp.site.info import SITE_INFO
from moodle_mcp.site.session import Site
from moodle_mcp.site.zone import user_zone
from tests.conftest import Demo, connection

CONFIG = "tool_mobile_get_config"
USERS = "core_user_get_users_by_field"


def answers(demo: Demo, function: str, value: object) -> None:
    demo.site.faults.append(Fault.answer(json.dumps(value).encode(), function=function))


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
    site = Site(connection(demo.url))
    await site.info()
    assert str(await user_zone(site)) == expected
    await site.aclose()


async def test_what_the_service_lacks_is_not_asked_for(demo: Demo) -> None:
    site = Site(connection(demo.url, SMALL_TOKEN))
    await site.info()
    assert str(await user_zone(site)) == "UTC"
    assert demo.calls_of(CONFIG) == demo.calls_of(USERS) == 0
    await site.aclose()


async def test_a_site_that_did_not_answer_may_be_asked_again(demo: Demo) -> None:
    site = Site(connection(demo.url))
    await site.info()
    demo.site.faults.append(Fault.status(503, function=USERS))
    assert await user_zone(site) is None
    assert str(await user_zone(site)) == "UTC"
    await site.aclose()
