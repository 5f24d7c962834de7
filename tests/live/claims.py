"""What the tests of claims have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from moodle_mcp.catalogue.loading import numbered
from tests.support.live import Live
from tests.support.live_things import Own, new_user

T = TypeVar("T")

DAY: Final = 86_400
NOWHERE: Final = 99_999_999
"""An id that nothing on a test site has."""


def by_release(live: Live, values: Mapping[str, T]) -> T:
    """Return what is observed on the site's release: of the newest one that is not newer."""
    site = numbered(live.release) or (0, 0)
    older = [name for name in values if (numbered(name) or site) <= site]
    return values[older[-1] if older else next(iter(values))]


async def refusal(live: Live, name: str, arguments: dict[str, Any]) -> str:
    """The errorcode of a call that must fail."""
    fault = (await live.outcome(name, arguments)).fault
    assert fault is not None, name
    return fault.errorcode or fault.kind.code


async def enrolled(live: Live, own: Own, course: int | None = None, **values: Any) -> None:
    given = [
        {"roleid": own.student_role, "userid": user, "courseid": course or own.course, **values}
        for user in own.users
    ]
    await live.result("enrol_manual_enrol_users", {"enrolments": given})


async def participants(live: Live, course: int) -> list[int]:
    found = await live.found("core_enrol_get_enrolled_users", {"courseid": course})
    return sorted(person["id"] for person in found)


async def new_course(live: Live, own: Own, tail: str, **values: Any) -> int:
    given = {"fullname": own.name, "shortname": f"{own.name}-{tail}", "categoryid": own.category}
    (made,) = await live.result("core_course_create_courses", {"courses": [{**given, **values}]})
    return made["id"]


async def new_group(live: Live, course: int, name: str, **values: Any) -> int:
    given = {"courseid": course, "name": name, "description": "", **values}
    (made,) = await live.result("core_group_create_groups", {"groups": [given]})
    return made["id"]


async def new_person(live: Live, own: Own, number: str) -> int:
    (made,) = await live.result(
        "core_user_create_users", {"users": [new_user(own.name, f"claim-{number}")]}
    )
    return made["id"]


async def course_of(live: Live, number: int) -> dict[str, Any]:
    (found,) = await live.result("core_course_get_courses", {"options": {"ids": [number]}})
    return found
