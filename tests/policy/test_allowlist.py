"""Parsing of MOODLE_MCP_TOOLS."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.loading import load
from moodle_mcp.errors import SettingsError
from moodle_mcp.policy.allowlist import FILE_TOOLS, PROFILES, parse_allowlist, profile
from moodle_mcp.policy.policy import Policy

KNOWN = list(load())


def named(text: str) -> list[str]:
    return [name for name in KNOWN if names(text, name)]


def names(text: str, name: str) -> bool:
    return Policy(parse_allowlist(text, KNOWN), Access.READ).names(name)


def test_all_is_every_function() -> None:
    assert named("all") == KNOWN


def test_a_name_is_that_function_alone() -> None:
    assert named("core_course_get_contents") == ["core_course_get_contents"]


def test_a_glob_takes_what_it_matches() -> None:
    assert named("enrol_manual_*") == ["enrol_manual_enrol_users", "enrol_manual_unenrol_users"]


@pytest.mark.parametrize(
    "text",
    ["all,-core_course_get_contents", "-core_course_get_contents all", "core_course_*, -*_get_*"],
)
def test_exclusion_beats_inclusion_in_any_order(text: str) -> None:
    names = named(text)
    assert names
    assert "core_course_get_contents" not in names


def test_an_excluded_profile_is_taken_out() -> None:
    assert set(named("all,-default")) == set(KNOWN) - profile("default")


@pytest.mark.parametrize("name", FILE_TOOLS)
def test_our_own_tools_are_named_and_excluded_as_functions_are(name: str) -> None:
    assert names("default,download_*,upload_*", name)
    assert names(name, name)
    assert names("all", name)
    assert not names(f"all,-{name}", name)
    assert not names("core_*", name)


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_names_functions_that_exist(name: str) -> None:
    assert profile(name) <= {*KNOWN, *FILE_TOOLS}


@pytest.mark.parametrize(
    "name",
    [
        "Core_course_get_contents",
        "core_course_get_contents ",
        " core_course_get_contents",
        "core_course_get_contents\n",
        "core_course_get_contents&wsfunction=core_user_delete_users",
        "core_course_get_content",
        "*",
        "",
    ],
)
def test_what_is_not_exactly_the_name_is_not_named(name: str) -> None:
    assert not names("core_course_get_contents", name)


def test_a_plugins_function_may_be_named_though_the_catalogue_does_not_know_it() -> None:
    assert names("local_shop_get_orders,mod_hvp_*", "local_shop_get_orders")
    assert names("local_shop_get_orders,mod_hvp_*", "mod_hvp_get_results")


@pytest.mark.parametrize(
    "text",
    [
        "core_course_get_content",
        "core_cuorse_*",
        "defualt",
        "core_course_get_contents;all",
        "",
        "-all",
        "zzzzzzzzzzzz",
        # A component that is nearly one of Moodle's, and one of a single word.
        "mod_quizz_get_attempts",
        "local",
    ],
)
def test_what_names_nothing_stops_the_start_with_the_nearest_names(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_allowlist(text, KNOWN)
    messages = snapshot(
        {
            "core_course_get_content": "MOODLE_MCP_TOOLS: core_course_get_content matches no Moodle function; did you mean core_course_get_contents or core_course_get_courses or core_course_get_module?",
            "core_cuorse_*": "MOODLE_MCP_TOOLS: core_cuorse_* matches no Moodle function; did you mean core_course_get_module or core_course_view_course or core_course_get_courses?",
            "core_course_get_contents;all": "MOODLE_MCP_TOOLS: 'core_course_get_contents;all' is not a function name or glob",
            "": "MOODLE_MCP_TOOLS includes nothing: name a profile, functions or all",
            "-all": "MOODLE_MCP_TOOLS includes nothing: name a profile, functions or all",
            "defualt": "MOODLE_MCP_TOOLS: defualt matches no Moodle function; did you mean default?",
            "zzzzzzzzzzzz": "MOODLE_MCP_TOOLS: zzzzzzzzzzzz matches no Moodle function",
            "mod_quizz_get_attempts": "MOODLE_MCP_TOOLS: mod_quizz_get_attempts matches no Moodle function; did you mean mod_quiz_get_user_attempts or mod_quiz_get_attempt_data or mod_quiz_get_attempt_summary?",
            "local": "MOODLE_MCP_TOOLS: local matches no Moodle function",
        }
    )
    assert str(caught.value) == messages[text]


def test_a_question_mark_stands_for_one_sign() -> None:
    assert named("core_course_get_content?") == ["core_course_get_contents"]
    assert named("all,-core_course_get_content?") == [
        name for name in KNOWN if name != "core_course_get_contents"
    ]


def test_a_plugin_is_named_by_a_glob_for_one_sign_or_for_all_of_a_type() -> None:
    assert names("local_shop_get_order?", "local_shop_get_orders")
    assert names("local_*", "local_shop_get_orders")
    assert not names("local_shop_get_order?", "local_shop_get_order")
