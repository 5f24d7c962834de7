"""The effect of one invalid item among valid ones, compared with the catalogue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import pytest

from moodle_mcp.catalogue.model import OnItemError
from moodle_mcp.errors import Fault
from tests.support.live import Live, Record
from tests.support.live_things import Own, new_user

pytestmark = pytest.mark.anyio

NOBODY: Final = 2_000_000_000
"""An id that does not exist."""

Observed: TypeAlias = Callable[[], Awaitable[list[bool]]]
"""Reads from the site whether each of the two valid items was written."""

Case: TypeAlias = Callable[[Live, Own, list[int]], Awaitable[tuple[dict[str, Any], Observed]]]
"""Arguments with a valid, an invalid and a valid item for two new users, and how to look."""


async def by_shortname(live: Live, shortname: str) -> bool:
    wanted = {"field": "shortname", "value": shortname}
    return bool(await live.found("core_course_get_courses_by_field", wanted, "courses"))


async def courses(live: Live, own: Own, names: list[str]) -> list[int]:
    made = await live.result(
        "core_course_create_courses",
        {
            "courses": [
                {"fullname": name, "shortname": name, "categoryid": own.category} for name in names
            ]
        },
    )
    return [course["id"] for course in made]


async def create_users(live: Live, own: Own, _: list[int]) -> tuple[dict[str, Any], Observed]:
    users = [new_user(own.name, f"atom{number}") for number in range(3)]
    users[1]["username"] = f"{own.name}-0"

    async def look() -> list[bool]:
        names = [users[0]["username"], users[2]["username"]]
        wanted = {"field": "username", "values": names}
        found = await live.found("core_user_get_users_by_field", wanted)
        return [name in [user["username"] for user in found] for name in names]

    return {"users": users}, look


async def update_users(live: Live, _: Own, pair: list[int]) -> tuple[dict[str, Any], Observed]:
    users = [{"id": user, "city": "Atom"} for user in (pair[0], NOBODY, pair[1])]

    async def look() -> list[bool]:
        wanted = {"field": "id", "values": [str(user) for user in pair]}
        found = await live.found("core_user_get_users_by_field", wanted)
        return [user.get("city") == "Atom" for user in sorted(found, key=lambda each: each["id"])]

    return {"users": users}, look


async def delete_users(live: Live, own: Own, pair: list[int]) -> tuple[dict[str, Any], Observed]:
    async def look() -> list[bool]:
        wanted = {"criteria": [{"key": "email", "value": f"{own.name}-%"}]}
        ids = [user["id"] for user in await live.found("core_user_get_users", wanted, "users")]
        return [user not in ids for user in pair]

    return {"userids": [pair[0], NOBODY, pair[1]]}, look


async def create_courses(live: Live, own: Own, _: list[int]) -> tuple[dict[str, Any], Observed]:
    names = [f"{own.name}-atom{number}" for number in range(3)]
    items = [{"fullname": name, "shortname": name, "categoryid": own.category} for name in names]
    items[1]["shortname"] = f"{own.name}-other"

    async def look() -> list[bool]:
        return [await by_shortname(live, name) for name in (names[0], names[2])]

    return {"courses": items}, look


async def update_courses(live: Live, own: Own, _: list[int]) -> tuple[dict[str, Any], Observed]:
    names = [f"{own.name}-up{number}" for number in range(2)]
    first, last = await courses(live, own, names)
    changed = [f"{name}-changed" for name in names]
    items = [
        {"id": first, "shortname": changed[0]},
        {"id": NOBODY, "shortname": f"{own.name}-nobody"},
        {"id": last, "shortname": changed[1]},
    ]

    async def look() -> list[bool]:
        return [await by_shortname(live, name) for name in changed]

    return {"courses": items}, look


async def delete_courses(live: Live, own: Own, _: list[int]) -> tuple[dict[str, Any], Observed]:
    names = [f"{own.name}-del{number}" for number in range(2)]
    first, last = await courses(live, own, names)

    async def look() -> list[bool]:
        return [not await by_shortname(live, name) for name in names]

    return {"courseids": [first, NOBODY, last]}, look


async def create_groups(live: Live, own: Own, _: list[int]) -> tuple[dict[str, Any], Observed]:
    names = [f"{own.name} atom{number}" for number in (0, 2)]
    groups = [
        {"courseid": course, "name": name, "description": ""}
        for course, name in ((own.other, names[0]), (NOBODY, "nobody"), (own.other, names[1]))
    ]

    async def look() -> list[bool]:
        found = await live.found("core_group_get_course_groups", {"courseid": own.other})
        return [name in [group["name"] for group in found] for name in names]

    return {"groups": groups}, look


async def add_members(live: Live, own: Own, pair: list[int]) -> tuple[dict[str, Any], Observed]:
    await live.result(
        "enrol_manual_enrol_users",
        {
            "enrolments": [
                {"roleid": own.student_role, "userid": user, "courseid": own.other} for user in pair
            ]
        },
    )
    group = {"courseid": own.other, "name": f"{own.name} members", "description": ""}
    (made,) = await live.result("core_group_create_groups", {"groups": [group]})
    members = [{"groupid": made["id"], "userid": user} for user in (pair[0], NOBODY, pair[1])]

    async def look() -> list[bool]:
        wanted = {"groupids": [made["id"]]}
        (found,) = await live.found("core_group_get_group_members", wanted)
        return [user in found["userids"] for user in pair]

    return {"members": members}, look


async def participants(live: Live, course: int) -> list[int]:
    found = await live.found("core_enrol_get_enrolled_users", {"courseid": course})
    return [person["id"] for person in found]


async def enrol(live: Live, own: Own, pair: list[int]) -> tuple[dict[str, Any], Observed]:
    items = [
        {"roleid": own.student_role, "userid": user, "courseid": course}
        for user, course in ((pair[0], own.other), (pair[0], NOBODY), (pair[1], own.other))
    ]

    async def look() -> list[bool]:
        found = await participants(live, own.other)
        return [user in found for user in pair]

    return {"enrolments": items}, look


async def unenrol(live: Live, own: Own, pair: list[int]) -> tuple[dict[str, Any], Observed]:
    given = [{"roleid": own.student_role, "userid": user, "courseid": own.other} for user in pair]
    await live.result("enrol_manual_enrol_users", {"enrolments": given})
    items = [
        {"userid": user, "courseid": course}
        for user, course in ((pair[0], own.other), (pair[0], NOBODY), (pair[1], own.other))
    ]

    async def look() -> list[bool]:
        found = await participants(live, own.other)
        return [user not in found for user in pair]

    return {"enrolments": items}, look


async def cohort_named(live: Live, name: str) -> list[dict[str, Any]]:
    wanted = {"query": name, "context": {"contextid": 1}, "includes": "all"}
    return await live.found("core_cohort_search_cohorts", wanted, "cohorts")


async def create_cohorts(live: Live, own: Own, _: list[int]) -> tuple[dict[str, Any], Observed]:
    names = [f"{own.name} atom{number}" for number in (0, 2)]
    cohorts = [
        {"categorytype": {"type": "id", "value": str(place)}, "name": name, "idnumber": name}
        for place, name in (
            (own.category, names[0]),
            (NOBODY, f"{own.name} bad"),
            (own.category, names[1]),
        )
    ]

    async def look() -> list[bool]:
        return [bool(await cohort_named(live, name)) for name in names]

    return {"cohorts": cohorts}, look


async def cohort_members(live: Live, own: Own, pair: list[int]) -> tuple[dict[str, Any], Observed]:
    name = f"{own.name} crowd"
    place = {"type": "id", "value": str(own.category)}
    cohort = {"categorytype": place, "name": name, "idnumber": name}
    (made,) = await live.result("core_cohort_create_cohorts", {"cohorts": [cohort]})
    members = [
        {
            "cohorttype": {"type": "id", "value": str(made["id"])},
            "usertype": {"type": "id", "value": str(user)},
        }
        for user in (pair[0], NOBODY, pair[1])
    ]

    async def look() -> list[bool]:
        wanted = {"cohortids": [made["id"]]}
        (found,) = await live.found("core_cohort_get_cohort_members", wanted)
        return [user in found["userids"] for user in pair]

    return {"members": members}, look


async def messages(live: Live, own: Own, pair: list[int]) -> tuple[dict[str, Any], Observed]:
    items = [
        {"touserid": user, "text": f"{own.name} atom", "textformat": 0}
        for user in (pair[0], NOBODY, pair[1])
    ]

    async def look() -> list[bool]:
        told: list[bool] = []
        for user in pair:
            wanted = {"useridto": user, "useridfrom": live.userid, "read": 2}
            told.append(bool(await live.found("core_message_get_messages", wanted, "messages")))
        return told

    return {"messages": items}, look


async def notes(live: Live, own: Own, pair: list[int]) -> tuple[dict[str, Any], Observed]:
    items = [
        {"userid": user, "publishstate": "course", "courseid": own.other, "text": "a", "format": 1}
        for user in (pair[0], NOBODY, pair[1])
    ]

    async def look() -> list[bool]:
        told: list[bool] = []
        for user in pair:
            wanted = {"courseid": own.other, "userid": user}
            told.append(
                bool(await live.found("core_notes_get_course_notes", wanted, "coursenotes"))
            )
        return told

    return {"notes": items}, look


CASES: Final[dict[str, Case]] = {
    "core_cohort_add_cohort_members": cohort_members,
    "core_cohort_create_cohorts": create_cohorts,
    "core_course_create_courses": create_courses,
    "core_course_delete_courses": delete_courses,
    "core_course_update_courses": update_courses,
    "core_group_add_group_members": add_members,
    "core_group_create_groups": create_groups,
    "core_message_send_instant_messages": messages,
    "core_notes_create_notes": notes,
    "core_user_create_users": create_users,
    "core_user_delete_users": delete_users,
    "core_user_update_users": update_users,
    "enrol_manual_enrol_users": enrol,
    "enrol_manual_unenrol_users": unenrol,
}


@pytest.mark.parametrize("name", CASES)
async def test_a_bad_item_does_to_the_others_what_the_catalogue_says(
    name: str, admin: Live, own: Own
) -> None:
    batching = admin.catalogue.get(name).batching
    assert batching is not None
    pair = sorted(await fresh_pair(admin, own, name))
    arguments, look = await CASES[name](admin, own, pair)
    outcome = await admin.outcome(name, arguments)
    done = await look()
    fault = outcome.fault
    observed = what_happened(done, fault)
    admin.records.add(
        Record(
            part="atomicity",
            function=name,
            user=admin.user,
            outcome=f"{observed} {done}",
            seconds=0.0,
            errorcode=(fault.errorcode or fault.kind.code) if fault else "",
            note=str(batching.on_item_error),
        )
    )
    assert observed == batching.on_item_error
    # The report on each item must agree with what was seen.
    assert fault is not None
    report = outcome.batch
    assert report is not None
    assert (report["items"], report["requests"]) == (3, 1)
    if observed == "all_or_nothing":
        assert report["succeeded"] == 0
        assert fault.written == "nothing"
    if observed == "per_item":
        assert [each["index"] for each in report["failed"]] == [1]
    if observed == "stops_midway":
        assert report["unknown"] == [[0, 2]]


def what_happened(done: list[bool], fault: Fault | None) -> OnItemError:
    """The catalogue's word for it: an exception after some of the good items were done means that
    it can't be told how far the call got.
    """
    if not any(done):
        return "all_or_nothing"
    return "stops_midway" if fault and fault.exception else "per_item"


async def fresh_pair(live: Live, own: Own, name: str) -> list[int]:
    words = name.replace("_", "")
    users = [new_user(own.name, f"{words}{number}") for number in range(2)]
    made = await live.result("core_user_create_users", {"users": users})
    return [user["id"] for user in made]
