"""Objects that the live tests create on the site and remove at the end."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.live import Live
from tests.support.live_world import World


@dataclass(frozen=True, slots=True)
class Own:
    """An own category with two courses, an own cohort there, and own users.

    `course` is a copy of one of the site's, with its activities and without its people; `modules`
    are its first activity of each kind.
    """

    name: str
    category: int
    course: int
    other: int
    users: list[int]
    student_role: int
    modules: Mapping[str, Mapping[str, Any]]

    def user(self, number: int) -> dict[str, Any]:
        return new_user(self.name, f"more{number}")


def new_user(name: str, number: str) -> dict[str, Any]:
    """Return a user to create, who never gets mail."""
    username = f"{name}-{number}"
    return {
        "username": username,
        "password": f"Aa1-{secrets.token_hex(12)}",
        "firstname": "Live",
        "lastname": number,
        "email": f"{username}@site.invalid",
    }


@asynccontextmanager
async def own_things(live: Live, world: World) -> AsyncGenerator[Own]:
    """Create the objects, and remove them in any case, even if only some were created."""
    name = f"live{secrets.token_hex(4)}"
    try:
        yield await _made(live, world, name)
    finally:
        await _removed(live, name)


async def _made(live: Live, world: World, name: str) -> Own:
    category = {"name": name, "idnumber": name}
    made = await live.done("core_course_create_categories", {"categories": [category]})
    home = made[0]["id"]
    users = [new_user(name, str(number)) for number in range(4)]
    people = await live.done("core_user_create_users", {"users": users})
    other = {"fullname": f"{name} other", "shortname": f"{name}-other", "categoryid": home}
    made = await live.done("core_course_create_courses", {"courses": [other]})
    copied = await live.done(
        "core_course_duplicate_course",
        {
            "courseid": _richest(world, "assign", "forum", "quiz"),
            "fullname": f"{name} copy",
            "shortname": f"{name}-copy",
            "categoryid": home,
            "options": [{"name": "users", "value": "0"}],
        },
    )
    if choices := world.modules.get("choice"):
        given = {"importfrom": choices[0]["courseid"], "importto": copied["id"]}
        await live.done("core_course_import_course", given)
    modules: dict[str, Mapping[str, Any]] = {}
    for section in await live.found("core_course_get_contents", {"courseid": copied["id"]}):
        for module in section["modules"]:
            modules.setdefault(module["modname"], module)
    return Own(
        name=name,
        category=home,
        course=copied["id"],
        other=made[0]["id"],
        users=[user["id"] for user in people],
        student_role=await _student_role(live, world),
        modules=modules,
    )


async def _removed(live: Live, name: str) -> None:
    """Find and remove all objects with the name; a failed setup does not report what it made."""
    # Only a user's e-mail address and names can be searched with a wildcard.
    wanted = {"criteria": [{"key": "email", "value": f"{name}-%"}]}
    users = await live.found("core_user_get_users", wanted, "users")
    while users:
        ids = [user["id"] for user in users]
        await live.result("core_user_delete_users", {"userids": ids})
        users = await live.found("core_user_get_users", wanted, "users")
    wanted = {"query": name, "context": {"contextid": 1}, "includes": "all"}
    cohorts = await live.found("core_cohort_search_cohorts", wanted, "cohorts")
    if cohorts:
        ids = [cohort["id"] for cohort in cohorts]
        await live.result("core_cohort_delete_cohorts", {"cohortids": ids})
    wanted = {"criteria": [{"key": "idnumber", "value": name}]}
    for category in await live.found("core_course_get_categories", wanted):
        # This deletes its courses too, so the id number must match exactly.
        given = {"categories": [{"id": category["id"], "recursive": True}]}
        if category["idnumber"] == name:
            await live.result("core_course_delete_categories", given)


def _richest(world: World, *modnames: str) -> int:
    """Find the smallest course with all of these kinds of activities."""
    sizes: dict[int, int] = {}
    kinds: dict[int, set[str]] = {}
    for modname, places in world.modules.items():
        for place in places:
            sizes[place["courseid"]] = sizes.get(place["courseid"], 0) + 1
            kinds.setdefault(place["courseid"], set()).add(modname)
    coerce = [course for course, has in kinds.items() if has >= set(modnames)]
    return min(coerce, key=lambda course: sizes[course])


async def _student_role(live: Live, world: World) -> int:
    for course in world.courses:
        given = {"courseid": course["courseid"]}
        for person in await live.found("core_enrol_get_enrolled_users", given):
            for role in person.get("roles", []):
                if role["shortname"] == "student":
                    return role["roleid"]
    raise AssertionError("no course of the site has a student")
