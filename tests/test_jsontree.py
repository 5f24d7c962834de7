"""Counting the values of JSON, in a text and in a value."""

from __future__ import annotations

import json
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from moodle_mcp.jsontree import MAX_ITEMS, MAX_VALUES, Size, has_more_values, head, size_of

TEXTS = st.text(st.sampled_from('a,[{"\\\n\u00e9'), max_size=8)
VALUES = st.recursive(
    st.none() | st.integers() | TEXTS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=5)
        | st.dictionaries(TEXTS, inner, min_size=1, max_size=5)
    ),
    max_leaves=30,
)


def count(value: Any) -> int:
    """The values in a value, itself included."""
    if isinstance(value, dict):
        return 1 + sum(map(count, cast("dict[str, Any]", value).values()))
    return 1 + sum(map(count, cast("list[Any]", value))) if isinstance(value, list) else 1


@given(VALUES)
def test_values_are_counted_outside_of_strings(value: Any) -> None:
    number = count(value)
    text = json.dumps(value).encode()
    assert not has_more_values(text, number)
    assert has_more_values(text, number - 1)


def test_a_block_may_end_inside_an_escape() -> None:
    for shift in range(4):
        text = b'["' + b"x" * ((1 << 20) - 4 - shift) + b'\\\\\\"", ",,,,"]'
        assert json.loads(text)
        assert not has_more_values(text, 3)
        assert has_more_values(text, 2)


@given(VALUES, st.integers(1, 40))
def test_a_head_is_a_beginning_with_all_keys(value: Any, values: int) -> None:
    def begins(part: Any, whole: Any) -> bool:
        if isinstance(whole, dict):
            items = cast("dict[str, Any]", whole).items()
            return list(part) == [key for key, _ in items] and all(
                begins(part[key], child) for key, child in items
            )
        if isinstance(whole, list):
            entries = cast("list[Any]", whole)
            return len(part) > 0 and all(map(begins, part, entries[: len(part)]))
        return part == whole

    assert begins(head(value, values), value)
    assert head(value, count(value)) == value


def test_a_long_list_has_a_short_head() -> None:
    assert head({"a": [0] * 100, "b": [1, 2]}, 4) == {"a": [0, 0], "b": [1]}


def test_a_size_counts_texts_that_may_be_json() -> None:
    assert size_of({"a": ["b", "cc"], "d": " [1,2]"}) == Size(8, 9, 2)
    assert size_of({"a": "b, c, d"}) == Size(2, 7, 0)


def test_counting_a_value_ends_above_the_limit() -> None:
    assert size_of([[0] * MAX_VALUES] * 1000).is_too_large
    assert size_of([0] * (MAX_ITEMS + 1)).is_too_large
    assert not size_of([0] * MAX_ITEMS).is_too_large
