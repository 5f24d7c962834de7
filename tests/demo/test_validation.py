"""The demo site checks parameters as strictly as Moodle."""

from __future__ import annotations

from typing import Any

import pytest

from moodle_mcp.catalogue.loading import load
from moodle_mcp.catalogue.model import ListOf, Node, Object, Value
from moodle_mcp.demo.errors import MoodleError
from moodle_mcp.demo.validation import validate
from tests.support.demo_client import Wire
from tests.support.recorded_types import TYPES, accepted, refused


def accepts(node: Node, given: Any) -> bool:
    try:
        validate(Object({"x": node}), {"x": given})
    except MoodleError:
        return False
    return True


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("bool", ["0", "1"], ["true", "false", "yes", "", "2", "01"]),
        ("int", ["0", "-7", "9223372036854775807"],
         ["2.0", " 2", "+2", "1e3", "", "007", "-0", "12345678901234567890", "9" * 5000, "٣"]),
        ("float", ["1", "-1.5", "1e3", ".5", "5."], ["", "1,5", "x", "1.2.3"]),
        ("alpha", ["", "abc"], ["a1", "a b"]),
        ("alphanumext", ["a_1-b"], ["a.b"]),
        ("username", ["a.b-c_d@e"], ["UPPER", "a b"]),
        ("text", ["a < b", "é"], ["<b>bold</b>"]),
        ("raw", ["<b>bold</b>", ""], []),
    ],
)  # fmt: skip
def test_a_value_is_taken_or_refused(kind: str, good: list[str], bad: list[str]) -> None:
    node = Value(kind)
    assert [text for text in good if not accepts(node, text)] == []
    assert [text for text in bad if accepts(node, text)] == []


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("bool", [True, False, 1, 0, 1.0, 0.0], [2, 1.5, -1, {"0": 1}, None]),
        ("int", [2, 2.0, -7, True, 0, -0], [2.5, False, -0.0, 1e15, 1e25, 12345678901234567890.0, {"0": 1}]),
        ("float", [1, 1.5, -0.0, 1e25, 2**62], [True, False, {"0": 1}, None]),
        ("text", ["a", 5, 2.5, True, False], [{"0": "a"}, None]),
        ("alpha", ["abc", False], [5, 2.5, True]),
    ],
)  # fmt: skip
def test_a_value_of_json_is_taken_or_refused(kind: str, good: list[Any], bad: list[Any]) -> None:
    """As observed with webservice_restful on 4.5.6: PHP's casts to text and back must agree."""
    node = Value(kind)
    assert [value for value in good if not accepts(node, value)] == []
    assert [value for value in bad if accepts(node, value)] == []


SITE_DECIDES = {"auth", "lang", "localurl", "theme", "timezone", "username"}


@pytest.mark.parametrize("kind", sorted({*TYPES} - SITE_DECIDES - {"cleanhtml"}))
def test_texts_are_judged_as_a_real_moodle_did(kind: str) -> None:
    node = Value(kind)
    assert [text for text in accepted(kind) if not accepts(node, text)] == []
    assert [text for text in refused(kind) if accepts(node, text)] == []


@pytest.mark.parametrize("kind", ["lang", "username"])
def test_the_demo_site_is_set_up_as_that_moodle_was(kind: str) -> None:
    node = Value(kind)
    assert [text for text in accepted(kind) if not accepts(node, text)] == []
    assert [text for text in refused(kind) if accepts(node, text)] == []


def test_null_is_taken_where_the_value_may_be_null() -> None:
    assert accepts(Value("int", nullable=True), None)
    assert not accepts(Value("int"), None)


def test_values_of_json_get_their_types() -> None:
    node = Object({"i": Value("int"), "b": Value("bool"), "f": Value("float"), "t": Value("raw")})
    given = {"i": 3.0, "b": 0, "f": 1, "t": 2.5}
    assert validate(node, given) == {"i": 3, "b": False, "f": 1.0, "t": "2.5"}


def test_values_get_their_types() -> None:
    node = Object({"i": Value("int"), "b": Value("bool"), "f": Value("float"), "t": Value("raw")})
    given = {"i": "3", "b": "0", "f": "1.5", "t": "3"}
    assert validate(node, given) == {"i": 3, "b": False, "f": 1.5, "t": "3"}


def test_defaults_are_filled_in_and_optional_values_stay_out() -> None:
    node = Object(
        {
            "known": Value("int", presence="default", default=7),
            "unknown": Value("int", presence="default"),
            "list": ListOf(Value("int"), presence="default"),
            "optional": Value("int", presence="optional"),
        }
    )
    assert validate(node, {}) == {"known": 7, "unknown": None, "list": []}


def test_every_function_of_the_catalogue_refuses_a_key_that_it_does_not_know() -> None:
    catalogue = load()
    assert len(catalogue) == 759
    for name in catalogue:
        node = catalogue.get(name).params
        with pytest.raises(MoodleError, match="Invalid parameter value detected"):
            validate(node, {"nobody_knows_this": "1"})


def test_a_function_without_behaviour_says_so_after_checking_its_parameters(wire: Wire) -> None:
    bad = wire.call("core_badges_get_user_badges", userid="x")
    assert bad["errorcode"] == "invalidparameter"
    good = wire.call("core_badges_get_user_badges", userid=3)
    assert (good["exception"], good["errorcode"]) == ("moodle_exception", "demonotimplemented")
