"""What the descriptions say of accounts, roles and enrolments, each test one claim."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.claims import (
    NOWHERE,
    enrolled,
    new_course,
    new_person,
    participants,
    refusal,
)
from tests.support.live import Live
from tests.support.live_things import Own, new_user

pytestmark = pytest.mark.anyio


async def test_the_usual_ids_of_roles(admin: Live, own: Own) -> None:
    names: dict[int, str] = {}
    course = await new_course(admin, own, "roles")
    for role, user in zip((3, 4, 5), own.users, strict=False):
        given = {"roleid": role, "userid": user, "courseid": course}
        await admin.result("enrol_manual_enrol_users", {"enrolments": [given]})
    for person in await admin.found("core_enrol_get_enrolled_users", {"courseid": course}):
        names |= {role["roleid"]: role["shortname"] for role in person["roles"]}
    assert names == {3: "editingteacher", 4: "teacher", 5: "student"}


async def test_enrolling_again_adds_the_role_and_keeps_the_others(admin: Live, own: Own) -> None:
    course = await new_course(admin, own, "twice")
    await enrolled(admin, own, course)
    given = {"roleid": 4, "userid": own.users[0], "courseid": course}
    await admin.result("enrol_manual_enrol_users", {"enrolments": [given]})
    found = await admin.found("core_enrol_get_enrolled_users", {"courseid": course})
    (roles,) = [each["roles"] for each in found if each["id"] == own.users[0]]
    assert sorted(role["shortname"] for role in roles) == ["student", "teacher"]


async def test_enrolling_again_without_suspend_ends_a_suspension(admin: Live, own: Own) -> None:
    course = await new_course(admin, own, "pause")
    await enrolled(admin, own, course, suspend=1)
    only = {"courseid": course, "options": [{"name": "onlysuspended", "value": "1"}]}
    assert len(await admin.found("core_enrol_get_enrolled_users", only)) == len(own.users)
    await enrolled(admin, own, course)
    assert await admin.found("core_enrol_get_enrolled_users", only) == []


async def test_unenrolling_takes_all_roles_whatever_roleid_says(admin: Live, own: Own) -> None:
    course = await new_course(admin, own, "out")
    await enrolled(admin, own, course)
    gone = {"userid": own.users[0], "courseid": course, "roleid": 4}
    await admin.result("enrol_manual_unenrol_users", {"enrolments": [gone]})
    assert await participants(admin, course) == own.users[1:]


async def test_unenrolling_somebody_who_is_not_enrolled_is_no_error(admin: Live, own: Own) -> None:
    course = await new_course(admin, own, "nobody")
    gone = {"userid": own.users[0], "courseid": course}
    assert await admin.result("enrol_manual_unenrol_users", {"enrolments": [gone]}) is None


async def test_a_role_enrols_nobody(admin: Live, own: Own) -> None:
    course = await new_course(admin, own, "role")
    given = {"roleid": own.student_role, "userid": own.users[0]}
    given |= {"contextlevel": "course", "instanceid": course}
    await admin.result("core_role_assign_roles", {"assignments": [given]})
    assert await participants(admin, course) == []


async def test_without_a_role_the_person_stays_enrolled(admin: Live, own: Own) -> None:
    course = await new_course(admin, own, "stays")
    await enrolled(admin, own, course)
    given = {"roleid": own.student_role, "userid": own.users[0]}
    given |= {"contextlevel": "course", "instanceid": course}
    await admin.result("core_role_unassign_roles", {"unassignments": [given]})
    assert await participants(admin, course) == own.users


async def test_an_unknown_role_is_refused_when_enrolling(admin: Live, own: Own) -> None:
    given = {"roleid": NOWHERE, "userid": own.users[0], "courseid": own.other}
    code = await refusal(admin, "enrol_manual_enrol_users", {"enrolments": [given]})
    assert code == "wsusercannotassign"


async def test_one_bad_enrolment_leaves_none(admin: Live, own: Own) -> None:
    course = await new_course(admin, own, "none")
    good = {"roleid": own.student_role, "userid": own.users[0], "courseid": course}
    given = {"enrolments": [good, {**good, "roleid": NOWHERE}], "_on_error": "stop"}
    await refusal(admin, "enrol_manual_enrol_users", given)
    assert await participants(admin, course) == []


async def test_a_deleted_account_leaves_its_username_free(admin: Live, own: Own) -> None:
    user = new_user(own.name, "claim-free")
    (made,) = await admin.result("core_user_create_users", {"users": [user]})
    await admin.result("core_user_delete_users", {"userids": [made["id"]]})
    (again,) = await admin.result("core_user_create_users", {"users": [user]})
    assert again["id"] != made["id"]


async def test_an_administrator_can_not_be_deleted(admin: Live) -> None:
    code = await refusal(admin, "core_user_delete_users", {"userids": [admin.userid]})
    assert code != ""


async def test_an_update_of_an_account_keeps_what_is_left_out(admin: Live, own: Own) -> None:
    person = await new_person(admin, own, "kept")
    for values in ({"city": "Bonn", "department": "Maths"}, {"city": "Ulm"}):
        given = {"users": [{"id": person, **values}]}
        await admin.result("core_user_update_users", given)
    wanted = {"field": "id", "values": [str(person)]}
    (found,) = await admin.result("core_user_get_users_by_field", wanted)
    assert (found["city"], found["department"]) == ("Ulm", "Maths")


async def test_one_bad_account_does_not_stop_an_update_of_others(admin: Live, own: Own) -> None:
    person = await new_person(admin, own, "good")
    users = [{"id": NOWHERE, "city": "Ulm"}, {"id": person, "city": "Ulm"}]
    outcome = await admin.outcome("core_user_update_users", {"users": users})
    assert outcome.fault is not None
    wanted = {"field": "id", "values": [str(person)]}
    (found,) = await admin.result("core_user_get_users_by_field", wanted)
    assert found["city"] == "Ulm"


@pytest.mark.parametrize(
    ("address", "finds"),
    [("{}-1@site.invalid", True), ("{}-1@SITE.INVALID", True), ("{}-1@site.inv", False)],
)
async def test_a_search_for_an_address(admin: Live, own: Own, address: str, finds: bool) -> None:
    wanted = {"criteria": [{"key": "email", "value": address.format(own.name)}]}
    assert bool(await admin.found("core_user_get_users", wanted, "users")) is finds


async def test_a_search_for_people_takes_a_percent_sign(admin: Live, own: Own) -> None:
    wanted = {"criteria": [{"key": "email", "value": f"{own.name}-_@site%"}]}
    found = await admin.found("core_user_get_users", wanted, "users")
    assert sorted(each["id"] for each in found) == own.users


async def test_an_address_in_capitals_is_found_by_field(admin: Live, own: Own) -> None:
    """Moodle does not find it on PostgreSQL; the server also looks for it in lower case."""
    wanted = {"field": "email", "values": [f"{own.name}-1@site.invalid".upper()]}
    found = await admin.result("core_user_get_users_by_field", wanted)
    assert [each["username"] for each in found] == [f"{own.name}-1"]


async def test_a_preference_that_moodle_does_not_know_is_skipped(admin: Live, own: Own) -> None:
    kind = "nosuchpreference"
    given = {"userid": own.users[1], "preferences": [{"type": kind, "value": "1"}]}
    assert await admin.result("core_user_update_user_preferences", given) is None
    wanted = {"userid": own.users[1], "name": kind}
    found = await admin.found("core_user_get_user_preferences", wanted, "preferences")
    assert [each["value"] for each in found] == [None]


async def test_a_preference_without_a_value_is_removed(admin: Live, own: Own) -> None:
    kept: list[Any] = []
    for value in ({"value": "textarea"}, {}):
        given = {"userid": own.users[1], "preferences": [{"type": "htmleditor", **value}]}
        await admin.result("core_user_update_user_preferences", given)
        wanted = {"userid": own.users[1], "name": "htmleditor"}
        found = await admin.found("core_user_get_user_preferences", wanted, "preferences")
        kept += [each["value"] for each in found]
    assert kept == ["textarea", None]


async def test_a_suspended_enrolment_is_not_among_the_courses_of_a_user(
    admin: Live, own: Own
) -> None:
    course = await new_course(admin, own, "inactive")
    wanted = {"userid": own.users[1]}
    seen: list[bool] = []
    for suspend in (0, 1):
        await enrolled(admin, own, course, suspend=suspend)
        found = await admin.result("core_enrol_get_users_courses", wanted)
        seen.append(course in {each["id"] for each in found})
    assert seen == [True, False]


async def test_a_profile_comes_once_for_two_courses(admin: Live, own: Own) -> None:
    courses = [await new_course(admin, own, f"profile-{number}") for number in range(2)]
    for course in courses:
        await enrolled(admin, own, course)
    given = [{"userid": own.users[1], "courseid": course} for course in courses]
    found = await admin.result("core_user_get_course_user_profiles", {"userlist": given})
    assert [each["id"] for each in found] == [own.users[1]]


async def test_without_a_method_participants_are_potential_users_too(admin: Live, own: Own) -> None:
    await enrolled(admin, own)
    given = {
        "courseid": own.course,
        "enrolid": 0,
        "search": own.name,
        "searchanywhere": True,
        "page": 0,
        "perpage": 50,
    }
    found = await admin.result("core_enrol_get_potential_users", given)
    assert own.users[1] in {each["id"] for each in found}


async def test_an_empty_search_for_participants_lists_them_all(admin: Live, own: Own) -> None:
    course = await new_course(admin, own, "all")
    await enrolled(admin, own, course)
    given = {"courseid": course, "search": "", "searchanywhere": True, "page": 0, "perpage": 50}
    found = await admin.result("core_enrol_search_users", given)
    assert sorted(each["id"] for each in found) == own.users


async def test_a_link_of_courses_that_is_there_has_status_false(admin: Live, own: Own) -> None:
    target = await new_course(admin, own, "linked")
    given = {"instances": [{"metacourseid": target, "courseid": own.other}]}
    await admin.result("enrol_meta_add_instances", given)
    outcome = await admin.outcome("enrol_meta_add_instances", given)
    assert outcome.fault is not None
    await admin.result("enrol_meta_delete_instances", given)
