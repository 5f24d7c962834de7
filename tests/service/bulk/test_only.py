"""Ranges of rows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moodle_mcp.service.bulk.only import RangeError, chosen

RANGES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=8)


@given(RANGES, st.lists(st.integers(0, 30), min_size=1))
def test_what_is_within_any_range_is_chosen(
    ranges: list[tuple[int, int]], numbers: list[int]
) -> None:
    text = ",".join(f"{first}-{last}" for first, last in ranges)
    within = [
        position
        for position, number in enumerate(numbers)
        if any(first <= number <= last for first, last in ranges)
    ]
    try:
        assert chosen(text, numbers) == within
    except RangeError:
        assert not within


def test_many_ranges_and_rows_take_no_more_than_their_sum() -> None:
    looked_at: list[int] = []

    class Number(int):
        def __le__(self, other: int) -> bool:
            looked_at.append(self)
            return super().__le__(other)

        def __ge__(self, other: int) -> bool:
            looked_at.append(self)
            return super().__ge__(other)

    text = ",".join(f"{number}" for number in range(0, 2_000, 2))
    assert len(chosen(text, [Number(number) for number in range(1_000)])) == 500
    assert len(looked_at) < 20_000
