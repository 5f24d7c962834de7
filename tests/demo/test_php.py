"""Form fields and JSON as PHP reads them, and JSON as PHP writes it."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moodle_mcp.demo.php import (
    Form,
    parse_form,
    parse_json,
    scalar_text,
    split_pairs,
    to_json,
    to_xml,
)
from tests.support.demo_client import fields_of

NAMES = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=6)
KEYS = st.one_of(
    st.integers(0, 10_000).map(str),
    st.text(st.characters(exclude_characters="[]\0", exclude_categories=["Cs"]), max_size=8).filter(
        str.strip
    ),
)
VALUES = st.recursive(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda children: st.dictionaries(KEYS, children, min_size=1, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_what_was_encoded_is_parsed_back(arguments: Form) -> None:
    pairs = [pair for name, value in arguments.items() for pair in fields_of(name, value)]
    assert parse_form(split_pairs(urlencode(pairs).encode())) == arguments


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("", {}),
        ("a=1&a=2", {"a": "2"}),
        ("a", {"a": ""}),
        ("=1&b=2", {"b": "2"}),
        ("a=x+y%2Bz%C3%A9", {"a": "x y+zé"}),
        ("a[]=1&a[]=2", {"a": {"0": "1", "1": "2"}}),
        ("a[5]=1&a[]=2", {"a": {"5": "1", "6": "2"}}),
        ("a[7][x]=1&a[3][x]=2", {"a": {"7": {"x": "1"}, "3": {"x": "2"}}}),
        ("a=1&a[b]=2", {"a": {"b": "2"}}),
        ("a[b]=2&a=1", {"a": "1"}),
        ("a[b]=1&a[b][c]=2", {"a": {"b": {"c": "2"}}}),
        ("a.b=1&c+d=2", {"a_b": "1", "c_d": "2"}),
        ("a[b.c]=1", {"a": {"b.c": "1"}}),
        ("a[b=1", {"a_b": "1"}),
        ("a[b]c=1", {"a": {"b": "1"}}),
        ("a[b][c=1", {"a": {"b": "1"}}),
        ("[a]=1", {}),
        ("+a=1", {"a": "1"}),
        ("u[0][customfields][1][value]=v", {"u": {"0": {"customfields": {"1": {"value": "v"}}}}}),
    ],
)
def test_fields_become_arrays_as_in_php(text: str, form: Form) -> None:
    assert parse_form(split_pairs(text.encode())) == form


def test_order_of_arrival_is_kept() -> None:
    form = parse_form([("a[9]", "first"), ("a[1]", "second")])
    assert list(cast("dict[str, Any]", form["a"]).values()) == ["first", "second"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "[]"),
        ({"a": {}}, '{"a":[]}'),
        (None, "null"),
        ("a/b é", '"a\\/b \\u00e9"'),
        ([1.0, 1.5, True], "[1,1.5,true]"),
    ],
)
def test_json_is_written_as_php_does(value: Any, text: str) -> None:
    assert to_json(value) == text


def test_xml_marks_single_and_multiple_structures() -> None:
    xml = to_xml([{"id": 1, "name": "<b>", "none": None, "yes": True}])
    assert xml == (
        '<?xml version="1.0" encoding="UTF-8" ?>\n<RESPONSE>\n<MULTIPLE>\n<SINGLE>\n'
        '<KEY name="id"><VALUE>1</VALUE>\n</KEY>\n'
        '<KEY name="name"><VALUE>&lt;b&gt;</VALUE>\n</KEY>\n'
        '<KEY name="none"><VALUE null="null"/>\n</KEY>\n'
        '<KEY name="yes"><VALUE>1</VALUE>\n</KEY>\n'
        "</SINGLE>\n</MULTIPLE>\n</RESPONSE>\n"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""), (True, "1"), (False, ""), (5, "5"), ("a", "a"), (2.0, "2"), (2.5, "2.5"),
        (1e25, "1.0E+25"), (0.1, "0.1"), (-0.0, "-0"), (1e15, "1.0E+15"), (1e14, "1.0E+14"),
        (123456789012345678901.0, "1.2345678901235E+20"), (1234567.125, "1234567.125"),
        (1e-7, "1.0E-7"), (0.00001, "1.0E-5"), (1.5e-10, "1.5E-10"), (0.1 + 0.2, "0.3"),
    ],
)  # fmt: skip
def test_a_scalar_is_cast_to_text_as_php_8_2_did_it(value: Any, text: str) -> None:
    assert scalar_text(value) == text


def test_json_becomes_arrays_and_integers_beyond_64_bits_become_floats() -> None:
    text = '{"a": [true, null, {"b": 9223372036854775808}], "c": []}'
    assert parse_json(text) == {
        "a": {"0": True, "1": None, "2": {"b": 9223372036854775808.0}},
        "c": {},
    }
