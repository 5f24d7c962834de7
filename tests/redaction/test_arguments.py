"""Secrets in arguments are hidden, and nothing else is."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.redaction.arguments import HIDDEN, secret_texts, without_secret_arguments

NAMES = st.sampled_from(["courseid", "name", "text[0]", "id"])
TEXTS = st.text(st.characters(categories=["L", "N"]), min_size=1)


def test_a_secret_in_a_text_is_hidden_at_its_place_alone() -> None:
    texts = [
        "xtoken=1234&courseid=1234&empty=&password=&name=a1234b",
        '{"token": "abcdefgh", "text": "YWJjZGVmZ2g= abcdefgh"}',
        '{"token": "a1234", "id": "a1234", "id": "b"}',
        '"id=5&passw%6Frd=s3cret&id=6"',
        '{"form": "token=s3cret&id=5"}',
        "id=5&more=%7B%22password%22%3A%22s3cret%22%2C%22id%22%3A%22%26x%22%7D",
    ]
    assert [without_secret_arguments(each) for each in texts] == snapshot(
        [
            "xtoken=(not shown)&courseid=1234&empty=&password=&name=a1234b",
            '{"token": "(not shown)", "text": "YWJjZGVmZ2g= abcdefgh"}',
            '[{"token": "(not shown)"}, {"id": "a1234"}, {"id": "b"}]',
            '"id=5&passw%6Frd=(not shown)&id=6"',
            '{"form": "token=(not shown)&id=5"}',
            'id=5&more={"password": "(not shown)", "id": "%26x"}',
        ]
    )
    assert [secret_texts(each) for each in texts] == snapshot(
        [("1234",), ("abcdefgh",), ("a1234",), ("s3cret",), ("s3cret",), ("s3cret",)]
    )


@given(st.lists(st.tuples(NAMES, TEXTS), min_size=1), TEXTS)
def test_other_values_of_a_form_stay_whatever_the_secret_is(
    fields: list[tuple[str, str]], secret: str
) -> None:
    form = urlencode(fields)
    hidden = without_secret_arguments(f"token={urlencode({'': secret})[1:]}&{form}")
    assert hidden.endswith(f")&{form}")


@given(st.dictionaries(NAMES, st.one_of(TEXTS, st.integers(), st.lists(TEXTS))), TEXTS)
def test_other_values_of_a_text_of_json_stay_whatever_the_secret_is(
    fields: dict[str, Any], secret: str
) -> None:
    hidden = json.loads(without_secret_arguments(json.dumps({**fields, "token": secret})))
    assert hidden.pop("token").startswith("(not shown")
    assert hidden == fields


@pytest.mark.parametrize(
    ("value", "length"), [("x" * 65, 65), (["x" * 80], 84), ({"id": "x" * 80}, 90)]
)
def test_what_is_too_long_for_a_secret_says_its_length(value: Any, length: int) -> None:
    shown = without_secret_arguments({"token": value, "password": "x" * 64})
    assert shown == {"token": f"(not shown: {length} characters)", "password": HIDDEN}


@pytest.mark.parametrize("depth", [100, 480, 700, 100_000])
def test_a_text_of_deep_json_is_no_fault(depth: int) -> None:
    text = "[" * depth + '"token"' + "]" * depth
    assert without_secret_arguments({"text": text}) == {"text": text}
    assert secret_texts({"text": text}) == ()
