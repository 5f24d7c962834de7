"""`_query`: what it finds, what it refuses, and what it may cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.catalogue.loading import load
from moodle_mcp.errors import CallError, Kind
from moodle_mcp.presentation.presenter import Presenter
from moodle_mcp.presentation.query import MAX_QUERY, Query
from moodle_mcp.redaction.known import Secrets

ENROLLED = load().get("core_enrol_get_enrolled_users")
PEOPLE: list[dict[str, Any]] = [
    {"id": 1, "fullname": "Ann", "lastaccess": 0, "roles": [{"roleid": 5}]},
    {"id": 2, "fullname": "Bob", "lastaccess": 7, "roles": [{"roleid": 3}]},
    {"id": 3, "fullname": "Eve", "lastaccess": 9, "roles": [{"roleid": 5}]},
]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("[?lastaccess == `0`].id", [1]),
        ("length(@)", 3),
        ("[?roles[?roleid == `5`]].fullname", ["Ann", "Eve"]),
        ("sort_by(@, &lastaccess)[-1].{name: fullname}", {"name": "Eve"}),
        ("[].nothing", []),
    ],
)
def test_an_expression_finds_what_it_says(expression: str, found: Any) -> None:
    assert Query(ENROLLED, expression).of(PEOPLE) == found


@pytest.mark.parametrize(
    "expression", ["", "a[?b=]", "[?", "foo(", "x" * (MAX_QUERY + 1), "[" * 900]
)
def test_what_does_not_parse_is_refused_before_anything_is_sent(expression: str) -> None:
    with pytest.raises(CallError) as caught:
        Query(ENROLLED, expression)
    (fault,) = caught.value.fault.parameters
    assert (caught.value.fault.kind, fault.path) == (Kind.INVALID_ARGUMENTS, "_query")


def test_the_error_says_where_the_expression_is_wrong() -> None:
    problems: list[str] = []
    for expression in ("a[?b=]", "[?id == `1`", "a.b c"):
        with pytest.raises(CallError) as caught:
            Query(ENROLLED, expression)
        problems.append(caught.value.fault.parameters[0].problem)
    assert problems == snapshot(
        [
            "Unknown token '=' at character 4",
            "ends too early",
            "does not parse at character 4: 'c'",
        ]
    )


@pytest.mark.parametrize(
    "expression", ["abs(@)", "nofunction(@)", "sort(@)", "join(',', [].id)", "ceil(`1e999`)"]
)
def test_an_expression_that_does_not_suit_the_answer_is_told(expression: str) -> None:
    with pytest.raises(CallError) as caught:
        Query(ENROLLED, expression).of(PEOPLE)
    assert caught.value.fault.kind is Kind.INVALID_ARGUMENTS


@pytest.mark.parametrize("expression", ["abs([0].fullname)", "sort_by(@, &@)", "sum([].fullname)"])
def test_an_error_says_nothing_of_what_people_wrote(expression: str) -> None:
    with pytest.raises(CallError) as caught:
        Query(ENROLLED, expression).of(PEOPLE)
    assert "Ann" not in str(caught.value.fault.report())


@pytest.mark.parametrize("expression", ["&id", "[].{a: &id}", "to_string(&id)", "not_null(&id)"])
def test_an_expression_that_would_be_a_value_is_refused(expression: str) -> None:
    with pytest.raises(CallError) as caught:
        Query(ENROLLED, expression)
    assert caught.value.fault.parameters[0].problem == snapshot(
        "has & outside of the functions that take it: map, max_by, min_by, sort_by"
    )


TWICE = "[@,@]" + "|[@,@]" * 18


@pytest.mark.parametrize(
    "expression",
    [
        "'abcdefghij'" + "|join('',[@,@])" * 26,
        "@" + "|[@,@][]" * 19,
        f"{TWICE}|to_string(@)",
        f"[{TWICE},{TWICE}]|[0]==[1]",
        f"contains({TWICE},`1`)",
        "join(text, texts)",
        "[" + ",".join(["max(numbers)"] * 100) + "]",
        "`" + "[" * 300 + "]" * 300 + "`",
    ],
)
def test_no_expression_fills_the_memory(expression: str) -> None:
    answer = {"numbers": list(range(50_000)), "text": "x" * 1_000_000, "texts": ["y"] * 40}
    with pytest.raises(CallError) as caught:
        Query(ENROLLED, expression).of(answer)
    assert caught.value.fault.kind is Kind.TOO_LARGE


@pytest.mark.parametrize("expression", ["[@,@]" + "|[@,@]" * 30, "[].[@,@]" + ".[@,@]" * 25])
def test_an_expression_that_multiplies_the_answer_is_ended(expression: str) -> None:
    with pytest.raises(CallError) as caught:
        Query(ENROLLED, expression).of(PEOPLE)
    assert caught.value.fault.kind is Kind.TOO_LARGE


def test_names_that_no_field_has_are_told_with_similar_ones() -> None:
    query = Query(ENROLLED, "[?lastacess == `0`].{who: fullname, what: mail}")
    assert query.unknown_names() == snapshot(
        {"lastacess": ["lastaccess", "lastcourseaccess", "lastname"], "mail": ["email"]}
    )
    assert Query(ENROLLED, "[].{who: fullname}.who").unknown_names() == {}


@given(st.text(max_size=60) | st.text("[]{}()@&|.,:?*`'\"=<>!ab01 ", max_size=60))
def test_any_text_is_an_expression_or_an_error(expression: str) -> None:
    raised = None
    try:
        Query(ENROLLED, expression).of(PEOPLE)
    except CallError as error:
        raised = error.fault.kind
    assert raised in (None, Kind.INVALID_ARGUMENTS, Kind.TOO_LARGE)


def test_an_error_stays_beside_what_a_query_finds() -> None:
    presenter = Presenter()
    view = replace(presenter.view(ENROLLED, None), query=Query(ENROLLED, "length(@)"))
    error = {"kind": "timeout", "message": "m", "hint": "h", "written": "nothing"}
    envelope = {"error": error, "result": PEOPLE, "batch": {"items": 4}}
    shown = presenter.present(ENROLLED, envelope, view).envelope
    assert shown == {"error": error, "batch": {"items": 4}, "query_result": 3}


@pytest.mark.parametrize("expression", ["[0].join('', [fullname, email])", "[0].reverse(idnumber)"])
def test_a_secret_that_an_expression_puts_together_is_taken_out(expression: str) -> None:
    token = "0123456789abcdef0123456789abcdef"
    answer = [{"fullname": token[:16], "email": token[16:], "idnumber": token[::-1]}]
    presenter = Presenter()
    view = replace(presenter.view(ENROLLED, None), query=Query(ENROLLED, expression))
    shown = presenter.present(ENROLLED, {"result": answer}, view, secrets=Secrets(token)).envelope
    assert token not in str(shown)
