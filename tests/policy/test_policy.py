"""The policy on the whole catalogue, and the classification of functions."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from moodle_mcp.catalogue.classification import BY_FULL_NAME_ONLY, Access, Classifications
from moodle_mcp.catalogue.loading import RELEASES, load
from moodle_mcp.catalogue.model import Function
from moodle_mcp.errors import CallError, Delivery, Kind
from moodle_mcp.policy.allowlist import PROFILES, profile
from moodle_mcp.policy.policy import Decision
from tests.support.serving import policy

CATALOGUE = load()
ALL = [CATALOGUE.get(name) for name in CATALOGUE]
TABLE = Classifications()

# Named in what was observed on a real site, though Moodle labels them read.
CHANGES_SOMETHING = (
    "core_backup_submit_copy_form",
    "core_competency_create_user_evidence_competency",
    "core_course_set_favourite_courses",
    "core_moodlenet_send_course",
    "core_moodlenet_send_activity",
    "tool_usertours_fetch_and_start_tour",
    "core_blog_view_entries",
    "mod_lti_view_lti",
)
HANDS_OUT_KEYS = (
    "tool_mobile_get_tokens_for_qr_login",
    "tool_mobile_get_autologin_key",
    "core_calendar_get_calendar_export_token",
    "mod_lti_get_tool_launch_data",
)
RUNS_OTHERS = (
    "tool_mobile_call_external_functions",
    "core_update_inplace_editable",
    "core_form_dynamic_form",
    "core_get_fragment",
    "core_dynamic_tabs_get_content",
    "core_table_get_dynamic_table_content",
    "core_courseformat_update_course",
)
FETCHES = (
    "core_block_get_course_blocks",
    "core_block_get_dashboard_blocks",
    "core_update_inplace_editable",
    "mod_lti_create_tool_type",
    "mod_lti_is_cartridge",
    "tool_moodlenet_verify_webfinger",
)


@pytest.mark.parametrize("release", RELEASES)
def test_every_function_of_every_release_is_classified(release: str) -> None:
    assert set(load(release)) - set(TABLE) == set()


def test_every_row_is_of_a_function_that_some_release_has() -> None:
    assert set(TABLE) - {name for release in RELEASES for name in load(release)} == set()


def test_a_reason_is_given_wherever_we_differ_from_moodles_label() -> None:
    for function in ALL:
        row = function.classification
        differs = (function.label == "read") != (row.access is Access.READ)
        if differs or row.flags:
            assert row.reason, function.name


def test_what_is_known_to_change_something_is_no_read() -> None:
    assert [name for name in CHANGES_SOMETHING if TABLE[name].access is Access.READ] == []


def test_what_is_known_to_hand_out_keys_is_secret() -> None:
    assert [name for name in HANDS_OUT_KEYS if "secret" not in TABLE[name].flags] == []


def test_what_is_known_to_run_other_functions_is_marked() -> None:
    assert [name for name in RUNS_OTHERS if "runs_others" not in TABLE[name].flags] == []


def test_what_makes_the_site_ask_other_addresses_is_marked() -> None:
    assert tuple(sorted(name for name in TABLE if "fetches" in TABLE[name].flags)) == FETCHES


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_has_no_function_that_asks_other_addresses(name: str) -> None:
    assert set(profile(name)) & set(FETCHES) == set()


def test_what_deletes_is_destructive() -> None:
    deleting = [name for name in TABLE if "_delete_" in name or name.endswith("_delete")]
    assert len(deleting) > 40
    spared = [name for name in deleting if TABLE[name].access is not Access.DESTRUCTIVE]
    # What these take away is put back by adding it again.
    assert spared == snapshot(
        [
            "core_cohort_delete_cohort_members",
            "core_competency_delete_user_evidence_competency",
            "core_group_delete_group_members",
        ]
    )


@pytest.mark.parametrize("tools", ["all", "*", "core_*,mod_*,tool_*"])
@pytest.mark.parametrize("granted", Access)
def test_flagged_functions_are_allowed_by_their_full_name_only(tools: str, granted: Access) -> None:
    opened = policy(tools, granted)
    allowed = [function for function in ALL if opened.allows(function)]
    assert [each.name for each in allowed if each.classification.flags & BY_FULL_NAME_ONLY] == []
    named = policy("core_get_fragment", Access.DESTRUCTIVE)
    assert named.allows(CATALOGUE.get("core_get_fragment"))


@pytest.mark.parametrize("granted", Access)
def test_access_beats_the_allowlist_for_every_function(granted: Access) -> None:
    """Allow each function by its full name, so that only access can refuse it."""
    named = policy(",".join(CATALOGUE), granted)
    for function in ALL:
        assert named.allows(function) == granted.allows(function.classification.access)


def test_a_function_that_nobody_classified_needs_the_highest_access() -> None:
    plugin = Function("local_shop_get_orders", typed=False)
    assert policy("local_shop_*", Access.DESTRUCTIVE).allows(plugin)
    decision = policy("local_shop_*", Access.WRITE).decide(plugin)
    assert decision.reason == "needs MOODLE_MCP_ACCESS=destructive"


def test_what_is_refused_by_the_decision_is_refused_at_the_call() -> None:
    checked = policy("default,core_group_*,-core_user_*", Access.WRITE)
    for function in ALL:
        if checked.allows(function):
            checked.check(function)
        else:
            with pytest.raises(CallError) as caught:
                checked.check(function)
            assert caught.value.fault.kind is Kind.NOT_ALLOWED
            assert caught.value.delivery is Delivery.NOT_SENT


def test_a_decision_says_what_made_it() -> None:
    asked = [
        ("core_course_get_contents", "core_course_get_contents"),
        ("core_course_get_*", "core_course_get_contents"),
        ("all,-core_course_get_contents", "core_course_get_contents"),
        ("core_course_get_contents,-core_course_*", "core_course_get_contents"),
        ("core_user_*", "core_course_get_contents"),
        ("core_group_*", "core_group_delete_groups"),
        ("core_*", "core_get_fragment"),
    ]
    decisions = [
        (tools, policy(tools, Access.WRITE).decide(CATALOGUE.get(function)))
        for tools, function in asked
    ]
    assert decisions == snapshot(
        [
            (
                "core_course_get_contents",
                Decision(allowed=True, reason="included by core_course_get_contents"),
            ),
            ("core_course_get_*", Decision(allowed=True, reason="included by core_course_get_*")),
            (
                "all,-core_course_get_contents",
                Decision(allowed=False, reason="excluded by -core_course_get_contents"),
            ),
            (
                "core_course_get_contents,-core_course_*",
                Decision(allowed=False, reason="excluded by -core_course_*"),
            ),
            ("core_user_*", Decision(allowed=False, reason="not in MOODLE_MCP_TOOLS")),
            ("core_group_*", Decision(allowed=False, reason="needs MOODLE_MCP_ACCESS=destructive")),
            (
                "core_*",
                Decision(
                    allowed=False,
                    reason="internal, runs_others: only by its full name in MOODLE_MCP_TOOLS",
                ),
            ),
        ]
    )


def test_a_withheld_call_ends_with_the_reason_and_nothing_sent() -> None:
    with pytest.raises(CallError) as caught:
        policy("default").check(CATALOGUE.get("core_course_delete_courses"))
    assert caught.value.fault.function == "core_course_delete_courses"
    assert caught.value.fault.report() == snapshot(
        {
            "kind": "not_allowed",
            "message": "core_course_delete_courses is withheld by the operator: not in MOODLE_MCP_TOOLS.",
            "hint": "The operator of this server has not allowed this function. Use another tool, or ask the operator to add it to MOODLE_MCP_TOOLS (and to raise MOODLE_MCP_ACCESS for writes).",
            "function": "core_course_delete_courses",
            "retryable": False,
            "written": "nothing",
        }
    )


def test_a_call_beyond_what_the_person_granted_says_so_and_sends_nothing() -> None:
    delete = CATALOGUE.get("core_course_delete_courses")
    granted = policy("core_course_*", Access.DESTRUCTIVE).granting(Access.WRITE)
    with pytest.raises(CallError) as caught:
        granted.check(delete)
    assert caught.value.fault.report() == snapshot(
        {
            "kind": "not_allowed",
            "message": "core_course_delete_courses needs the scope moodle:destructive, which the user has not granted.",
            "hint": "The user disconnects this server, connects it again, and allows it.",
            "function": "core_course_delete_courses",
            "retryable": False,
            "written": "nothing",
        }
    )
    assert granted.lacks_grant(delete)
    assert not granted.lacks_grant(CATALOGUE.get("core_course_get_courses"))
    assert not policy("core_course_*", Access.WRITE).lacks_grant(delete)
