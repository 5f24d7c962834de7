"""Names to ids, on the demo site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from inline_snapshot import snapshot

from moodle_mcp.catalogue.references import Thing
from moodle_mcp.demo import STUDENT_TOKEN, DemoSite, serving
from moodle_mcp.errors import CallError
from moodle_mcp.service.references.names import Match, Name
from moodle_mcp.service.references.resolver import Resolver
from tests.support.demo import Demo, in_both_protocols
from tests.support.serving import NOW

pytestmark = pytest.mark.anyio

BIO101 = 2


async def found(
    demo: Demo,
    *names: Name,
    tools: str = "all",
    roles: Mapping[str, int] | None = None,
    courses: Iterable[int] = (),
    **options: Any,
) -> dict[str, Match]:
    """Return what the names mean, by their texts."""
    context = demo.context(tools, **options)
    await context.learn("core_user_get_users_by_field")
    demo.site.requests.clear()
    resolver = Resolver(context.ask, roles or {}, context.user_id)
    try:
        matches = await resolver.find(names, list(courses))
    finally:
        await context.aclose()
        await context.process.aclose()
    return {name.text: match for name, match in matches.items()}


def asked(demo: Demo) -> Counter[str | None]:
    return Counter(each.function for each in demo.site.requests)


@in_both_protocols
async def test_people_by_each_key(demo: Demo) -> None:
    demo.site.world.users[5] = replace(demo.site.world.users[5], idnumber="S/0005")
    assert await found(
        demo,
        Name(Thing.USER, "student1"),
        Name(Thing.USER, " Teacher1 "),
        Name(Thing.USER, "STUDENT3@college.example"),
        Name(Thing.USER, "S/0005", "idnumber"),
        Name(Thing.USER, "7", "id"),
        Name(Thing.USER, "nobody"),
        Name(Thing.USER, "Nobody at all"),
        Name(Thing.USER, "nobody@college.example"),
        Name(Thing.USER, "", "username"),
    ) == snapshot(
        {
            "7": Match(ids=(7,)),
            "student1": Match(ids=(4,)),
            " Teacher1 ": Match(ids=(3,)),
            "nobody": Match(),
            "Nobody at all": Match(),
            "": Match(),
            "STUDENT3@college.example": Match(ids=(6,)),
            "nobody@college.example": Match(),
            "S/0005": Match(ids=(5,)),
        }
    )


async def test_two_people_with_one_address_are_ambiguous(demo: Demo) -> None:
    users = demo.site.world.users
    users[6] = replace(users[6], email=users[5].email.upper())
    name = Name(Thing.USER, users[5].email)
    assert (await found(demo, name))[name.text] == Match((5, 6))


async def test_two_hundred_people_take_few_requests() -> None:
    site = DemoSite(now=NOW, students=200)
    with serving(site.app) as url:
        demo = Demo(site, url)
        names = [Name(Thing.USER, f"student{number}@college.example") for number in range(1, 201)]
        matches = await found(demo, *names)
    assert all(match.id for match in matches.values())
    assert asked(demo) == {"core_user_get_users_by_field": 2}


async def test_the_case_of_stored_addresses_does_not_matter(demo: Demo) -> None:
    """PostgreSQL distinguishes it in the look-up by field, but not in a search."""
    users = demo.site.world.users
    for each in list(users.values()):
        users[each.id] = replace(each, email=f"X{each.id}@College.Example")
    demo.site.switches.exact_case = True
    people = [each.id for each in users.values()][:40]
    matches = await found(demo, *(Name(Thing.USER, f"x{each}@college.example") for each in people))
    assert matches == {f"x{each}@college.example": Match((each,)) for each in people}
    assert asked(demo) == {"core_user_get_users_by_field": 1, "core_user_get_users": 1}


async def test_courses_and_categories(demo: Demo) -> None:
    assert await found(
        demo,
        Name(Thing.COURSE, "BIO101"),
        Name(Thing.COURSE, "PHY120"),
        Name(Thing.COURSE, "BIO 101"),
        Name(Thing.CATEGORY, "Natural sciences/Biology"),
        Name(Thing.CATEGORY, "Humanities"),
        Name(Thing.CATEGORY, "HUM-HIS", "idnumber"),
        Name(Thing.CATEGORY, "Biology"),
    ) == snapshot(
        {
            "BIO101": Match(ids=(2,)),
            "PHY120": Match(ids=(5,)),
            "BIO 101": Match(),
            "Natural sciences/Biology": Match(ids=(2,)),
            "Humanities": Match(ids=(4,)),
            "HUM-HIS": Match(ids=(5,)),
            "Biology": Match(near=("Natural sciences / Biology",)),
        }
    )


async def test_many_courses_are_read_at_once(demo: Demo) -> None:
    courses = [each for each in demo.site.world.courses.values() if each.id != 1]
    matches = await found(demo, *(Name(Thing.COURSE, each.shortname) for each in courses))
    assert matches == {each.shortname: Match((each.id,)) for each in courses}
    assert asked(demo) == {"core_course_get_courses_by_field": 1}


async def test_groups_activities_and_cohorts(demo: Demo) -> None:
    group = demo.site.world.groups_of(BIO101)[0]
    cohort = next(iter(demo.site.world.cohorts.values()))
    module = next(each for each in demo.site.world.modules_of(BIO101) if each.modname == "assign")
    activity = Name(Thing.MODULE, module.name, course=BIO101)
    matches = await found(
        demo,
        Name(Thing.GROUP, group.name, course=BIO101),
        Name(Thing.GROUP, f"{group.name}!", course=BIO101),
        Name(Thing.GROUP, "no course"),
        Name(Thing.COHORT, cohort.idnumber),
        Name(Thing.COHORT, cohort.name),
    )
    assert matches == {
        group.name: Match((group.id,)),
        f"{group.name}!": Match(near=("Lab group A", "Lab group B")),
        "no course": Match(),
        cohort.idnumber: Match((cohort.id,)),
        cohort.name: Match((cohort.id,)),
    }
    assert await found(demo, activity) == {module.name: Match((module.id,))}
    assert await found(demo, replace(activity, module="assign")) == {
        module.name: Match((module.instance,))
    }
    assert (await found(demo, replace(activity, module="quiz")))[module.name].ids == ()
    by_cmid = Name(Thing.MODULE, str(module.id), "cmid", module="assign")
    assert await found(demo, by_cmid) == {str(module.id): Match((module.instance,))}


async def test_roles_are_those_of_the_people_of_courses(demo: Demo) -> None:
    student, teacher = Name(Thing.ROLE, "student"), Name(Thing.ROLE, "editingteacher")
    missing = Name(Thing.ROLE, "editingteachers")
    assert await found(demo, student, teacher, missing, courses=[BIO101]) == snapshot(
        {
            "student": Match(ids=(5,)),
            "editingteacher": Match(ids=(3,)),
            "editingteachers": Match(near=("editingteacher",)),
        }
    )
    assert await found(demo, student, roles={"student": 42}) == {"student": Match((42,))}
    assert asked(demo) == {}


async def test_a_withheld_read_is_named(demo: Demo) -> None:
    with pytest.raises(CallError) as caught:
        await found(demo, Name(Thing.USER, "student1"), tools="all,-core_user_get_users_by_field")
    assert caught.value.fault.report() == snapshot(
        {
            "kind": "not_allowed",
            "message": "Can't look up people: core_user_get_users_by_field is withheld by the operator: excluded by -core_user_get_users_by_field.",
            "hint": "To name people instead of giving ids, the operator adds core_user_get_users_by_field to MOODLE_MCP_TOOLS. Otherwise give ids.",
            "function": "core_user_get_users_by_field",
            "retryable": False,
            "written": "nothing",
        }
    )


async def test_names_that_the_site_hides_are_unknown(demo: Demo) -> None:
    matches = await found(demo, Name(Thing.COURSE, "STF900"), token=STUDENT_TOKEN)
    assert matches == {"STF900": Match()}
