"""Effects of writes on the demo site, and of one invalid item in a list."""

from __future__ import annotations

from typing import Any

import pytest

from moodle_mcp.demo import STUDENT_TOKEN, TEACHER_TOKEN
from tests.demo.transactions import TRANSACTIONS, USER
from tests.support.demo import Demo
from tests.support.demo_client import Wire
from tests.support.serving import NOW


@pytest.mark.parametrize("function", TRANSACTIONS)
def test_a_bad_item_rolls_the_whole_call_back(function: str, demo: Demo, wire: Wire) -> None:
    before = demo.site.world.snapshot()
    params = TRANSACTIONS[function]
    assert "errorcode" in wire.call(function, **params)
    assert demo.site.world.snapshot() == before
    good = {name: items[:1] for name, items in params.items()}
    answer = wire.call(function, **good)
    assert answer is None or "errorcode" not in answer
    assert demo.site.world.snapshot() != before


def test_messages_before_the_bad_one_are_sent_and_those_after_it_are_not(
    demo: Demo, wire: Wire
) -> None:
    count = len(demo.site.world.messages)
    items = [{"touserid": user, "text": "m"} for user in (5, 999_999, 6)]
    assert wire.call("core_message_send_instant_messages", messages=items) == {
        "exception": "core\\exception\\moodle_exception",
        "errorcode": "formatnotsupported",
        "message": "webservice/formatnotsupported",
    }
    assert len(demo.site.world.messages) == count + 1


def test_the_good_items_of_a_per_item_write_are_done(demo: Demo, wire: Wire) -> None:
    answer = wire.call(
        "core_course_update_courses",
        courses=[
            {"id": 2, "fullname": "Renamed"},
            {"id": 3, "shortname": "PHY101"},
            {"id": 4, "summary": "New"},
        ],
    )
    assert [(each["itemid"], each["warningcode"]) for each in answer["warnings"]] == [
        (3, "shortnametaken")
    ]
    courses = demo.site.world.courses
    assert (courses[2].fullname, courses[4].summary, courses[2].modified) == ("Renamed", "New", NOW)


def test_a_deleted_course_takes_its_content_and_enrolments_with_it(demo: Demo, wire: Wire) -> None:
    assert wire.call("core_course_delete_courses", courseids=[2]) == {"warnings": []}
    world = demo.site.world
    assert not any(2 in pair[:1] for pair in world.enrolments)
    assert not world.modules_of(2)
    names = [each["shortname"] for each in wire.call("core_enrol_get_users_courses", userid=4)]
    assert "BIO101" not in names


@pytest.mark.parametrize("users", [None, "0", "1"])
def test_a_copy_of_a_course_has_its_people_unless_they_are_declined(
    users: str | None, demo: Demo, wire: Wire
) -> None:
    options = [] if users is None else [{"name": "users", "value": users}]
    given: dict[str, Any] = {
        "courseid": 2,
        "fullname": "Copy",
        "shortname": "COPY",
        "categoryid": 1,
    }
    copy = wire.call("core_course_duplicate_course", **given, options=options)["id"]
    world = demo.site.world
    of_original = len(world.enrolled(2)), [len(each.members) for each in world.groups_of(2)]
    of_copy = len(world.enrolled(copy)), [len(each.members) for each in world.groups_of(copy)]
    assert of_copy == ((0, [0, 0]) if users == "0" else of_original)
    assert [each.name for each in world.modules_of(copy)] == [
        each.name for each in world.modules_of(2)
    ]
    assert len({each.instance for each in world.modules.values() if each.modname == "assign"}) == (
        sum(each.modname == "assign" for each in world.modules.values())
    )
    again = wire.call("core_course_duplicate_course", **given)
    assert again["errorcode"] == "shortnametaken"


def test_only_students_of_the_course_submit(demo: Demo, wire: Wire) -> None:
    world = demo.site.world
    assign = next(each for each in world.modules_of(2, "assign") if each.duedate > world.now)
    editor = {"onlinetext_editor": {"text": "Mine", "format": 1, "itemid": 0}}
    given: dict[str, Any] = {"assignmentid": assign.instance, "plugindata": editor}
    (refused,) = wire.call("mod_assign_save_submission", token=TEACHER_TOKEN, **given)
    assert refused["warningcode"] == "couldnotsavesubmission"
    for _ in range(2):
        assert wire.call("mod_assign_save_submission", token=STUDENT_TOKEN, **given) == []
    found = [each for each in world.submissions.values() if each.assignment == assign.instance]
    assert [(each.user, each.text) for each in found] == [(4, "Mine")]


def test_messages_are_read_by_those_who_sent_or_got_them(wire: Wire) -> None:
    given: dict[str, Any] = {"useridto": 4, "useridfrom": 3, "type": "conversations", "read": 0}
    for token in (STUDENT_TOKEN, TEACHER_TOKEN):
        (message,) = wire.call("core_message_get_messages", token=token, **given)["messages"]
        assert message["fullmessage"] == "Your lab report was good."
    others = {**given, "useridto": 5, "useridfrom": 6}
    refused = wire.call("core_message_get_messages", token=STUDENT_TOKEN, **others)
    assert refused["errorcode"] == "nopermissions"


def test_a_deleted_user_is_gone_from_courses_groups_and_cohorts(demo: Demo, wire: Wire) -> None:
    assert wire.call("core_user_delete_users", userids=[4]) is None
    world = demo.site.world
    assert world.user(4) is None
    assert not world.enrolments_of(4)
    assert not any(4 in group.members for group in world.groups.values())
    assert not any(4 in cohort.members for cohort in world.cohorts.values())


def test_enrolling_twice_leaves_one_enrolment_with_both_roles(demo: Demo, wire: Wire) -> None:
    for role in (5, 4, 5):
        item = {"roleid": role, "userid": 40, "courseid": 3}
        assert wire.call("enrol_manual_enrol_users", enrolments=[item]) is None
    assert demo.site.world.enrolments[3, 40].roles == (4, 5)


def test_a_created_course_can_be_read_and_changed(wire: Wire) -> None:
    course = {"fullname": "Botany", "shortname": "BOT", "categoryid": 2, "visible": 0}
    (created,) = wire.call("core_course_create_courses", courses=[course])
    by_field = wire.call("core_course_get_courses_by_field", field="shortname", value="BOT")
    (found,) = by_field["courses"]
    assert (found["id"], found["fullname"], found["visible"]) == (created["id"], "Botany", 0)
    assert len(wire.call("core_course_get_contents", courseid=created["id"])) == 5


def test_a_saved_grade_shows_in_the_assignment_and_in_the_gradebook(wire: Wire) -> None:
    params: dict[str, Any] = {
        "assignmentid": 1, "userid": 4, "grade": 91.5, "attemptnumber": -1, "addattempt": 0,
        "workflowstate": "", "applytoall": 0,
        "plugindata": {"assignfeedbackcomments_editor": {"text": "Good", "format": 1}},
    }  # fmt: skip
    assert wire.call("mod_assign_save_grade", token=TEACHER_TOKEN, **params) is None
    (report,) = wire.call(
        "gradereport_user_get_grade_items", token=STUDENT_TOKEN, courseid=2, userid=4
    )["usergrades"]
    item = next(each for each in report["gradeitems"] if each["itemmodule"] == "assign")
    assert (item["graderaw"], item["feedback"]) == (91.5, "Good")
    (grades,) = wire.call("mod_assign_get_grades", assignmentids=[1])["assignments"]
    assert "91.50000" in [each["grade"] for each in grades["grades"] if each["userid"] == 4]


def test_extensions_need_lists_of_equal_length(demo: Demo, wire: Wire) -> None:
    def extend(users: list[int], dates: list[int]) -> Any:
        return wire.call(
            "mod_assign_save_user_extensions", assignmentid=1, userids=users, dates=dates
        )

    later = NOW + 86_400
    (unequal,) = extend([4, 5], [later])
    (stranger,) = extend([4, 999_999], [later, later])
    assert (unequal["warningcode"], stranger["warningcode"]) == (
        "invalidparameters", "couldnotgrantextensions",
    )  # fmt: skip
    assert demo.site.world.extensions == {(1, 4): later}


@pytest.mark.parametrize(
    ("function", "params", "errorcode"),
    [
        ("core_user_create_users", TRANSACTIONS["core_user_create_users"], "nopermissions"),
        ("enrol_manual_enrol_users",
         {"enrolments": [{"roleid": 5, "userid": 30, "courseid": 2}]}, "nopermissions"),
        ("core_group_get_course_groups", {"courseid": 2}, "nopermissions"),
        ("core_course_get_contents", {"courseid": 13}, "errorcoursecontextnotvalid"),
        ("core_cohort_get_cohorts", {}, "nopermissions"),
        ("gradereport_user_get_grade_items", {"courseid": 2}, "nopermissions"),
    ],
)  # fmt: skip
def test_a_student_may_not(
    function: str, params: dict[str, Any], errorcode: str, demo: Demo, wire: Wire
) -> None:
    before = demo.site.world.snapshot()
    assert wire.call(function, token=STUDENT_TOKEN, **params)["errorcode"] == errorcode
    assert demo.site.world.snapshot() == before


def test_what_a_student_has_to_do_next_is_in_the_order_of_its_due_dates(wire: Wire) -> None:
    params: dict[str, Any] = {"timesortfrom": NOW, "limitnum": 3}
    answer = wire.call("core_calendar_get_action_events_by_timesort", token=STUDENT_TOKEN, **params)
    due = [each["timesort"] for each in answer["events"]]
    assert len(due) == 3
    assert due == sorted(due)
    assert due[0] >= NOW
    ids = [each["id"] for each in answer["events"]]
    assert (answer["firstid"], answer["lastid"]) == (ids[0], ids[-1])
    after = wire.call(
        "core_calendar_get_action_events_by_timesort",
        token=STUDENT_TOKEN, aftereventid=ids[0], **params,
    )  # fmt: skip
    assert [each["id"] for each in after["events"]][:2] == ids[1:]


USERS: dict[str, tuple[dict[str, Any], bool]] = {
    "nothing unusual": ({}, True),
    "a user name that is taken": ({"username": "student1"}, False),
    "an e-mail that is taken": ({"email": "STUDENT1@college.example"}, False),
    "a user name with capitals": ({"username": "ANNA"}, False),
    "a user name with a space": ({"username": "an na"}, False),
    "a user name with umlauts": ({"username": "änna"}, False),
    "a weak password": ({"password": "weak"}, False),
    "no password": ({"password": ""}, False),
    "an e-mail without a host": ({"email": "no-mail"}, False),
    "an e-mail without a top level": ({"email": "a@example"}, False),
    "a space before an e-mail": ({"email": " a@example.org"}, False),
    "no first name": ({"firstname": ""}, False),
    "tags in a first name": ({"firstname": "<b>x</b>"}, False),
    "spaces around a first name": ({"firstname": " x "}, True),
    "a bracket in a city": ({"city": "a <b"}, False),
    "a country's name": ({"country": "Germany"}, True),
    "a digit in a country's code": ({"country": "D3"}, False),
    "a language that is not installed": ({"lang": "de"}, False),
    "no language": ({"lang": ""}, False),
    "a theme that is not installed": ({"theme": "nope"}, False),
    "a theme that is installed": ({"theme": "boost"}, True),
    "an authentication plugin that is not installed": ({"auth": "nope"}, False),
    "a calendar type that is not installed": ({"calendartype": "nope"}, True),
    "a time zone that does not exist": ({"timezone": "Mars/Phobos"}, True),
    "a time zone with a plus sign": ({"timezone": "Etc/GMT+1"}, False),
}


@pytest.mark.parametrize("case", USERS)
def test_users_are_created_or_refused_as_on_a_real_site(wire: Wire, case: str) -> None:
    """As observed on 4.5.6 with the same values."""
    changes, taken = USERS[case]
    user = USER | {"username": "new1", "email": "new1@example.com"} | changes
    assert isinstance(wire.call("core_user_create_users", users=[user]), list) == taken


def test_a_country_that_is_none_is_stored_as_none_without_a_word(wire: Wire) -> None:
    """As observed on 4.5.6: also what was there before is gone."""
    user = USER | {"username": "new1", "email": "new1@example.com", "country": "FR"}
    (created,) = wire.call("core_user_create_users", users=[user])
    changes = [{"id": created["id"], "country": "Germany"}]
    assert wire.call("core_user_update_users", users=changes) == {"warnings": []}
    (found,) = wire.call("core_user_get_users_by_field", field="id", values=[created["id"]])
    assert not found.get("country")
