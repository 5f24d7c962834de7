"""Ranges of rows: `2-50, 60`; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
    ranges = [_range(part) for part in text.split(",")]
    positions = [
        position
        for position, number in enumerate(numbers)
        if any(first <= number <= last for first, last in ranges)
    ]
    if not positions:
        raise RangeError(f"no row is within {text}; they are {numbers[0]} to {numbers[-1]}")
    return positions


def _range(text: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(text)
    if match is None:
        raise RangeError(f"{text.strip()!r} is not a number or a range, such as 2-50")
    return int(match[1]), int(match[2] or match[1])
