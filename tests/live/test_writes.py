"""Every write of the profiles, on objects of these tests, and read back."""

from __future__ import annotations

import base64
import time
from typing import Any, Final

import pytest

from moodle_mcp.policy.allowlist import PROFILES, profile
from tests.support.live import Live
from tests.support.live_things import Own

pytestmark = pytest.mark.anyio

DAY: Final = 86_400


async def members(live: Live, group: int) -> list[int]:
    (found,) = await live.result("core_group_get_group_members", {"groupids": [group]})
    return sorted(found["userids"])


async def participants(live: Live, course: int) -> list[int]:
    found = await live.found("core_enrol_get_enrolled_users", {"courseid": course})
    return sorted(person["id"] for person in found)


async def enrolled(live: Live, own: Own, *users: int) -> None:
    given = [
        {"roleid": own.student_role, "userid": user, "courseid": own.course}
        for user in users or own.users
    ]
    await live.done("enrol_manual_enrol_users", {"enrolments": given})


async def test_users_are_changed_and_deleted(admin: Live, own: Own) -> None:
    (made,) = await admin.done("core_user_create_users", {"users": [own.user(1)]})
    user = {"id": made["id"], "city": "Zürich", "idnumber": own.name}
    await admin.done("core_user_update_users", {"users": [user]})
    by_id = {"field": "id", "values": [str(made["id"])]}
    (found,) = await admin.result("core_user_get_users_by_field", by_id)
    assert (found["city"], found["idnumber"]) == ("Zürich", own.name)
    preference = {"type": "htmleditor", "value": "textarea"}
    given = {"userid": made["id"], "preferences": [preference]}
    await admin.done("core_user_update_user_preferences", given)
    wanted = {"userid": made["id"], "name": "htmleditor"}
    (kept,) = await admin.found("core_user_get_user_preferences", wanted, "preferences")
    assert kept["value"] == "textarea"
    reset = {"username": made["username"]}
    await admin.tried("core_auth_request_password_reset", reset)
    await admin.done("core_user_delete_users", {"userids": [made["id"]]})
    # Moodle still returns a deleted user by id; the user name is free again.
    by_name = {"field": "username", "values": [made["username"]]}
    assert await admin.result("core_user_get_users_by_field", by_name) == []


async def test_people_are_enrolled_and_taken_out(admin: Live, own: Own) -> None:
    await enrolled(admin, own)
    assert await participants(admin, own.course) == own.users
    out = [{"userid": own.users[0], "courseid": own.course}]
    await admin.done("enrol_manual_unenrol_users", {"enrolments": out})
    assert await participants(admin, own.course) == own.users[1:]
    await admin.tried("enrol_self_enrol_user", {"courseid": own.other})
    linked = {"instances": [{"metacourseid": own.other, "courseid": own.course}]}
    # Whether people are enrolled too depends on the plugin, which Moodle disables by default.
    (added,) = await admin.done("enrol_meta_add_instances", linked)
    (gone,) = await admin.done("enrol_meta_delete_instances", linked)
    assert (added["status"], gone["status"]) == (True, True)


async def test_roles_are_given_and_taken(admin: Live, own: Own) -> None:
    await enrolled(admin, own)
    role = {
        "roleid": own.student_role,
        "userid": own.users[0],
        "contextlevel": "course",
        "instanceid": own.other,
    }
    await admin.done("core_role_assign_roles", {"assignments": [role]})
    await admin.done("core_role_unassign_roles", {"unassignments": [role]})


async def test_categories_and_courses_are_made_changed_and_deleted(admin: Live, own: Own) -> None:
    category = {"name": f"{own.name} part", "parent": own.category}
    (part,) = await admin.done("core_course_create_categories", {"categories": [category]})
    renamed = {"id": part["id"], "name": f"{own.name} ренамед"}
    await admin.done("core_course_update_categories", {"categories": [renamed]})
    by_id = {"criteria": [{"key": "id", "value": str(part["id"])}]}
    (found,) = await admin.result("core_course_get_categories", by_id)
    assert found["name"] == renamed["name"]
    course = {
        "fullname": f"{own.name} third",
        "shortname": f"{own.name}-third",
        "categoryid": part["id"],
    }
    (made,) = await admin.done("core_course_create_courses", {"courses": [course]})
    changed = {"id": made["id"], "fullname": f"{own.name} drei"}
    await admin.done("core_course_update_courses", {"courses": [changed]})
    wanted = {"options": {"ids": [made["id"]]}}
    (found,) = await admin.result("core_course_get_courses", wanted)
    assert found["fullname"] == changed["fullname"]
    await admin.done("core_course_delete_courses", {"courseids": [made["id"]]})
    assert await admin.result("core_course_get_courses", wanted) == []
    gone = {"categories": [{"id": part["id"], "recursive": True}]}
    await admin.done("core_course_delete_categories", gone)
    assert await admin.result("core_course_get_categories", by_id) == []


async def test_groups_and_groupings(admin: Live, own: Own) -> None:
    await enrolled(admin, own)
    group = {"courseid": own.course, "name": f"{own.name} group", "description": ""}
    (made,) = await admin.done("core_group_create_groups", {"groups": [group]})
    changed = {"id": made["id"], "name": f"{own.name} Grüppchen"}
    await admin.done("core_group_update_groups", {"groups": [changed]})
    (found,) = await admin.result("core_group_get_groups", {"groupids": [made["id"]]})
    assert found["name"] == changed["name"]
    # Without an id number Moodle makes the grouping and then finds its own answer malformed.
    grouping = {
        "courseid": own.course,
        "name": f"{own.name} grouping",
        "description": "",
        "idnumber": own.name,
    }
    (holder,) = await admin.done("core_group_create_groupings", {"groupings": [grouping]})
    changed = {"id": holder["id"], "name": f"{own.name} renamed", "description": ""}
    await admin.done("core_group_update_groupings", {"groupings": [changed]})
    pair = {"groupingid": holder["id"], "groupid": made["id"]}
    await admin.done("core_group_assign_grouping", {"assignments": [pair]})
    wanted = {"groupingids": [holder["id"]], "returngroups": True}
    (found,) = await admin.result("core_group_get_groupings", wanted)
    assert (found["name"], found["groups"][0]["id"]) == (changed["name"], made["id"])
    await admin.done("core_group_unassign_grouping", {"unassignments": [pair]})
    both = [{"groupid": made["id"], "userid": user} for user in own.users[:2]]
    await admin.done("core_group_add_group_members", {"members": both})
    assert await members(admin, made["id"]) == own.users[:2]
    await admin.done("core_group_delete_group_members", {"members": both[:1]})
    assert await members(admin, made["id"]) == own.users[1:2]
    await admin.done("core_group_delete_groups", {"groupids": [made["id"]]})
    await admin.done("core_group_delete_groupings", {"groupingids": [holder["id"]]})
    left = await admin.found("core_group_get_course_groups", {"courseid": own.course})
    assert made["id"] not in [each["id"] for each in left]


async def test_cohorts(admin: Live, own: Own) -> None:
    place = {"type": "id", "value": str(own.category)}
    cohort = {"categorytype": place, "name": own.name, "idnumber": f"{own.name}-cohort"}
    (made,) = await admin.done("core_cohort_create_cohorts", {"cohorts": [cohort]})
    changed = {**cohort, "id": made["id"], "name": f"{own.name} Kohorte"}
    await admin.done("core_cohort_update_cohorts", {"cohorts": [changed]})
    (found,) = await admin.result("core_cohort_get_cohorts", {"cohortids": [made["id"]]})
    assert found["name"] == changed["name"]
    member = {
        "cohorttype": {"type": "id", "value": str(made["id"])},
        "usertype": {"type": "id", "value": str(own.users[0])},
    }
    await admin.done("core_cohort_add_cohort_members", {"members": [member]})
    wanted = {"cohortids": [made["id"]]}
    (found,) = await admin.result("core_cohort_get_cohort_members", wanted)
    assert found["userids"] == own.users[:1]
    gone = {"cohortid": made["id"], "userid": own.users[0]}
    await admin.done("core_cohort_delete_cohort_members", {"members": [gone]})
    (found,) = await admin.result("core_cohort_get_cohort_members", wanted)
    assert found["userids"] == []
    await admin.done("core_cohort_delete_cohorts", wanted)


async def test_events_notes_and_comments(admin: Live, own: Own) -> None:
    event = {"name": own.name, "timestart": int(time.time()) + DAY, "eventtype": "user"}
    made = await admin.done("core_calendar_create_calendar_events", {"events": [event]})
    number = made["events"][0]["id"]
    wanted = {"events": {"eventids": [number]}}
    events = await admin.found("core_calendar_get_calendar_events", wanted, "events")
    # Events of the user and of the site come along, whichever ids are asked for.
    assert {each["id"]: each["name"] for each in events}[number] == own.name
    gone = {"events": [{"eventid": number, "repeat": False}]}
    await admin.done("core_calendar_delete_calendar_events", gone)
    events = await admin.found("core_calendar_get_calendar_events", wanted, "events")
    assert number not in [each["id"] for each in events]

    await enrolled(admin, own)
    note = {
        "userid": own.users[0],
        "publishstate": "course",
        "courseid": own.course,
        "text": "Ärger?",
        "format": 1,
    }
    (made,) = await admin.done("core_notes_create_notes", {"notes": [note]})
    changed = {"id": made["noteid"], "publishstate": "course", "text": "Doch nicht", "format": 1}
    await admin.done("core_notes_update_notes", {"notes": [changed]})
    (found,) = await admin.found("core_notes_get_notes", {"notes": [made["noteid"]]}, "notes")
    assert "Doch nicht" in found["text"]
    await admin.done("core_notes_delete_notes", {"notes": [made["noteid"]]})

    comment = {
        "contextlevel": "course",
        "instanceid": own.course,
        "component": "block_comments",
        "content": "Prima",
        "itemid": 0,
        "area": "page_comments",
    }
    (said,) = await admin.done("core_comment_add_comments", {"comments": [comment]})
    place = {key: value for key, value in comment.items() if key != "content"}
    (found,) = await admin.found("core_comment_get_comments", place, "comments")
    assert (found["id"], "Prima" in found["content"]) == (said["id"], True)
    await admin.done("core_comment_delete_comments", {"comments": [said["id"]]})


async def test_messages(admin: Live, own: Own) -> None:
    message = {"touserid": own.users[0], "text": f"{own.name} eins", "textformat": 0}
    (sent,) = await admin.done("core_message_send_instant_messages", {"messages": [message]})
    talk = {
        "userid": admin.userid,
        "otheruserid": own.users[0],
        "includecontactrequests": False,
        "includeprivacyinfo": False,
    }
    number = (await admin.result("core_message_get_conversation_between_users", talk))["id"]
    assert number == sent["conversationid"]
    more = {"conversationid": number, "messages": [{"text": f"{own.name} zwei", "textformat": 0}]}
    await admin.done("core_message_send_messages_to_conversation", more)
    wanted = {"currentuserid": admin.userid, "convid": number}
    found = await admin.found("core_message_get_conversation_messages", wanted, "messages")
    assert [word for word in ("eins", "zwei") if word in str(found)] == ["eins", "zwei"]
    read = {"userid": admin.userid, "conversationid": number}
    await admin.done("core_message_mark_all_conversation_messages_as_read", read)
    notified = {"useridto": own.users[0]}
    await admin.tried("core_message_mark_all_notifications_as_read", notified)
    gone = {"userid": admin.userid, "conversationids": [number]}
    await admin.done("core_message_delete_conversations_by_id", gone)


async def test_grades_and_completion(admin: Live, own: Own) -> None:
    await enrolled(admin, own)
    category = {"fullname": f"{own.name} Teil"}
    given = {"courseid": own.course, "categories": [category]}
    made = await admin.done("core_grades_create_gradecategories", given)
    assert made["categoryids"]
    cmid = own.modules["assign"]["id"]
    given = {
        "source": "moodle-mcp",
        "courseid": own.course,
        "component": "mod_assign",
        "activityid": cmid,
        "itemnumber": 0,
        "grades": [{"studentid": own.users[0], "grade": 61.5}],
    }
    assert await admin.done("core_grades_update_grades", given) == 0
    wanted = {"courseid": own.course, "userid": own.users[0]}
    (report,) = await admin.found("gradereport_user_get_grade_items", wanted, "usergrades")
    assert 61.5 in [item["graderaw"] for item in report["gradeitems"]]
    await admin.tried("core_completion_mark_course_self_completed", {"courseid": own.course})
    state = {"userid": own.users[0], "cmid": cmid, "newstate": 1}
    await admin.tried("core_completion_override_activity_completion_status", state)
    manually = {"cmid": cmid, "completed": True}
    await admin.tried("core_completion_update_activity_completion_status_manually", manually)


async def test_assignments(admin: Live, own: Own) -> None:
    await enrolled(admin, own, *own.users, admin.userid)
    assign = own.modules["assign"]["instance"]
    mine = {"assignid": assign}
    await admin.tried("mod_assign_start_submission", mine)
    text: dict[str, Any] = {"text": "<p>Grün</p>", "format": 1, "itemid": 0}
    given = {"assignmentid": assign, "plugindata": {"onlinetext_editor": text}}
    await admin.tried("mod_assign_save_submission", given)
    given = {"assignmentid": assign, "acceptsubmissionstatement": True}
    await admin.tried("mod_assign_submit_for_grading", given)
    person = {"assignmentid": assign, "userids": own.users[:1]}
    await admin.done("mod_assign_lock_submissions", person)
    await admin.done("mod_assign_unlock_submissions", person)
    me = {"assignmentid": assign, "userids": [admin.userid]}
    await admin.tried("mod_assign_revert_submissions_to_draft", me)
    until = int(time.time()) + 30 * DAY
    await admin.tried("mod_assign_save_user_extensions", {**person, "dates": [until]})
    # Not the one for whom a claim leaves a comment: without plugindata Moodle can't grade him again.
    grade = {
        "userid": own.users[2],
        "grade": 42.0,
        "attemptnumber": -1,
        "addattempt": False,
        "workflowstate": "",
    }
    one = {"assignmentid": assign, "applytoall": False, **grade}
    await admin.done("mod_assign_save_grade", one)
    many = {"assignmentid": assign, "applytoall": False, "grades": [{**grade, "grade": 43.0}]}
    await admin.done("mod_assign_save_grades", many)
    wanted = {"assignmentids": [assign]}
    (found,) = await admin.found("mod_assign_get_grades", wanted, "assignments")
    given_to = {each["userid"]: float(each["grade"]) for each in found["grades"]}
    assert given_to[own.users[2]] == 43.0
    if admin.has("mod_assign_remove_submission"):
        given = {"userid": admin.userid, "assignid": assign}
        await admin.tried("mod_assign_remove_submission", given)


async def test_forums(admin: Live, own: Own) -> None:
    forum = own.modules["forum"]["instance"]
    subject = {"forumid": forum, "subject": f"{own.name} Thema", "message": "<p>Öl</p>"}
    talk = (await admin.done("mod_forum_add_discussion", subject))["discussionid"]
    posts = await admin.found("mod_forum_get_discussion_posts", {"discussionid": talk}, "posts")
    reply = {"postid": posts[0]["id"], "subject": "Re", "message": "<p>Ja</p>"}
    answer = (await admin.done("mod_forum_add_discussion_post", reply))["postid"]
    await admin.done("mod_forum_update_discussion_post", {"postid": answer, "message": "Nein"})
    posts = await admin.found("mod_forum_get_discussion_posts", {"discussionid": talk}, "posts")
    assert "Nein" in " ".join(post["message"] for post in posts)
    state = {"forumid": forum, "discussionid": talk}
    await admin.done("mod_forum_set_lock_state", {**state, "targetstate": 1})
    await admin.tried("mod_forum_set_subscription_state", {**state, "targetstate": True})
    await admin.done("mod_forum_delete_post", {"postid": answer})
    posts = await admin.found("mod_forum_get_discussion_posts", {"discussionid": talk}, "posts")
    assert answer not in [post["id"] for post in posts if not post["isdeleted"]]


async def test_quizzes_choices_drafts_and_modules(admin: Live, own: Own) -> None:
    await enrolled(admin, own, *own.users, admin.userid)
    override = {"userid": own.users[0], "timelimit": 1_200}
    data = {"quizid": own.modules["quiz"]["instance"], "overrides": [override]}
    if admin.has("mod_quiz_save_overrides"):
        await admin.done("mod_quiz_save_overrides", {"data": data})
    if "choice" in own.modules:
        choice = own.modules["choice"]["instance"]
        wanted = {"choiceid": choice}
        options = await admin.found("mod_choice_get_choice_options", wanted, "options")
        given = {**wanted, "responses": [options[0]["id"]]}
        await admin.tried("mod_choice_submit_choice_response", given)
    content = base64.b64encode("Größe".encode()).decode()
    draft = {
        "contextlevel": "user",
        "instanceid": admin.userid,
        "component": "user",
        "filearea": "draft",
        "itemid": 0,
        "filepath": "/",
        "filename": f"{own.name}.txt",
        "filecontent": content,
    }
    made = await admin.done("core_files_upload", draft)
    assert made["filename"] == draft["filename"]
    page = own.modules["page"]["id"]
    await admin.done("core_course_delete_modules", {"cmids": [page]})
    sections = await admin.found("core_course_get_contents", {"courseid": own.course})
    assert page not in [module["id"] for each in sections for module in each["modules"]]


async def test_no_write_of_the_profiles_was_left_out(admin: Live) -> None:
    every = {name for each in PROFILES for name in profile(each)}
    here = {name for name in every if name in admin.tools}
    writes = {name for name in here if not admin.catalogue.get(name).reads_only}
    if not admin.written & writes:
        pytest.skip("the tests before this one were not run")
    assert sorted(writes - admin.written - {"upload_file", "download_file"}) == []
