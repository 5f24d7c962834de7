"""Ranges of rows: `2-50, 60`; pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Final

from moodle_mcp.errors import MoodleMcpError

_RANGE: Final = re.compile(r"\s*(\d{1,9})\s*(?:-\s*(\d{1,9})\s*)?")


class RangeError(MoodleMcpError):
    """The ranges can't be used; the message is one line."""


def chosen(text: str, numbers: Sequence[int]) -> list[int]:
    """Return the positions of the numbers within ranges, in their order.

    Raises:
        RangeError: the text is not ranges, or no number is within them.
    """
    ranges = _joined([_range(part) for part in text.split(",")])
    firsts = [first for first, _ in ranges]
    positions: list[int] = []
    for position, number in enumerate(numbers):
        before = bisect_right(firsts, number)
        if before and number <= ranges[before - 1][1]:
            positions.append(position)
    if not positions:
        raise RangeError(f"no row is within {text}; they are {numbers[0]} to {numbers[-1]}")
    return positions


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ranges in order, those that overlap as one: a client may pass many thousands."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(each for each in ranges if each[0] <= each[1]):
        if joined and first <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    return joined


def _range(text: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(text)
    if match is None:
        raise RangeError(f"{text.strip()!r} is not a number or a range, such as 2-50")
    return int(match[1]), int(match[2] or match[1])
