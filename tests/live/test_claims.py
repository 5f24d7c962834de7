"""What the descriptions say of courses and categories, each test one claim.

Where a text says otherwise, the text is wrong.
"""

from __future__ import annotations

import time

import pytest

from tests.live.claims import (
    DAY,
    NOWHERE,
    by_release,
    course_of,
    enrolled,
    new_course,
    new_group,
    participants,
    refusal,
)
from tests.support.live import Live
from tests.support.live_things import Own
from tests.support.live_world import World

pytestmark = pytest.mark.anyio


async def test_a_copy_with_users_1_has_people_and_groups(admin: Live, own: Own) -> None:
    source = await new_course(admin, own, "with-people", startdate=1_700_000_000)
    await enrolled(admin, own, source)
    group = await new_group(admin, source, "copied")
    member = {"groupid": group, "userid": own.users[0]}
    await admin.result("core_group_add_group_members", {"members": [member]})
    given = {"courseid": source, "fullname": own.name, "categoryid": own.category}
    options = [{"name": "users", "value": "1"}]
    copy = {**given, "shortname": f"{own.name}-copy-1", "options": options}
    made = (await admin.result("core_course_duplicate_course", copy))["id"]
    assert await participants(admin, made) == own.users
    groups = await admin.found("core_group_get_course_groups", {"courseid": made})
    assert [each["name"] for each in groups] == ["copied"]
    # The dates are those of the source.
    assert (await course_of(admin, made))["startdate"] == 1_700_000_000


async def test_a_copy_without_options_has_nobody_and_empty_groups(admin: Live, own: Own) -> None:
    source = await new_course(admin, own, "with-others")
    await enrolled(admin, own, source)
    await new_group(admin, source, "empty")
    given = {"courseid": source, "fullname": own.name, "categoryid": own.category}
    # Without the option users the server sends "0".
    copy = {**given, "shortname": f"{own.name}-copy-2"}
    made = (await admin.result("core_course_duplicate_course", copy))["id"]
    assert await participants(admin, made) == []
    # Groups come along, empty.
    (group,) = await admin.found("core_group_get_course_groups", {"courseid": made})
    assert await admin.result("core_group_get_group_members", {"groupids": [group["id"]]}) == [
        {"groupid": group["id"], "userids": []}
    ]


@pytest.mark.parametrize("value", ["0", "1", "2"])
async def test_a_copy_refuses_the_option_enrolments(admin: Live, own: Own, value: str) -> None:
    given = {
        "courseid": own.other,
        "fullname": own.name,
        "shortname": f"{own.name}-enrolments-{value}",
        "categoryid": own.category,
        "options": [{"name": "enrolments", "value": value}],
    }
    assert await refusal(admin, "core_course_duplicate_course", given) != ""


async def test_the_maker_of_a_course_is_not_enrolled(admin: Live, own: Own) -> None:
    made = await new_course(admin, own, "alone")
    assert await participants(admin, made) == []


async def test_a_course_without_dates_starts_today_and_ends_in_a_year(
    admin: Live, own: Own
) -> None:
    course = await course_of(admin, await new_course(admin, own, "today"))
    if by_release(admin, {"4.1": "none", "4.5": "today"}) == "none":
        assert (course["startdate"], course["enddate"]) == (0, 0)
        return
    assert 0 <= time.time() - course["startdate"] < DAY + 3_600
    assert course["enddate"] - course["startdate"] == pytest.approx(365 * DAY, abs=3_600)


async def test_a_taken_short_name_is_refused(admin: Live, own: Own) -> None:
    given = {"fullname": "x", "shortname": f"{own.name}-other", "categoryid": own.category}
    code = await refusal(admin, "core_course_create_courses", {"courses": [given]})
    assert code == "shortnametaken"


async def test_an_update_of_a_course_keeps_what_is_left_out(admin: Live, own: Own) -> None:
    made = await new_course(admin, own, "kept", summary="Summary", idnumber=f"{own.name}-kept")
    changed = {"id": made, "fullname": "Changed"}
    await admin.result("core_course_update_courses", {"courses": [changed]})
    course = await course_of(admin, made)
    wanted = (course["fullname"], course["summary"], course["idnumber"])
    assert wanted == ("Changed", "Summary", f"{own.name}-kept")


async def test_one_bad_course_does_not_stop_an_update_of_others(admin: Live, own: Own) -> None:
    made = await new_course(admin, own, "good")
    courses = [{"id": NOWHERE, "fullname": "x"}, {"id": made, "fullname": "Good"}]
    outcome = await admin.outcome("core_course_update_courses", {"courses": courses})
    assert outcome.fault is not None
    assert (await course_of(admin, made))["fullname"] == "Good"


async def test_importing_twice_adds_everything_twice(admin: Live, own: Own, world: World) -> None:
    # Importing over a quiz that was imported before can fail in Moodle's own restore.
    quizzes = {place["courseid"] for place in world.modules["quiz"]}
    sources = [place["courseid"] for place in world.modules["assign"]]
    source = next(course for course in sources if course not in quizzes)
    target = await new_course(admin, own, "import")
    given = {"importfrom": source, "importto": target}

    async def pages() -> int:
        sections = await admin.found("core_course_get_contents", {"courseid": target})
        return sum(m["modname"] == "assign" for section in sections for m in section["modules"])

    await admin.result("core_course_import_course", given)
    once = await pages()
    await admin.result("core_course_import_course", given)
    assert await pages() == 2 * once > 0
    await admin.result("core_course_import_course", {**given, "deletecontent": 1})
    assert await pages() == once
    assert await participants(admin, target) == []


async def test_a_category_is_found_with_its_descendants(admin: Live, own: Own) -> None:
    child = {"name": f"{own.name} child", "parent": own.category}
    (made,) = await admin.result("core_course_create_categories", {"categories": [child]})
    criteria = [{"key": "id", "value": str(own.category)}]
    found = await admin.found("core_course_get_categories", {"criteria": criteria})
    # In the order of the database, which is any.
    assert {each["id"] for each in found} == {own.category, made["id"]}
    alone = {"criteria": criteria, "addsubcategories": False}
    found = await admin.found("core_course_get_categories", alone)
    assert [each["id"] for each in found] == [own.category]


async def test_names_of_categories_match_in_full_only(admin: Live, own: Own) -> None:
    for value, number in ((own.name, 1), (own.name[:-1], 0), (f"{own.name[:-1]}%", 0)):
        wanted = {"criteria": [{"key": "name", "value": value}], "addsubcategories": False}
        assert len(await admin.found("core_course_get_categories", wanted)) == number


async def test_a_deleted_category_gives_its_courses_to_its_parent(admin: Live, own: Own) -> None:
    child = {"name": f"{own.name} short-lived", "parent": own.category}
    (made,) = await admin.result("core_course_create_categories", {"categories": [child]})
    course = await new_course(admin, own, "moved", categoryid=made["id"])
    gone = {"categories": [{"id": made["id"]}]}
    await admin.result("core_course_delete_categories", gone)
    assert (await course_of(admin, course))["categoryid"] == own.category


async def test_a_top_level_category_is_deleted_only_with_newparent(admin: Live, own: Own) -> None:
    top = {"name": f"{own.name} top"}
    (made,) = await admin.result("core_course_create_categories", {"categories": [top]})
    gone = {"id": made["id"], "recursive": False}
    delete = "core_course_delete_categories"
    assert await refusal(admin, delete, {"categories": [gone]}) == "movecatcontentstoroot"
    await admin.result(delete, {"categories": [{**gone, "newparent": own.category}]})


async def test_contents_keep_the_sections_without_a_match(admin: Live, own: Own) -> None:
    options = [{"name": "modname", "value": "quiz"}]
    every = await admin.found("core_course_get_contents", {"courseid": own.course})
    found = await admin.found(
        "core_course_get_contents", {"courseid": own.course, "options": options}
    )
    assert len(found) == len(every)
    assert {m["modname"] for section in found for m in section["modules"]} == {"quiz"}


async def test_contents_take_modid_only_beside_modname(admin: Live, own: Own) -> None:
    quiz = own.modules["quiz"]["instance"]
    options = [{"name": "modid", "value": str(quiz)}]
    every = await admin.found("core_course_get_contents", {"courseid": own.course})
    given = {"courseid": own.course, "options": options}
    assert await admin.found("core_course_get_contents", given) == every
    given = {"courseid": own.course, "options": [*options, {"name": "modname", "value": "quiz"}]}
    found = await admin.found("core_course_get_contents", given)
    assert [m["instance"] for section in found for m in section["modules"]] == [quiz]


async def test_one_unknown_course_does_not_fail_a_look_up_by_ids(admin: Live, own: Own) -> None:
    wanted = {"options": {"ids": [own.other, NOWHERE]}}
    found = await admin.result("core_course_get_courses", wanted)
    assert [each["id"] for each in found] == [own.other]


async def test_no_manual_enrolment_is_listed_as_a_method(admin: Live, own: Own) -> None:
    await enrolled(admin, own, own.other)
    found = await admin.found("core_enrol_get_course_enrolment_methods", {"courseid": own.other})
    assert "manual" not in {each["type"] for each in found}


async def test_required_fields_without_enddate_fail(student: Live) -> None:
    given = {"classification": "all", "requiredfields": ["fullname"]}
    name = "core_course_get_enrolled_courses_by_timeline_classification"
    expected = by_release(student, {"4.1": "invalid_arguments", "4.5": "codingerror"})
    assert await refusal(student, name, given) == expected


async def test_one_unknown_id_does_not_fail_a_look_up_by_ids(admin: Live, own: Own) -> None:
    """Moodle fails as a whole; the server looks the other ids up without it."""
    given = {"field": "ids", "value": f"{own.other},{NOWHERE}"}
    found = await admin.result("core_course_get_courses_by_field", given)
    assert [each["id"] for each in found["courses"]] == [own.other]
    found = await admin.result(
        "core_course_get_courses_by_field", {"field": "id", "value": str(NOWHERE)}
    )
    assert found["courses"] == []


async def test_a_module_is_found_by_its_instance(admin: Live, own: Own) -> None:
    quiz = own.modules["quiz"]
    given = {"module": "quiz", "instance": quiz["instance"]}
    found = await admin.result("core_course_get_course_module_by_instance", given)
    assert found["cm"]["id"] == quiz["id"]


async def test_a_file_of_the_same_name_is_refused_in_a_draft_area(admin: Live) -> None:
    draft = {
        "contextlevel": "user",
        "instanceid": admin.userid,
        "component": "user",
        "filearea": "draft",
        "itemid": 0,
        "filepath": "/",
        "filename": "claim.txt",
        "filecontent": "YQ==",
    }
    made = await admin.result("core_files_upload", draft)
    again = {**draft, "itemid": made["itemid"]}
    assert await refusal(admin, "core_files_upload", again) == "fileexist"


async def test_an_import_that_fails_leaves_the_erased_target_empty(admin: Live, own: Own) -> None:
    """Questions that come a second time can be more than Moodle's restore takes."""
    target = await new_course(admin, own, "erased")
    given = {"importfrom": own.course, "importto": target}
    for _ in range(2):
        await admin.result("core_course_import_course", given)
    if by_release(admin, {"4.1": "works", "4.5": "fails"}) == "works":
        await admin.result("core_course_import_course", {**given, "deletecontent": 1})
        return
    code = await refusal(admin, "core_course_import_course", {**given, "deletecontent": 1})
    assert code == "error_question_answers_missing_in_db"
    sections = await admin.found("core_course_get_contents", {"courseid": target})
    assert [module for section in sections for module in section["modules"]] == []
