"""Releases and their functions."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from moodle_mcp.catalogue.loading import (
    BASE,
    RELEASES,
    Catalogue,
    Catalogues,
    Neighbours,
    component_of,
    load,
    neighbours,
)
from moodle_mcp.catalogue.model import Function, ListOf, Node, Value

OLD = load("4.5")
NEW = load("5.1")


@pytest.mark.parametrize(
    ("site", "releases"),
    [
        (None, "4.5"),
        ("", "4.5"),
        ("3.11.2 (Build: 20210729)", "4.1"),
        ("4.0", "4.1"),
        ("4.1", "4.1"),
        ("4.1+ (Build: 20221201)", "4.1"),
        ("4.2", "4.1 to 4.5"),
        ("4.4.9", "4.1 to 4.5"),
        ("4.5.6 (Build: 20250811)", "4.5"),
        ("4.10", "4.5 to 5.1"),
        ("5.0.3+ (Build: 20251003)", "4.5 to 5.1"),
        ("5.1", "5.1"),
        ("5.1.5", "5.1"),
        ("6.0", "5.1"),
        ("10.0", "5.1"),
        ("garbage", "4.5"),
        ("v5.1", "4.5"),
        ("5", "4.5"),
        ("None", "4.5"),
    ],
)
def test_a_site_is_described_by_its_release_or_by_both_neighbours(
    site: str | None, releases: str
) -> None:
    assert str(neighbours(site)) == releases


def test_a_function_is_parsed_only_when_it_is_asked_for() -> None:
    good = '{"component":"moodle","access":"read","params":{"keys":{}},"returns":null}'
    lines = {"good": good, "broken": "this is not JSON"}
    catalogue = Catalogue(Neighbours("4.5", "4.5"), lines, lines)
    assert (list(catalogue), len(catalogue), "broken" in catalogue) == (["good", "broken"], 2, True)
    assert catalogue.get("good") == Function("good", "moodle", label="read")
    assert catalogue.get("good") is catalogue.get("good")
    with pytest.raises(ValueError, match="Expecting value"):
        catalogue.get("broken")


@pytest.mark.parametrize("release", RELEASES)
def test_every_function_of_a_release_can_be_parsed(release: str) -> None:
    catalogue = load(release)
    for name in catalogue:
        function = catalogue.get(name)
        assert (function.name, function.typed) == (name, True)


def test_the_releases_have_as_many_functions_as_moodle() -> None:
    sizes = {release: len(load(release)) for release in RELEASES}
    assert sizes == {"4.1": 674, "4.5": 759, "5.1": 762}
    assert list(OLD) == sorted(OLD)


def test_what_went_and_what_came_with_the_newer_release() -> None:
    assert sorted(set(OLD) - set(NEW)) == snapshot(
        [
            "core_grades_get_enrolled_users_for_search_widget",
            "core_grades_get_groups_for_search_widget",
            "core_output_load_fontawesome_icon_map",
            "mod_chat_get_chat_latest_messages",
            "mod_chat_get_chat_users",
            "mod_chat_get_chats_by_courses",
            "mod_chat_get_session_messages",
            "mod_chat_get_sessions",
            "mod_chat_login_user",
            "mod_chat_send_chat_message",
            "mod_chat_view_chat",
            "mod_chat_view_sessions",
            "mod_survey_get_questions",
            "mod_survey_get_surveys_by_courses",
            "mod_survey_submit_answers",
            "mod_survey_view_survey",
            "report_insights_set_fixed_prediction",
            "report_insights_set_notuseful_prediction",
        ]
    )
    assert sorted(set(NEW) - set(OLD)) == snapshot(
        [
            "aiplacement_courseassist_explain_text",
            "core_ai_delete_provider_instance",
            "core_ai_set_provider_order",
            "core_ai_set_provider_status",
            "core_course_view_module_instance_list",
            "core_courseformat_get_overview_information",
            "core_courseformat_get_section_content_items",
            "core_courseformat_log_view_overview_information",
            "core_customfield_toggle_shared",
            "core_message_get_unsent_message",
            "core_message_set_default_notification",
            "core_message_set_unsent_message",
            "core_question_move_questions",
            "core_question_search_shared_banks",
            "editor_tiny_get_configuration",
            "login_token",
            "mod_forum_mark_posts_read",
            "mod_forum_set_forum_subscription",
            "mod_forum_set_forum_tracking",
            "mod_quiz_get_user_quiz_attempts",
            "tiny_media_preview",
        ]
    )


def test_a_function_that_went_is_untyped_in_the_newer_release() -> None:
    assert OLD.get("mod_chat_get_chats_by_courses").typed
    assert not NEW.get("mod_chat_get_chats_by_courses").typed


def paths(node: Node) -> set[str]:
    """The paths of all keys in a tree."""
    if isinstance(node, ListOf):
        return paths(node.item)
    if isinstance(node, Value):
        return set()
    inner = {f"{key}.{path}" for key, child in node.keys.items() for path in paths(child)}
    return set(node.keys) | inner


def test_the_parameters_that_only_one_release_has_are_in_that_ones_schema_only() -> None:
    changed = {
        name: {
            "4.5": sorted(paths(OLD.get(name).params) - paths(NEW.get(name).params)),
            "5.1": sorted(paths(NEW.get(name).params) - paths(OLD.get(name).params)),
        }
        for name in OLD
        if name in NEW and OLD.get(name).params != NEW.get(name).params
    }
    assert changed == snapshot(
        {
            "core_ai_set_action": {"4.5": [], "5.1": ["providerid"]},
            "customfield_number_recalculate_value": {
                "4.5": [],
                "5.1": ["area", "component", "itemid"],
            },
            "enrol_manual_unenrol_users": {"4.5": ["enrolments.roleid"], "5.1": []},
            "mod_choice_get_choice_results": {"4.5": [], "5.1": ["groupid"]},
            "mod_glossary_get_entries_to_approve": {"4.5": [], "5.1": []},
            "tiny_equation_filter": {"4.5": [], "5.1": ["striptags"]},
        }
    )


def test_the_newer_release_keeps_the_types_and_labels_of_the_first() -> None:
    old, new = OLD.get("enrol_manual_enrol_users"), NEW.get("enrol_manual_enrol_users")
    assert old == new
    assert NEW.get("core_ai_set_action").label == OLD.get("core_ai_set_action").label == "write"


def test_a_function_new_in_a_poorer_export_has_no_label() -> None:
    assert NEW.get("mod_quiz_get_user_quiz_attempts").label is None


@pytest.mark.parametrize(
    ("name", "component"),
    [
        ("local_shop_get_orders", "local_shop"),
        ("core_something_new", "moodle"),
        ("odd", "odd_"),
        ("", "_"),
    ],
)
def test_an_unknown_name_is_an_untyped_function(name: str, component: str) -> None:
    assert name not in OLD
    assert OLD.get(name) == Function(name, component=component, typed=False)
    assert component_of(name) == component


def test_an_unknown_release_is_refused() -> None:
    with pytest.raises(ValueError, match="not in"):
        load("4.4")


def test_a_site_that_tells_its_release_later_needs_no_second_catalogue() -> None:
    catalogues = Catalogues()
    assert catalogues.of(None) is catalogues.of(f"{BASE}.6 (Build: 20250811)")
