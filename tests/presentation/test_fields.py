"""`_fields`: the chosen fields of an answer, and the error for an unknown path."""

from __future__ import annotations

from typing import Any

import pytest
from inline_snapshot import snapshot

from moodle_mcp.catalogue.loading import load
from moodle_mcp.catalogue.text_kinds import TextKinds
from moodle_mcp.errors import CallError, Delivery
from moodle_mcp.presentation.fields import selection
from moodle_mcp.presentation.render import Renderer, render_rules

SEARCH = "core_course_search_courses"
ANSWER: dict[str, Any] = {
    "total": 1,
    "courses": [
        {
            "id": 2,
            "fullname": "Physics",
            "summary": "All of it",
            "contacts": [{"id": 5, "fullname": "Ada"}],
            "newer": 1,
        }
    ],
    "warnings": [{"item": "course", "warningcode": "1"}],
}


def chosen(*paths: str, function: str = SEARCH, answer: Any = ANSWER) -> Any:
    found = load("4.5").get(function)
    rule = render_rules(found, TextKinds())
    return Renderer(None, raw=True).render(rule, answer, selection(found, paths))


@pytest.mark.parametrize(
    ("paths", "result"),
    [
        (["courses.id"], {"total": 1, "courses": [{"id": 2}]}),
        (["id"], {"total": 1, "courses": [{"id": 2}]}),
        (["courses[].id", "total"], {"total": 1, "courses": [{"id": 2}]}),
        (["contacts.fullname"], {"total": 1, "courses": [{"contacts": [{"fullname": "Ada"}]}]}),
        (
            ["contacts", "-contacts.id"],
            {"total": 1, "courses": [{"contacts": [{"fullname": "Ada"}]}]},
        ),
        (
            ["-summary", "-contacts", "-total"],
            {"courses": [{"id": 2, "fullname": "Physics", "newer": 1}]},
        ),
    ],
)
def test_paths_choose_what_stays(paths: list[str], result: dict[str, Any]) -> None:
    # Moodle's own warnings always stay.
    assert chosen(*paths) == result | {"warnings": ANSWER["warnings"]}


def test_a_star_is_everything_even_what_the_catalogue_does_not_know() -> None:
    assert chosen("*") == ANSWER


def test_a_star_with_an_exclusion_is_everything_but_that() -> None:
    assert chosen("*", "-courses") == {"total": 1, "warnings": ANSWER["warnings"]}


def test_the_items_of_a_list_are_passed_through() -> None:
    users = [{"id": 1, "fullname": "Ada", "roles": [{"shortname": "student", "name": ""}]}]
    assert chosen(
        "id", "roles.shortname", function="core_enrol_get_enrolled_users", answer=users
    ) == [{"id": 1, "roles": [{"shortname": "student"}]}]


def faults(*paths: str, function: str = SEARCH) -> list[dict[str, Any]]:
    with pytest.raises(CallError) as error:
        selection(load("4.5").get(function), paths)
    assert error.value.delivery is Delivery.NOT_SENT
    return error.value.fault.report()["parameters"]


def test_a_path_that_does_not_exist_is_refused_with_the_nearest_names() -> None:
    assert faults("fulname", "contacts.fullnam", "id") == snapshot(
        [
            {
                "path": "_fields[0]",
                "problem": "the answer has no field 'fulname'",
                "allowed": "fullname",
            },
            {
                "path": "_fields[1]",
                "problem": "the answer has no field 'contacts.fullnam'",
                "allowed": "contacts.fullname, contacts.id, contacts",
            },
        ]
    )


def test_of_very_many_paths_that_do_not_exist_the_first_are_looked_at() -> None:
    """Looking for names like each of them would not finish here."""
    with pytest.raises(CallError) as error:
        selection(load().get(SEARCH), [f"name{number}" for number in range(50_000)])
    fault = error.value.fault
    assert (fault.message, len(fault.parameters)) == snapshot(
        ("Nothing was sent: _fields[0] the answer has no field 'name0' (and at least 19 more).", 20)
    )


@pytest.mark.parametrize("paths", [["-*"], ["id", "-id", "-total"]])
def test_what_leaves_nothing_is_refused(paths: list[str]) -> None:
    assert faults(*paths)


def test_a_path_that_is_like_nothing_is_answered_with_what_there_is() -> None:
    assert faults("?", function="core_group_get_group_members") == snapshot(
        [
            {
                "path": "_fields[0]",
                "problem": "the answer has no field '?'",
                "allowed": "groupid, userids",
            }
        ]
    )
