"""Comparing an item of a write with what was read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moodle_mcp.catalogue.silent import Check, Verdict
from moodle_mcp.verification.compare import Unread, find
from moodle_mcp.verification.items import items_of


def check(problem: Any, **fields: Any) -> Check:
    usual: dict[str, Any] = {
        "then": Verdict.FAILED,
        "text": "{value} of {fact}",
        "value": ("value",),
    }
    return Check((), problem, **{**usual, **fields})


def told(each: Check, fact: Any, **item: Any) -> str | None:
    (only,) = items_of({"items": [{"id": 1, **item}]}, ("items",))
    found = find(each, only, {} if fact is None else {1: fact})
    return None if found is None else "unknown" if found.is_unknown else found.text


FACTS = [
    ("absent", frozenset({1}), 2, "2 of "),
    ("absent", frozenset({1}), 1, None),
    ("absent", frozenset({1}), "1", None),
    ("present", frozenset({1}), 1, "1 of "),
    ("above", 100, 100, None),
    ("above", 100, 100.5, "100.5 of 100"),
    ("above", None, 100, "unknown"),
    ("same", "50.00000", 50, "50 of 50"),
    ("differs", "50.00000", 50, None),
    ("differs", "-1.00000", 50, "50 of -1"),
    ("differs", 12_345_678, 5, "5 of 12345678"),
    ("gone", Unread.GONE, 1, "1 of "),
    ("absent", Unread.GONE, 1, None),
    ("absent", Unread.NOBODY, 1, "unknown"),
    ("present", Unread.NOBODY, 1, None),
    ("absent", Unread.UNKNOWN, 1, "unknown"),
]


@pytest.mark.parametrize(("problem", "fact", "value", "text"), FACTS)
def test_a_value_is_compared_with_a_fact(problem: str, fact: Any, value: Any, text: Any) -> None:
    assert told(check(problem, fact="x", owner=("id",)), fact, value=value) == text


@pytest.mark.parametrize("problem", ["blank", "below", "over", "before", "equal"])
@given(st.lists(st.none() | st.booleans() | st.integers() | st.text(), min_size=2, max_size=2))
def test_no_value_breaks_a_check(problem: str, values: list[Any]) -> None:
    paths = ("value", "other") if problem in ("before", "equal") else ("value",)
    told(check(problem, value=paths), None, value=values[0], other=values[1])


def test_a_row_with_all_values_of_an_item_is_unchanged() -> None:
    row = {"id": 1, "name": "A", "visible": 1, "more": 2}
    each = check("same", fact="x", owner=("id",), keys=("name", "visible"))
    assert told(each, row, name="A", visible=True) == "name, visible of "
    assert told(each, row, name="B") is None
    assert told(each, row, name="A", unknown=1) is None
