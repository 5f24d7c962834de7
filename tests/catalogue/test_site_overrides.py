"""The operator's additions to the catalogue, and their precedence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from inline_snapshot import snapshot

from moodle_mcp.catalogue.classification import UNCLASSIFIED, Access
from moodle_mcp.catalogue.loading import RELEASES, catalogue_for, load
from moodle_mcp.catalogue.model import Function, FunctionText, Object
from moodle_mcp.catalogue.naming import description
from moodle_mcp.catalogue.search import Index
from moodle_mcp.catalogue.site_file import ListNode, ObjectNode, SiteFunction, ValueNode
from moodle_mcp.catalogue.site_overrides import SiteOverrides, parse_accesses
from moodle_mcp.errors import SettingsError

RELEASE = "4.5.6 (Build: 20250811)"
INT = ValueNode(kind="value", type="int", text="The site's word for it")
ENROL = "enrol_manual_enrol_users"
QUIZZES = "mod_quiz_view_quiz"
PLUGIN = "local_shop_get_orders"


def exported(keys: Mapping[str, ValueNode | ListNode | ObjectNode]) -> SiteFunction:
    """A function as a site describes it."""
    params = ObjectNode(kind="object", keys=dict(keys))
    return SiteFunction(
        component="local_shop", access="read", text="The site's text", params=params
    )


def overrides(function: SiteFunction, *names: str, accesses: str = "") -> SiteOverrides:
    said = parse_accesses(accesses, "MOODLE_MCP_PLUGIN_ACCESS")
    return SiteOverrides(dict.fromkeys(names, function), RELEASE, said)


def test_a_plugins_function_is_typed_and_counts_as_destructive() -> None:
    catalogue = catalogue_for(RELEASE, overrides(exported({"since": INT}), PLUGIN))
    function = catalogue.get(PLUGIN)
    assert PLUGIN in catalogue
    assert PLUGIN in list(catalogue)
    assert len(catalogue) == len(load()) + 1
    assert list(catalogue) == sorted(catalogue)
    assert function.typed
    assert function.label == "read"
    assert function.classification is UNCLASSIFIED
    assert description(function) == snapshot("The site's text. Changes data.")


def test_of_a_known_function_the_sites_shape_and_our_words_and_knowledge_count() -> None:
    item = ObjectNode(kind="object", keys={"roleid": INT, "extra": INT})
    keys = {"enrolments": ListNode(kind="list", item=item), "extra": INT}
    joined = catalogue_for(RELEASE, overrides(exported(keys), ENROL)).get(ENROL)
    own = load().get(ENROL)
    assert list(joined.params.keys) == ["enrolments", "extra"]
    assert joined.batching == own.batching
    assert joined.classification == own.classification
    assert joined.text.text == own.text.text
    assert joined.text.is_ours
    assert joined.text.params["enrolments[].roleid"] == own.text.params["enrolments[].roleid"]
    assert joined.text.params["extra"].text == "The site's word for it"


def test_without_words_of_ours_the_sites_are_taken() -> None:
    joined = catalogue_for(RELEASE, overrides(exported({"quizid": INT}), QUIZZES)).get(QUIZZES)
    assert not load().get(QUIZZES).text.text
    assert joined.text.text == "The site's text"
    assert not joined.text.is_ours
    assert joined.classification == load().get(QUIZZES).classification


def test_where_the_site_has_no_such_list_there_is_no_batching() -> None:
    joined = catalogue_for(RELEASE, overrides(exported({"enrolments": INT}), ENROL)).get(ENROL)
    assert joined.batching is None


def test_after_an_upgrade_only_plugins_are_taken_from_the_file() -> None:
    added = overrides(exported({"x": INT}), ENROL, PLUGIN)
    same, unknown, upgraded = (
        catalogue_for(release, added) for release in (RELEASE, None, "4.5.7 (Build: 20251006)")
    )
    assert [list(each.get(ENROL).params.keys) for each in (same, unknown, upgraded)] == [
        ["x"],
        ["x"],
        ["enrolments"],
    ]
    assert all(list(each.get(PLUGIN).params.keys) == ["x"] for each in (same, unknown, upgraded))


def test_an_operators_word_counts_for_what_nobody_has_classified() -> None:
    said = "local_shop_*=read local_shop_o*=write, local_shop_order=read,local_x_y=read"
    catalogue = load(overrides=overrides(exported({}), PLUGIN, accesses=said))
    names = (PLUGIN, "local_shop_offer", "local_shop_order", "local_x_y", "local_other_get")
    found = {name: catalogue.get(name).classification.access for name in names}
    assert found == {
        PLUGIN: Access.READ,
        "local_shop_offer": Access.WRITE,
        "local_shop_order": Access.READ,
        "local_x_y": Access.READ,
        "local_other_get": Access.DESTRUCTIVE,
    }
    assert catalogue.get(PLUGIN).classification.reason == snapshot(
        "the operator says so in MOODLE_MCP_PLUGIN_ACCESS"
    )
    # A glob speaks of nothing that we have classified.
    lowered = parse_accesses("core_course_*=read", "X")
    assert (
        load(overrides=SiteOverrides(accesses=lowered))
        .get("core_course_delete_courses")
        .classification.access
        is Access.DESTRUCTIVE
    )


def test_a_sites_words_do_not_put_a_function_among_the_everyday_ones() -> None:
    words = "Lists the parcels of an order"
    functions = [
        Function("local_a_list", text=FunctionText(words, by_the_site=True)),
        Function("local_b_list", text=FunctionText(words)),
    ]
    assert [each.name for each in Index(functions).search("parcels", 2).functions] == [
        "local_b_list",
        "local_a_list",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "local_shop_get",
            snapshot(
                "MOODLE_MCP_PLUGIN_ACCESS: 'local_shop_get' does not assign an access to a plugin's function or glob, such as local_shop_get_*=read (allowed: read, write, destructive)"
            ),
        ),
        (
            "local_shop_get=reads",
            snapshot(
                "MOODLE_MCP_PLUGIN_ACCESS: 'local_shop_get=reads' does not assign an access to a plugin's function or glob, such as local_shop_get_*=read (allowed: read, write, destructive)"
            ),
        ),
        (
            "local_*=read",
            snapshot(
                "MOODLE_MCP_PLUGIN_ACCESS: 'local_*=read' does not assign an access to a plugin's function or glob, such as local_shop_get_*=read (allowed: read, write, destructive)"
            ),
        ),
        (
            "*=read",
            snapshot(
                "MOODLE_MCP_PLUGIN_ACCESS: '*=read' does not assign an access to a plugin's function or glob, such as local_shop_get_*=read (allowed: read, write, destructive)"
            ),
        ),
        (
            "core_course_delete_courses=read",
            snapshot(
                "MOODLE_MCP_PLUGIN_ACCESS: core_course_delete_courses is already classified by this package"
            ),
        ),
    ],
    ids=["no access", "misspelt", "all plugins", "everything", "one of ours"],
)
def test_a_wrong_access_is_one_line(text: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_accesses(text, "MOODLE_MCP_PLUGIN_ACCESS")
    assert str(caught.value) == problem


@pytest.mark.parametrize("release", RELEASES)
def test_without_additions_nothing_is_different(release: str) -> None:
    catalogue, added = load(release), load(release, SiteOverrides())
    assert list(catalogue) == list(added)
    function = catalogue.get(ENROL)
    assert added.get(ENROL) == function
    assert replace(function, params=Object({})) != function
