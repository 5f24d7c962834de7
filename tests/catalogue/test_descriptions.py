"""Descriptions for agents: complete for every profile, within the budget, in the right places."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib import resources

import pytest
from inline_snapshot import snapshot

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.loading import BASE, RELEASES, load
from moodle_mcp.catalogue.model import ListOf, Node, Object, Value, scalar
from moodle_mcp.cli.tools import size_of
from moodle_mcp.policy.allowlist import FILE_TOOLS, PROFILES, profile
from moodle_mcp.server.tools import to_tool
from moodle_mcp.service.registry import Functions
from tests.support.serving import policy

CATALOGUE = load()
DESCRIBED = sorted({function for name in PROFILES for function in profile(name)} - {*FILE_TOOLS})
TYPES = {"string": str, "integer": int, "number": float, "boolean": bool}


def default_fields() -> Iterator[tuple[str, list[str]]]:
    for file in (resources.files("moodle_mcp.catalogue") / "data" / "descriptions").iterdir():
        for name, entry in tomllib.loads(file.read_text(encoding="utf-8")).items():
            if "fields" in entry:
                yield name, entry["fields"]


FIELDS = dict(default_fields())


def paths(node: Node, path: str = "") -> dict[str, Node]:
    match node:
        case Value():
            return {path: node}
        case ListOf():
            return {path: node} | paths(node.item, f"{path}[]")
        case Object():
            inner = [paths(child, f"{path}.{key}".lstrip(".")) for key, child in node.keys.items()]
            return {path: node} | {at: each for found in inner for at, each in found.items()}


@pytest.mark.parametrize("name", DESCRIBED)
def test_every_function_of_a_profile_is_described_with_each_of_its_values(name: str) -> None:
    function = CATALOGUE.get(name)
    tree = paths(function.params)
    assert 0 < len(function.text.text) < 500
    assert function.text.params.keys() - tree.keys() == set()
    described = function.text.params.keys()
    values = {path for path, node in tree.items() if isinstance(node, Value)}
    # An item of a plain list is described by the list.
    assert {
        path for path in values - described if path.removesuffix("[]") not in described
    } == set()


@pytest.mark.parametrize("name", DESCRIBED)
def test_the_values_named_for_a_parameter_are_of_its_type(name: str) -> None:
    function = CATALOGUE.get(name)
    tree = paths(function.params)
    for path, text in function.text.params.items():
        node = tree[path]
        for value in text.enum:
            assert isinstance(node, Value)
            assert isinstance(value, TYPES[scalar(node)])
        if text.enum and isinstance(node, Value) and node.default is not None:
            assert node.default in text.enum


@pytest.mark.parametrize(
    ("name", "tokens"), [(name, 8_000 if name == "default" else 20_000) for name in PROFILES]
)
def test_a_profile_keeps_to_its_budget_of_tokens(name: str, tokens: int) -> None:
    """At four bytes a token; tools/tokens.py counts with a real tokenizer."""
    allowed = Functions(policy(name, Access.DESTRUCTIVE), load()).allowed
    assert len(allowed) == len(profile(name) - {*FILE_TOOLS})
    assert size_of(map(to_tool, allowed)) / 4 <= tokens


def has_field(node: Node | None, path: list[str]) -> bool:
    """Whether an answer has a field; lists are passed through."""
    while isinstance(node, ListOf):
        node = node.item
    if not path:
        return node is not None
    return isinstance(node, Object) and has_field(node.keys.get(path[0]), path[1:])


def absent_fields(release: str) -> list[tuple[str, str]]:
    """Return the default fields that no answer of a release has."""
    catalogue = load(release)
    return [
        (name, path)
        for name, paths in FIELDS.items()
        for path in paths
        if name in catalogue
        and not has_field(catalogue.get(name).returns, path.removeprefix("-").split("."))
    ]


@pytest.mark.parametrize("release", RELEASES[RELEASES.index(BASE) :])
def test_every_field_that_is_shown_by_default_is_in_the_answer(release: str) -> None:
    assert absent_fields(release) == []


def test_an_older_release_lacks_a_few_of_them() -> None:
    """The presenter leaves them out."""
    assert absent_fields("4.1") == snapshot(
        [
            ("core_user_get_course_user_profiles", "customfields.displayvalue"),
            ("core_completion_get_activities_completion_status", "statuses.isoverallcomplete"),
            ("mod_quiz_get_attempt_review", "attempt.gradeitemmarks"),
            ("mod_quiz_get_attempt_review", "questions.questionnumber"),
            ("mod_quiz_get_user_attempts", "attempts.gradeitemmarks"),
            ("core_group_get_course_groups", "visibility"),
            ("core_group_get_course_groups", "participation"),
            ("core_group_get_groupings", "customfields.shortname"),
            ("core_group_get_groupings", "customfields.value"),
            ("core_webservice_get_site_info", "policyagreed"),
            ("core_cohort_get_cohorts", "customfields.shortname"),
            ("core_cohort_get_cohorts", "customfields.value"),
            ("core_cohort_search_cohorts", "cohorts.customfields.shortname"),
            ("core_cohort_search_cohorts", "cohorts.customfields.value"),
        ]
    )


def test_only_reads_have_default_fields_and_each_is_named_once() -> None:
    for name, paths in FIELDS.items():
        assert CATALOGUE.get(name).reads_only
        assert 0 < len(paths) == len(set(paths))


def test_the_reads_without_default_fields_answer_little_anyway() -> None:
    """A new read of a profile gets its fields, or a place in this list."""
    reads = {name for name in DESCRIBED if CATALOGUE.get(name).reads_only}
    assert sorted(reads - FIELDS.keys()) == snapshot(
        [
            "core_cohort_get_cohort_members",
            "core_completion_get_course_completion_status",
            "core_course_get_updates_since",
            "core_enrol_get_course_enrolment_methods",
            "core_files_get_unused_draft_itemid",
            "core_grades_get_gradeitems",
            "core_group_get_group_members",
            "core_user_get_user_preferences",
            "enrol_self_get_instance_info",
            "gradereport_overview_get_course_grades",
            "mod_assign_get_user_flags",
            "mod_choice_get_choice_options",
            "mod_feedback_get_non_respondents",
            "mod_forum_can_add_discussion",
            "mod_lesson_get_attempts_overview",
            "mod_quiz_get_overrides",
            "mod_quiz_get_quiz_access_information",
            "mod_quiz_get_user_best_grade",
            "mod_scorm_get_scorm_sco_tracks",
        ]
    )


def test_an_id_is_among_the_default_fields() -> None:
    """Ids that an agent needs for the next call: `id`, `userid`, `cmid` and others."""
    for name, paths in FIELDS.items():
        if any(path.startswith("-") for path in paths) or name == "tool_mobile_get_public_config":
            continue
        assert any(path.endswith("id") for path in paths), name
