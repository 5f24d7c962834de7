"""What the descriptions say of cohorts, groups, messages, notes and the calendar."""

from __future__ import annotations

import time

import pytest

from tests.live.claims import (
    DAY,
    NOWHERE,
    enrolled,
    new_course,
    new_group,
    new_person,
    refusal,
)
from tests.support.live import Live
from tests.support.live_things import Own
from tests.support.live_world import World

pytestmark = pytest.mark.anyio


async def new_cohort(live: Live, own: Own, tail: str) -> int:
    given = {
        "name": f"{own.name} {tail}",
        "idnumber": f"{own.name}-{tail}",
        "description": "Kept?",
        "categorytype": {"type": "id", "value": str(own.category)},
    }
    (made,) = await live.result("core_cohort_create_cohorts", {"cohorts": [given]})
    return made["id"]


async def test_adding_to_a_cohort_again_is_harmless(admin: Live, own: Own) -> None:
    cohort = await new_cohort(admin, own, "again")
    member = {
        "cohorttype": {"type": "id", "value": str(cohort)},
        "usertype": {"type": "id", "value": str(own.users[0])},
    }
    for _ in range(2):
        outcome = await admin.outcome("core_cohort_add_cohort_members", {"members": [member]})
        assert outcome.fault is None
    wanted = {"cohortids": [cohort]}
    (found,) = await admin.result("core_cohort_get_cohort_members", wanted)
    assert found["userids"] == own.users[:1]


async def test_an_update_of_a_cohort_empties_the_id_number(admin: Live, own: Own) -> None:
    cohort = await new_cohort(admin, own, "update")
    place = {"type": "id", "value": str(own.category)}
    given = {"id": cohort, "name": "new", "idnumber": "", "categorytype": place}
    await admin.result("core_cohort_update_cohorts", {"cohorts": [given]})
    (found,) = await admin.result("core_cohort_get_cohorts", {"cohortids": [cohort]})
    assert (found["name"], found["idnumber"], found["description"]) == ("new", "", "Kept?")


async def test_an_unknown_cohort_is_left_out(admin: Live, own: Own) -> None:
    cohort = await new_cohort(admin, own, "known")
    found = await admin.result("core_cohort_get_cohorts", {"cohortids": [cohort, NOWHERE]})
    assert [each["id"] for each in found] == [cohort]


async def test_a_course_has_no_cohorts_of_its_own(admin: Live, own: Own) -> None:
    await new_cohort(admin, own, "search")
    name = f"{own.name} search"
    numbers: dict[str, int] = {}
    for includes in ("self", "parents"):
        context = {"contextlevel": "course", "instanceid": own.course}
        wanted = {"query": name, "context": context, "includes": includes}
        found = await admin.found("core_cohort_search_cohorts", wanted, "cohorts")
        numbers[includes] = len(found)
    assert numbers == {"self": 0, "parents": 1}


async def test_a_group_takes_participants_only(admin: Live, own: Own) -> None:
    course = await new_course(admin, own, "group")
    group = await new_group(admin, course, "group")
    given = {"members": [{"groupid": group, "userid": own.users[0]}]}
    assert await refusal(admin, "core_group_add_group_members", given) != ""


async def test_a_taken_name_of_a_group_is_refused(admin: Live, own: Own) -> None:
    await new_group(admin, own.other, "taken")
    given = {"courseid": own.other, "name": "taken", "description": ""}
    assert await refusal(admin, "core_group_create_groups", {"groups": [given]}) != ""


async def test_a_grouping_without_an_id_number_is_made_though_the_call_fails(
    admin: Live, own: Own
) -> None:
    given = {"courseid": own.other, "name": "unnumbered", "description": ""}
    await refusal(admin, "core_group_create_groupings", {"groupings": [given]})
    found = await admin.found("core_group_get_course_groupings", {"courseid": own.other})
    assert "unnumbered" in {each["name"] for each in found}


async def test_an_update_of_a_group_keeps_what_is_left_out(admin: Live, own: Own) -> None:
    group = await new_group(admin, own.other, "kept", idnumber=f"{own.name}-group")
    given = {"groups": [{"id": group, "name": "renamed"}]}
    await admin.result("core_group_update_groups", given)
    found = await admin.found("core_group_get_course_groups", {"courseid": own.other})
    (kept,) = [each for each in found if each["id"] == group]
    assert (kept["name"], kept["idnumber"]) == ("renamed", f"{own.name}-group")


async def test_students_do_not_list_the_groups_of_a_course(student: Live, world: World) -> None:
    (course, *_) = await student.result("core_enrol_get_users_courses", {"userid": student.userid})
    given = {"courseid": course["id"]}
    code = await refusal(student, "core_group_get_course_groups", given)
    assert code == "nopermissions"


async def test_a_group_of_another_course_enters_a_grouping(admin: Live, own: Own) -> None:
    group = await new_group(admin, own.course, "stranger")
    given = {"courseid": own.other, "name": "mixed", "description": "", "idnumber": own.name}
    (holder,) = await admin.result("core_group_create_groupings", {"groupings": [given]})
    pair = {"groupingid": holder["id"], "groupid": group}
    assert await admin.result("core_group_assign_grouping", {"assignments": [pair]}) is None


@pytest.mark.parametrize(
    ("name", "key"),
    [("core_group_delete_groups", "groupids"), ("core_group_delete_groupings", "groupingids")],
)
async def test_deleting_what_does_not_exist_is_no_error(admin: Live, name: str, key: str) -> None:
    assert await admin.result(name, {key: [NOWHERE]}) is None


async def test_an_unknown_recipient_has_msgid_minus_1(admin: Live) -> None:
    message = {"touserid": NOWHERE, "text": "x", "textformat": 2}
    outcome = await admin.outcome("core_message_send_instant_messages", {"messages": [message]})
    assert outcome.fault is not None


@pytest.mark.parametrize(("text", "fits"), [("x" * 4_096, True), ("ä" * 2_049, False)])
async def test_a_message_has_4096_bytes(admin: Live, own: Own, text: str, fits: bool) -> None:
    message = {"touserid": own.users[1], "text": text, "textformat": 2}
    outcome = await admin.outcome("core_message_send_instant_messages", {"messages": [message]})
    assert (outcome.fault is None) is fits


async def test_people_who_never_wrote_have_no_conversation(admin: Live, own: Own) -> None:
    person = await new_person(admin, own, "silent")
    given = {
        "userid": admin.userid,
        "otheruserid": person,
        "includecontactrequests": False,
        "includeprivacyinfo": False,
    }
    code = await refusal(admin, "core_message_get_conversation_between_users", given)
    assert code == "errorconversationdoesnotexist"


async def test_reading_messages_leaves_them_unread(admin: Live, own: Own) -> None:
    message = {"touserid": own.users[2], "text": "unread", "textformat": 2}
    (sent,) = await admin.result("core_message_send_instant_messages", {"messages": [message]})
    read = {"currentuserid": own.users[2], "convid": sent["conversationid"]}
    await admin.result("core_message_get_conversation_messages", read)
    wanted = {"userid": own.users[2]}
    found = await admin.found("core_message_get_conversations", wanted, "conversations")
    assert [each["unreadcount"] for each in found if each["id"] == sent["conversationid"]] == [1]


async def test_no_user_has_the_id_0_in_conversations(admin: Live) -> None:
    assert await refusal(admin, "core_message_get_conversations", {"userid": 0}) != ""


async def test_writing_a_note_again_writes_another(admin: Live, own: Own) -> None:
    await enrolled(admin, own)
    note = {
        "userid": own.users[1],
        "publishstate": "course",
        "courseid": own.course,
        "text": "again",
        "format": 1,
    }
    made: list[int] = []
    for _ in range(2):
        (result,) = await admin.result("core_notes_create_notes", {"notes": [note]})
        made.append(result["noteid"])
    assert len(set(made)) == 2
    await admin.result("core_notes_delete_notes", {"notes": made})


async def test_calendar_entries_of_courses_need_courseids(admin: Live, own: Own) -> None:
    past = {
        "name": f"{own.name} past",
        "eventtype": "course",
        "courseid": own.course,
        "timestart": int(time.time()) - 30 * DAY,
    }
    made = await admin.result("core_calendar_create_calendar_events", {"events": [past]})
    number = made["events"][0]["id"]
    seen: dict[str, bool] = {}
    for name, arguments in {
        "nothing": {},
        "courseids": {"events": {"courseids": [own.course]}},
        "timestart": {
            "events": {"courseids": [own.course]},
            "options": {"timestart": int(time.time())},
        },
    }.items():
        found = await admin.found("core_calendar_get_calendar_events", arguments, "events")
        seen[name] = number in {each["id"] for each in found}
    assert seen == {"nothing": False, "courseids": True, "timestart": False}


async def test_adding_a_calendar_entry_again_adds_another(admin: Live, own: Own) -> None:
    event = {"name": own.name, "eventtype": "user", "timestart": int(time.time()) + DAY}
    made: list[int] = []
    for _ in range(2):
        result = await admin.result("core_calendar_create_calendar_events", {"events": [event]})
        made += [each["id"] for each in result["events"]]
    assert len(set(made)) == 2
    gone = [{"eventid": number, "repeat": False} for number in made]
    await admin.result("core_calendar_delete_calendar_events", {"events": gone})


async def test_repeats_is_the_number_of_entries_in_all(admin: Live, own: Own) -> None:
    event = {"name": own.name, "eventtype": "user", "timestart": int(time.time()), "repeats": 3}
    made = await admin.result("core_calendar_create_calendar_events", {"events": [event]})
    first = made["events"][0]["id"]
    found = await admin.found("core_calendar_get_calendar_events", {}, "events")
    numbers = [each["id"] for each in found if each["repeatid"] == first]
    gone = [{"eventid": first, "repeat": True}]
    await admin.result("core_calendar_delete_calendar_events", {"events": gone})
    found = await admin.found("core_calendar_get_calendar_events", {}, "events")
    left = [each["id"] for each in found if each["id"] in numbers]
    assert (len(numbers), left) == (3, [])


async def test_what_is_due_in_a_course_needs_an_enrolment(admin: Live, own: Own) -> None:
    course = await new_course(admin, own, "due")
    given = {"courseid": course}
    name = "core_calendar_get_action_events_by_course"
    assert await refusal(admin, name, given) == "invalidresponse"


@pytest.mark.parametrize(("number", "works"), [(50, True), (51, False)])
async def test_due_dates_come_50_at_a_time(admin: Live, number: int, works: bool) -> None:
    given = {"limitnum": number}
    outcome = await admin.outcome("core_calendar_get_action_events_by_timesort", given)
    assert (outcome.fault is None) is works


async def test_notes_that_do_not_exist_are_told(admin: Live) -> None:
    outcome = await admin.outcome("core_notes_delete_notes", {"notes": [NOWHERE]})
    assert outcome.fault is not None
