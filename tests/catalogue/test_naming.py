"""Tools' names and texts."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.catalogue.loading import RELEASES, load
from moodle_mcp.catalogue.model import Function, FunctionText
from moodle_mcp.catalogue.naming import MAX_TOOL_NAME, description, tool_name

ALL = sorted({name for release in RELEASES for name in load(release)})


def test_tool_names_are_unique_short_and_plain() -> None:
    names = [tool_name(name) for name in ALL]
    assert len(set(names)) == len(ALL)
    assert [name for name in names if not re.fullmatch(r"[a-z0-9_]{1,51}", name)] == []


def test_only_the_nine_long_names_are_shortened() -> None:
    assert {name: tool_name(name) for name in ALL if tool_name(name) != name} == snapshot(
        {
            "core_auth_is_age_digital_consent_verification_enabled": "core_auth_is_age_digital_consent_verificat_55bd22c6",
            "core_competency_request_review_of_user_evidence_linked_competencies": "core_competency_request_review_of_user_evi_86d9a108",
            "core_competency_user_competency_cancel_review_request": "core_competency_user_competency_cancel_rev_96962109",
            "core_completion_update_activity_completion_status_manually": "core_completion_update_activity_completion_5f4a8832",
            "core_course_get_enrolled_courses_by_timeline_classification": "core_course_get_enrolled_courses_by_timeli_d48b7968",
            "core_course_get_enrolled_courses_with_action_events_by_timeline_classification": "core_course_get_enrolled_courses_with_acti_ed078db8",
            "core_course_remove_content_item_from_user_favourites": "core_course_remove_content_item_from_user__5cb0fed3",
            "gradereport_singleview_get_grade_items_for_search_widget": "gradereport_singleview_get_grade_items_for_ed0a9468",
            "message_airnotifier_are_notification_preferences_configured": "message_airnotifier_are_notification_prefe_3f60dae7",
        }
    )


@given(st.text(st.sampled_from("abc_"), min_size=MAX_TOOL_NAME + 1, max_size=80))
def test_a_long_name_is_cut_to_the_limit_and_keeps_its_beginning(name: str) -> None:
    shortened = tool_name(name)
    assert len(shortened) == MAX_TOOL_NAME
    assert shortened[:40] == name[:40]
    assert tool_name(name + "x") != shortened


def described(function: Function) -> str:
    return description(replace(function, text=FunctionText()))


def test_without_a_text_of_ours_a_description_is_made_from_the_name_and_what_it_does() -> None:
    names = [
        "core_course_get_contents",
        "enrol_manual_enrol_users",
        "core_competency_request_review_of_user_evidence_linked_competencies",
        "core_grades_get_enrolled_users_for_search_widget",
        "local_shop_get_orders",
    ]
    assert {name: described(load().get(name)) for name in names} == snapshot(
        {
            "core_course_get_contents": "Get contents (core_course). Needs moodle/course:update, moodle/course:viewhiddencourses.",
            "enrol_manual_enrol_users": "Enrol users (enrol_manual). Changes data. Needs enrol/manual:enrol.",
            "core_competency_request_review_of_user_evidence_linked_competencies": "core_competency_request_review_of_user_evidence_linked_competencies: Request review of user evidence linked competencies (core_competency). Changes data. Needs moodle/competency:userevidencemanageown.",
            "core_grades_get_enrolled_users_for_search_widget": "Get enrolled users for search widget (core_grades). Deprecated by Moodle.",
            "local_shop_get_orders": "Get orders (local_shop). This server does not know its parameters; use the names in the site's own API documentation.",
        }
    )


def test_a_text_of_ours_stands_first_and_the_full_name_before_it_where_it_was_cut() -> None:
    text = FunctionText("Does it.")
    assert description(Function("core_x_y", text=text)).startswith("Does it.")
    long = Function(f"core_{'x' * 60}", text=text)
    assert description(long).startswith(f"{long.name}: Does it.")


def test_every_function_has_a_description() -> None:
    catalogue = load()
    for name in catalogue:
        text = description(catalogue.get(name))
        assert text.isprintable()
        assert 5 < len(text) < 2000
