"""What the descriptions say of grades, completion, assignments, forums and quizzes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.claims import (
    NOWHERE,
    enrolled,
    new_course,
    new_person,
    refusal,
)
from tests.support.live import Live
from tests.support.live_things import Own

pytestmark = pytest.mark.anyio


def graded(own: Own, user: int, **values: Any) -> dict[str, Any]:
    """The arguments that grade somebody's first assignment."""
    return {
        "assignmentid": own.modules["assign"]["instance"],
        "userid": user,
        "grade": 50.0,
        "attemptnumber": -1,
        "addattempt": False,
        "workflowstate": "",
        "applytoall": False,
        **values,
    }


async def kept_grades(live: Live, own: Own) -> dict[int, float]:
    wanted = {"assignmentids": [own.modules["assign"]["instance"]]}
    found = await live.found("mod_assign_get_grades", wanted, "assignments")
    return {each["userid"]: float(each["grade"]) for a in found for each in a["grades"]}


async def quiz_item(live: Live, own: Own, user: int) -> dict[str, Any]:
    """Somebody's grade of the quiz."""
    wanted = {"courseid": own.course, "userid": user}
    (report,) = await live.found("gradereport_user_get_grade_items", wanted, "usergrades")
    cmid = own.modules["quiz"]["id"]
    (item,) = [each for each in report["gradeitems"] if each.get("cmid") == cmid]
    return item


def written(own: Own, user: int, grade: float) -> dict[str, Any]:
    """The arguments that write a grade of the quiz into the gradebook."""
    return {
        "source": "claims",
        "courseid": own.course,
        "component": "mod_quiz",
        "activityid": own.modules["quiz"]["id"],
        "itemnumber": 0,
        "grades": [{"studentid": user, "grade": grade, "str_feedback": "Good"}],
    }


async def test_the_gradebook_cuts_a_grade_at_the_maximum(admin: Live, own: Own) -> None:
    await enrolled(admin, own)
    given = written(own, own.users[1], 999.0)
    assert await admin.result("core_grades_update_grades", given) == 0
    item = await quiz_item(admin, own, own.users[1])
    assert (item["graderaw"], item["feedback"]) == (item["grademax"], "")


async def test_the_gradebook_takes_grades_of_people_who_do_not_exist(admin: Live, own: Own) -> None:
    given = written(own, NOWHERE, 5.0)
    assert await admin.result("core_grades_update_grades", given) == 0


async def test_students_name_themselves_to_see_grades(student: Live) -> None:
    (course, *_) = await student.result("core_enrol_get_users_courses", {"userid": student.userid})
    name = "gradereport_user_get_grade_items"
    assert await refusal(student, name, {"courseid": course["id"]}) == "nopermissions"
    own = {"courseid": course["id"], "userid": student.userid}
    assert len((await student.result(name, own))["usergrades"]) == 1


async def test_activities_without_tracking_have_no_completion_status(admin: Live, own: Own) -> None:
    await enrolled(admin, own)
    wanted = {"courseid": own.course, "userid": own.users[1]}
    name = "core_completion_get_activities_completion_status"
    found = await admin.found(name, wanted, "statuses")
    assert own.modules["forum"]["id"] not in {each["cmid"] for each in found}


async def test_completion_can_be_set_for_somebody_who_is_no_participant(
    admin: Live, own: Own
) -> None:
    person = await new_person(admin, own, "complete")
    given = {"userid": person, "cmid": own.modules["assign"]["id"], "newstate": 1}
    name = "core_completion_override_activity_completion_status"
    assert (await admin.result(name, given))["state"] == 1


@pytest.mark.parametrize(
    ("options", "limits"), [({"aggregation": 13}, (0, 0)), ({"aggregation": 0}, (1, 100))]
)
async def test_the_limits_of_a_new_grade_category(
    admin: Live, own: Own, options: dict[str, Any], limits: tuple[int, int]
) -> None:
    """A sum is as high as its grades, whatever is given; another total begins at 1, not at 0."""
    await enrolled(admin, own)
    category = {"fullname": own.name, "options": options}
    given = {"courseid": own.course, "categories": [category]}
    (made,) = (await admin.result("core_grades_create_gradecategories", given))["categoryids"]
    wanted = {"courseid": own.course, "userid": own.users[1]}
    (report,) = await admin.found("gradereport_user_get_grade_items", wanted, "usergrades")
    (item,) = [
        each
        for each in report["gradeitems"]
        if (each["itemtype"], each["iteminstance"]) == ("category", made)
    ]
    assert (item["grademin"], item["grademax"]) == limits


async def test_a_course_without_criteria_has_no_completion_status(admin: Live, own: Own) -> None:
    await enrolled(admin, own, own.other)
    given = {"courseid": own.other, "userid": own.users[1]}
    name = "core_completion_get_course_completion_status"
    assert await refusal(admin, name, given) != ""


async def test_an_activity_without_manual_completion_can_not_be_ticked(
    admin: Live, own: Own
) -> None:
    given = {"cmid": own.modules["forum"]["id"], "completed": True}
    name = "core_completion_update_activity_completion_status_manually"
    assert await refusal(admin, name, given) == "cannotmanualctrack"


@pytest.mark.parametrize("grade", [999.0, -5.0])
async def test_a_grade_out_of_range_leaves_the_former_one(
    admin: Live, own: Own, grade: float
) -> None:
    await enrolled(admin, own)
    for each in (40.0, grade):
        given = graded(own, own.users[2], grade=each)
        assert await admin.result("mod_assign_save_grade", given) is None
    assert (await kept_grades(admin, own))[own.users[2]] == 40


async def test_a_first_grade_out_of_range_is_kept_as_none(admin: Live, own: Own) -> None:
    person = await new_person(admin, own, "first")
    given = graded(own, person, grade=999.0)
    assert await admin.result("mod_assign_save_grade", given) is None
    assert (await kept_grades(admin, own))[person] == -1


async def test_a_grade_is_kept_for_somebody_who_is_no_participant(admin: Live, own: Own) -> None:
    person = await new_person(admin, own, "outside")
    given = graded(own, person)
    assert await admin.result("mod_assign_save_grade", given) is None
    assert (await kept_grades(admin, own))[person] == 50


async def test_a_grade_of_minus_1_takes_the_grade_away(admin: Live, own: Own) -> None:
    await enrolled(admin, own)
    for grade in (40.0, -1.0):
        given = graded(own, own.users[3], grade=grade)
        await admin.result("mod_assign_save_grade", given)
    assert (await kept_grades(admin, own))[own.users[3]] == -1


async def test_a_grade_without_a_comment_fails_where_there_is_one(admin: Live, own: Own) -> None:
    await enrolled(admin, own)
    editor = {"assignfeedbackcomments_editor": {"text": "Good", "format": 1}}
    given = graded(own, own.users[1], grade=30.0)
    await admin.result("mod_assign_save_grade", {**given, "plugindata": editor})
    assert await refusal(admin, "mod_assign_save_grade", {**given, "grade": 31.0}) == (
        "dmlwriteexception"
    )
    assert (await kept_grades(admin, own))[own.users[1]] == 30


async def test_an_extension_before_the_due_date_is_refused(admin: Live, own: Own) -> None:
    await enrolled(admin, own)
    given = {
        "assignmentid": own.modules["assign"]["instance"],
        "userids": own.users[1:2],
        "dates": [5],
    }
    outcome = await admin.outcome("mod_assign_save_user_extensions", given)
    assert outcome.fault is not None


async def test_assignments_of_courses_without_an_enrolment_need_a_flag(
    admin: Live, own: Own
) -> None:
    course = await new_course(admin, own, "foreign")
    given: dict[str, Any] = {"courseids": [course]}
    found = [
        len(await admin.found("mod_assign_get_assignments", {**given, **flag}, "courses"))
        for flag in ({}, {"includenotenrolledcourses": True})
    ]
    assert found == [0, 1]


@pytest.mark.parametrize("name", ["mod_assign_lock_submissions", "mod_assign_unlock_submissions"])
async def test_submissions_of_people_who_are_no_participants_are_locked(
    admin: Live, own: Own, name: str
) -> None:
    person = await new_person(admin, own, name.split("_")[2])
    assign = own.modules["assign"]["instance"]
    given = {"assignmentid": assign, "userids": [person]}
    assert await admin.result(name, given) == []


async def test_posts_of_an_unknown_discussion_are_a_php_error(admin: Live) -> None:
    fault = (await admin.outcome("mod_forum_get_discussion_posts", {"discussionid": NOWHERE})).fault
    assert fault is not None
    assert fault.exception == "Error" or "null" in fault.message


async def new_talk(live: Live, own: Own) -> tuple[int, int]:
    """The ids of a new discussion and of its post."""
    forum = own.modules["forum"]["instance"]
    given = {"forumid": forum, "subject": "Subject", "message": "<p>Text</p>"}
    talk = (await live.result("mod_forum_add_discussion", given))["discussionid"]
    posts = await live.found("mod_forum_get_discussion_posts", {"discussionid": talk}, "posts")
    return talk, posts[0]["id"]


@pytest.mark.parametrize(("state", "locks"), [(0, True), (1, False)])
async def test_0_locks_a_discussion(admin: Live, own: Own, state: int, locks: bool) -> None:
    talk, _ = await new_talk(admin, own)
    forum = own.modules["forum"]["instance"]
    given = {"forumid": forum, "discussionid": talk, "targetstate": state}
    result = await admin.result("mod_forum_set_lock_state", given)
    assert result["locked"] is locks


async def test_an_empty_text_keeps_the_text_of_a_post(admin: Live, own: Own) -> None:
    talk, post = await new_talk(admin, own)
    given = {"postid": post, "subject": "Changed", "message": ""}
    await admin.result("mod_forum_update_discussion_post", given)
    posts = await admin.found("mod_forum_get_discussion_posts", {"discussionid": talk}, "posts")
    assert (posts[0]["subject"], posts[0]["message"]) == ("Changed", "<p>Text</p>")


async def test_the_opening_post_takes_its_discussion_with_it(admin: Live, own: Own) -> None:
    talk, post = await new_talk(admin, own)
    await admin.result("mod_forum_delete_post", {"postid": post})
    given = {"forumid": own.modules["forum"]["instance"]}
    found = await admin.found("mod_forum_get_forum_discussions", given, "discussions")
    assert talk not in {each["discussion"] for each in found}


async def overrides(live: Live, own: Own) -> dict[int, dict[str, Any]]:
    given = {"quizid": own.modules["quiz"]["instance"]}
    found = await live.found("mod_quiz_get_overrides", given, "overrides")
    return {each["userid"]: each for each in found}


async def overridden(live: Live, own: Own, **values: Any) -> None:
    data = {"quizid": own.modules["quiz"]["instance"], "overrides": [values]}
    await live.result("mod_quiz_save_overrides", {"data": data})


async def test_an_override_is_replaced_as_a_whole(admin: Live, own: Own) -> None:
    await enrolled(admin, own)
    user = own.users[2]
    await overridden(admin, own, userid=user, timelimit=600, attempts=2)
    number = (await overrides(admin, own))[user]["id"]
    await overridden(admin, own, id=number, userid=user, timelimit=700)
    found = (await overrides(admin, own))[user]
    assert (found["id"], found["timelimit"], found["attempts"]) == (number, 700, None)


async def test_an_override_that_changes_nothing_is_refused(admin: Live, own: Own) -> None:
    await enrolled(admin, own)
    data = {
        "quizid": own.modules["quiz"]["instance"],
        "overrides": [{"userid": own.users[3]}],
    }
    assert await refusal(admin, "mod_quiz_save_overrides", {"data": data}) != ""


async def test_a_private_reply_that_the_caller_may_not_write_is_public(student: Live) -> None:
    forums = await student.found("mod_forum_get_forums_by_courses", {})
    given = {"forumid": next(each["id"] for each in forums if each["numdiscussions"])}
    (talk, *_) = await student.found("mod_forum_get_forum_discussions", given, "discussions")
    reply = {
        "postid": talk["id"],
        "subject": "Private",
        "message": "For the teacher alone",
        "options": [{"name": "private", "value": "1"}],
    }
    made = await student.result("mod_forum_add_discussion_post", reply)
    await student.result("mod_forum_delete_post", {"postid": made["postid"]})
    assert made["post"]["isprivatereply"] is False
