"""Coerced answers satisfy their schema and lose nothing."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, cast

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.catalogue.coercion import Coerced, Coercer, coerce
from moodle_mcp.catalogue.loading import RELEASES, load
from moodle_mcp.catalogue.model import Function, ListOf, Node, Object, Value
from moodle_mcp.catalogue.schema import output_schema
from tests.support.recordings import Exchange, calls
from tests.support.strategies import ODD_TEXTS, json_values, trees

CATALOGUE = load()
SUCCESSES = calls(faults=False)


def envelope(coerced: Coerced) -> dict[str, Any]:
    data: dict[str, Any] = {"result": coerced.result}
    return data | {"warnings": coerced.warnings} if coerced.warnings else data


def coerced(returns: Node | None, answer: Any) -> Coerced:
    """Coerce an answer and check it against the tool's output schema."""
    function = Function("f", returns=returns)
    result = coerce(function, answer)
    jsonschema_rs.validate(output_schema(function), envelope(result))
    return result


@pytest.mark.parametrize("exchange", SUCCESSES, ids=lambda exchange: exchange.id)
def test_every_recorded_success_fits_without_a_warning(exchange: Exchange) -> None:
    assert exchange.function is not None
    function = CATALOGUE.get(exchange.function)
    result = coerce(function, exchange.json)
    assert result.warnings == []
    jsonschema_rs.validate(output_schema(function), envelope(result))


def test_there_are_enough_recorded_successes_to_say_so() -> None:
    assert len(SUCCESSES) > 120


def test_of_the_recorded_successes_few_are_changed_and_only_in_known_ways() -> None:
    changes = Counter[tuple[str, str, str]]()
    for exchange in SUCCESSES:
        function = CATALOGUE.get(exchange.function or "")
        for change in changed(exchange.json, coerce(function, exchange.json).result):
            changes[(function.name, *change)] += 1
    assert sorted(changes) == snapshot(
        [
            ("core_course_get_contents", "list", "dict"),
            ("core_course_get_course_content_items", "int", "str"),
            ("core_course_get_courses", "int", "str"),
            ("core_course_get_courses_by_field", "int", "str"),
        ]
    )


def changed(before: Any, after: Any) -> list[tuple[str, str]]:
    """The kinds of changes from one JSON value to another, as types."""
    match before, after:
        case dict(), dict():
            mine, other = cast("dict[str, Any]", before), cast("dict[str, Any]", after)
            assert list(mine) == list(other)
            return [change for key in mine for change in changed(mine[key], other[key])]
        case list(), list():
            pairs = zip(cast("list[Any]", before), cast("list[Any]", after), strict=True)
            return [change for pair in pairs for change in changed(*pair)]
        case _ if json.dumps(before) == json.dumps(after):
            return []
        case _:
            return [(type(before).__name__, type(after).__name__)]


DEEP = ListOf(Object({"o": Object({"inner": Object({"x": Value("int")})}), "t": Value("raw")}))


def test_an_empty_php_array_is_an_empty_object_at_any_depth() -> None:
    answer: list[Any] = [[], {"o": []}, {"o": {"inner": []}}]
    assert coerced(DEEP, answer) == Coerced([{}, {"o": {}}, {"o": {"inner": {}}}])
    assert coerced(Object({}), []) == Coerced({})


FITTING: dict[str, tuple[Node, Any, Any]] = {
    "an integer where text belongs": (Value("raw"), 5, "5"),
    "a double where text belongs": (Value("raw"), 1.5, "1.5"),
    "true where text belongs": (Value("raw"), True, "1"),
    "false where text belongs": (Value("raw"), False, "0"),
    "text where an integer belongs": (Value("int"), "-12", -12),
    "a whole double where an integer belongs": (Value("int"), 3.0, 3),
    "an integer where a number belongs": (Value("float"), 3, 3),
    "one where a boolean belongs": (Value("bool"), 1, True),
    "the text 0 where a boolean belongs": (Value("bool"), "0", False),
    "null where null may be": (Value("int", nullable=True), None, None),
    "an unknown key": (Object({"a": Value("int")}), {"a": 1, "b": [None]}, {"a": 1, "b": [None]}),
    "a missing key": (Object({"a": Value("int"), "b": Value("int")}), {"a": 1}, {"a": 1}),
}


@pytest.mark.parametrize("case", FITTING)
def test_what_moodle_is_known_to_answer_is_fitted_without_a_warning(case: str) -> None:
    returns, answer, result = FITTING[case]
    assert json.dumps(coerced(returns, answer).result) == json.dumps(result)
    assert coerced(returns, answer).warnings == []


def test_half_a_character_in_an_answer_stays_for_those_who_write_it() -> None:
    assert coerce(Function("f", returns=Value("raw")), "\ud800") == Coerced("\ud800")


MISFITS: dict[str, tuple[Node | None, Any]] = {
    "null where it may not be": (Object({"a": Value("int")}), {"a": None}),
    "a fraction for an integer": (Object({"a": Value("int")}), {"a": 1.5}),
    "a boolean for an integer": (Object({"a": Value("int")}), {"a": True}),
    "text for an integer": (Object({"a": Value("int")}), {"a": "many"}),
    "text for a number": (Object({"a": Value("float")}), {"a": "1,5"}),
    "two for a boolean": (Object({"a": Value("bool")}), {"a": 2}),
    "an object for text": (Object({"a": Value("raw")}), {"a": {"b": 1}}),
    "an item of a list": (ListOf(Value("int")), [1, "x", 3]),
    "an object for a list": (Object({"a": ListOf(Value("int"))}), {"a": {"0": 1}, "b": 2}),
    "a list for an object": (Object({"a": Object({"b": Value("int")})}), {"a": [1]}),
    "null for a list": (Object({"a": ListOf(Value("int"))}), {"a": None}),
    "a whole answer that is text": (ListOf(Value("int")), "done"),
    "a whole answer that is null": (Object({"a": Value("int")}), None),
    "a whole answer that is a list": (Value("bool"), [1]),
    "an answer where none was promised": (None, {"ok": True}),
    "deep down": (DEEP, [{"o": {"inner": {"x": "five"}}, "t": []}]),
}


@pytest.mark.parametrize("case", MISFITS)
def test_what_does_not_fit_is_in_its_warning_and_the_rest_in_the_result(case: str) -> None:
    returns, answer = MISFITS[case]
    result = coerced(returns, answer)
    shown = [(each["item"], each["value"]) for each in result.warnings]
    expected = snapshot(
        {
            "null where it may not be": ({}, [("a", None)]),
            "a fraction for an integer": ({}, [("a", 1.5)]),
            "a boolean for an integer": ({}, [("a", True)]),
            "text for an integer": ({}, [("a", "many")]),
            "text for a number": ({}, [("a", "1,5")]),
            "two for a boolean": ({}, [("a", 2)]),
            "an object for text": ({}, [("a", {"b": 1})]),
            "an item of a list": ([1, 3], [("[1]", "x")]),
            "an object for a list": ({"b": 2}, [("a", {"0": 1})]),
            "a list for an object": ({}, [("a", [1])]),
            "null for a list": ({}, [("a", None)]),
            "a whole answer that is text": (None, [("", "done")]),
            "a whole answer that is null": (None, [("", None)]),
            "a whole answer that is a list": (None, [("", [1])]),
            "an answer where none was promised": (None, [("", {"ok": True})]),
            "deep down": ([{"o": {"inner": {}}}], [("[0].o.inner.x", "five"), ("[0].t", [])]),
        }
    )
    assert (result.result, shown) == expected[case]


def test_a_warning_of_ours_says_what_it_is() -> None:
    assert coerced(Object({"a": Value("int")}), {"a": "x"}).warnings == snapshot(
        [
            {
                "item": "a",
                "warningcode": "unexpected_type",
                "message": "a has another type than Moodle declares (integer); its value is only in this warning.",
                "value": "x",
            }
        ]
    )


def test_the_answer_of_an_untyped_function_is_left_as_it_is() -> None:
    function = Function("local_x_y", typed=False)
    assert coerce(function, [[], {"a": None}]) == Coerced([[], {"a": None}])


def test_what_was_given_is_not_changed() -> None:
    answer: list[Any] = [{"o": [], "t": 1}]
    coerced(DEEP, answer)
    assert answer == [{"o": [], "t": 1}]


JSON = json_values(st.integers(-(2**80), 2**80), ODD_TEXTS.filter(lambda text: text.isascii()))


def near(node: Node) -> st.SearchStrategy[Any]:
    """Answers that mostly fit a tree, with wrong values in some places."""
    match node:
        case Value():
            return JSON
        case ListOf():
            return JSON | st.lists(near(node.item), max_size=3)
        case Object():
            return JSON | st.fixed_dictionaries(
                {}, optional={key: near(child) for key, child in node.keys.items()}
            )


def leaf_values(value: Any) -> Counter[str]:
    """Return the leaves of a value as text, since a scalar may have become text, and 1 true."""
    if isinstance(value, dict):
        return _all(cast("dict[str, Any]", value).values())
    if isinstance(value, list):
        return _all(cast("list[Any]", value))
    return Counter([_as_text(value)])


def _all(values: Any) -> Counter[str]:
    return sum(map(leaf_values, values), Counter[str]())


def _as_text(value: Any) -> str:
    """Return a scalar by its meaning: "5.0", 5 and 5.0 are the same, and so are true and 1."""
    try:
        return repr(float(value) + 0.0)
    except (ValueError, TypeError):
        return json.dumps(value)


def lossless(function: Function, answer: Any) -> None:
    result = coerce(function, answer)
    jsonschema_rs.validate(output_schema(function), envelope(result))
    kept = leaf_values(result.result) + leaf_values([each["value"] for each in result.warnings])
    assert not leaf_values(answer) - kept


@given(st.data())
def test_no_answer_breaks_the_schema_or_loses_a_leaf(data: st.DataObject) -> None:
    returns = data.draw(trees())
    lossless(Function("f", returns=returns), data.draw(near(returns)))


@given(st.data())
def test_no_answer_of_a_real_function_breaks_its_schema_or_loses_a_leaf(
    data: st.DataObject,
) -> None:
    catalogue = load(data.draw(st.sampled_from(RELEASES)))
    function = catalogue.get(data.draw(st.sampled_from(list(catalogue))))
    answers = JSON if function.returns is None else near(function.returns)
    lossless(function, data.draw(answers))


@given(st.data())
def test_fitting_a_fitted_answer_changes_nothing(data: st.DataObject) -> None:
    function = Function("f", returns=data.draw(trees()))
    once = coerce(function, data.draw(near(cast("Node", function.returns))))
    if once.warnings == []:
        assert coerce(function, once.result) == once


@pytest.mark.parametrize("exchange", SUCCESSES, ids=lambda exchange: exchange.id)
def test_a_fitter_fits_recorded_answers_as_a_walk_through_them_does(exchange: Exchange) -> None:
    function = CATALOGUE.get(exchange.function or "")
    assert Coercer().coerce(function, exchange.json) == coerce(function, exchange.json)


@given(trees(), json_values())
def test_a_fitter_fits_any_answer_to_its_schema(returns: Node, answer: Any) -> None:
    function = Function("f", returns=returns)
    result = Coercer().coerce(function, answer)
    jsonschema_rs.validate(output_schema(function), envelope(result))


def test_a_fitter_lets_half_a_character_pass() -> None:
    function = Function("f", returns=Value("text"))
    assert Coercer().coerce(function, "\ud83d").result == "\ud83d"


def test_an_answer_in_which_nearly_nothing_fits_is_one_warning() -> None:
    function = load().get("core_user_get_users_by_field")
    answer = [1] * 3_000
    coerced = coerce(function, answer)
    assert coerced.result is None
    assert [warning["value"] for warning in coerced.warnings] == [answer]
    assert coerced.warnings[0]["message"] == snapshot(
        "The answer has another type than Moodle declares (2,000 values and more have another type); its value is only in this warning."
    )
