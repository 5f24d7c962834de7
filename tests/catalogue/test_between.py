"""Functions of a Moodle between two releases with data."""

from __future__ import annotations

from typing import Any, cast

import mcp_types as types
import pytest
from inline_snapshot import snapshot
from mcp import Client

from moodle_mcp.caller.caller import Caller
from moodle_mcp.catalogue.between import between
from moodle_mcp.catalogue.came import Came
from moodle_mcp.catalogue.loading import Neighbours, catalogue_for, load, load_between
from moodle_mcp.catalogue.model import Doubt, Function, ListOf, Node, Object, Value
from moodle_mcp.catalogue.paths import node_at
from moodle_mcp.catalogue.schema import input_schema
from moodle_mcp.catalogue.suspects import find_suspects
from moodle_mcp.demo import DemoSite, serving
from moodle_mcp.errors import Suspect
from moodle_mcp.policy.exposure import Mode
from moodle_mcp.policy.policy import Access
from moodle_mcp.service.process import ServiceSettings
from moodle_mcp.site.session import SiteSession
from tests.support.serving import NOW, connection, context_of, policy, server_for

PAIRS = [Neighbours("4.1", "4.5"), Neighbours("4.5", "5.1")]


def merged(older: Node, newer: Node, **came: str) -> Function:
    """Return a function that takes `x`, or whose parameters are objects."""
    trees = [each if isinstance(each, Object) else Object({"x": each}) for each in (older, newer)]
    before, after = (Function("f", params=tree) for tree in trees)
    return between(before, after, ("4.1", "4.5"), came)


def test_what_both_have_is_kept_without_a_doubt() -> None:
    both = Object({"a": ListOf(Value("int")), "b": Value("text", presence="default", default="x")})
    found = merged(both, both)
    assert (found.params, found.doubts) == (both, {})


@pytest.mark.parametrize(
    ("older", "newer", "expected"),
    [
        ("required", "optional", Value("int")),
        ("optional", "required", Value("int")),
        ("optional", "default", Value("int", presence="optional")),
        ("default", "default", Value("int", presence="default", default=1)),
    ],
)
def test_a_parameter_that_one_release_requires_is_required(
    older: Any, newer: Any, expected: Value
) -> None:
    def value(presence: Any) -> Value:
        return Value("int", presence=presence, default=1 if presence == "default" else None)

    assert merged(value(older), value(newer)).params.keys["x"] == expected


def test_what_one_release_lacks_is_optional_and_in_doubt() -> None:
    item = Object({"a": Value("int"), "new": Value("int")})
    old = Object({"a": Value("int"), "old": Value("int", presence="default", default=0)})
    found = merged(
        Object({"items": ListOf(old)}), Object({"items": ListOf(item)}), **{"items[].new": "4.3"}
    )
    inside = Object(
        {
            "a": Value("int"),
            "new": Value("int", presence="optional"),
            "old": Value("int", presence="optional"),
        }
    )
    assert found.params == Object({"items": ListOf(inside)})
    assert found.doubts == {
        "items[].new": Doubt("4.1", "4.5", "4.3", required=True),
        "items[].old": Doubt("4.1", "4.5", gone=True),
    }


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_a_site_in_between_is_offered_the_functions_of_both(pair: Neighbours) -> None:
    catalogue = load_between(pair)
    assert set(catalogue) == {*load(pair.older), *load(pair.newer)}
    assert all(catalogue.get(name).typed and name in catalogue for name in catalogue)


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_every_doubt_is_about_a_parameter_that_may_be_left_out(pair: Neighbours) -> None:
    catalogue = load_between(pair)
    for function in map(catalogue.get, catalogue):
        for path in function.doubts:
            steps = path.replace("[]", ".0").split(".")
            node = node_at(function.params, tuple(steps))
            assert node is not None, (function.name, path)
            assert node.presence == "optional", (function.name, path)


def test_every_release_that_is_known_to_have_changed_a_parameter_is_told() -> None:
    known = {
        (name, path): release for name, rows in Came().items() for path, release in rows.items()
    }
    told = {
        (name, path): doubt.changed
        for pair in PAIRS
        for catalogue in [load_between(pair)]
        for name in catalogue
        for path, doubt in catalogue.get(name).doubts.items()
        if doubt.changed
    }
    assert told == known


def test_only_a_site_in_between_has_doubts() -> None:
    for release in ("4.1", "4.5.6", "5.1.5", "3.11", None):
        catalogue = catalogue_for(release)
        assert not any(catalogue.get(name).doubts for name in catalogue), release


def test_the_schema_marks_what_the_site_may_not_know() -> None:
    schema = input_schema(catalogue_for("4.3").get("core_group_update_groups"))
    keys = schema["properties"]["groups"]["items"]["properties"]
    assert {key: keys[key]["description"] for key in ("visibility", "customfields")} == snapshot(
        {
            "visibility": "Who sees membership: 0 all, 1 members, 2 only one's own, 3 nobody. Added in Moodle 4.2; this site may refuse it.",
            "customfields": "Added after Moodle 4.1; this site may refuse it.",
        }
    )


def test_a_parameter_that_the_site_may_require_is_a_suspect_if_it_is_missing() -> None:
    function = catalogue_for("4.3").get("core_grades_get_groups_for_search_widget")
    assert find_suspects(function, {"courseid": 2}) == snapshot(
        (
            Suspect(
                path="actionbaseurl",
                problem="is missing: Moodle 4.1 requires it; call again with it",
            ),
        )
    )


@pytest.mark.anyio
async def test_a_refusal_names_what_the_site_may_not_know() -> None:
    """The demo site takes what 4.1 takes, and reports 4.3."""
    name = "core_group_create_groups"
    demo = DemoSite(now=NOW, release="4.1", reports="4.3.2 (Build: 20231222)")
    with serving(demo.app) as url:
        site = SiteSession(connection(url))
        settings = ServiceSettings(Mode.DIRECT)
        app = context_of(site, Caller(site), policy(name, Access.WRITE), settings)
        async with Client(server_for(app)) as session:
            await session.list_tools()
            group = {"courseid": 2, "name": "Doubtful", "description": ""}
            groups = [group, {**group, "visibility": 0}]
            refused = await session.call_tool(name, {"groups": groups})
            taken = await session.call_tool(name, {"groups": [{**group, "name": "Other"}]})
    assert error(refused) == snapshot(
        {
            "kind": "invalid_parameter",
            "message": "1 of 2 items are done. Invalid parameter value detected",
            "hint": "Items in `failed` were not done. Moodle rejected a value without naming it. Check those in `suspects` first, if there are any. Check that ids exist, that values are allowed and that nothing is a duplicate. To continue with the items that failed or were not sent, call resume_batch with the handle in batch.resume within 30 minutes.",
            "function": "core_group_create_groups",
            "errorcode": "invalidparameter",
            "exception": "core\\exception\\invalid_parameter_exception",
            "suspects": [
                {
                    "path": "groups[1].visibility",
                    "problem": "was added in Moodle 4.2; if this site lacks it, call again without it",
                },
                {"path": "groups[1].description", "problem": "is blank", "value": ""},
            ],
            "retryable": False,
            "written": "something",
        }
    )
    assert not taken.is_error


def error(reply: types.CallToolResult) -> Any:
    return cast("dict[str, Any]", reply.structured_content).get("error")
