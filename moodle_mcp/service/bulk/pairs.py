"""Pairs written as NAME=VALUE: what headers mean, and values for all rows; pure."""

from __future__ import annotations

from collections.abc import Sequence

from moodle_mcp.errors import MoodleMcpError


class PairError(MoodleMcpError):
    """A text is not a pair, or its name is given twice; `index` is the text's position."""

    def __init__(self, where: str, index: int, problem: str) -> None:
        super().__init__(f"{where} {problem}")
        self.index = index
        self.problem = problem


def parsed_pairs(where: str, texts: Sequence[str], *, last: bool = False) -> dict[str, str]:
    """Return the values by name; `where` names the option in errors.

    A text is split at its first equals sign, or at the last one if the name may have some itself.

    Raises:
        PairError: a text is not a pair, or a name is given twice.
    """
    pairs: dict[str, str] = {}
    for index, text in enumerate(texts):
        left, equals, right = text.rpartition("=") if last else text.partition("=")
        name = left.strip()
        if not equals or not name:
            raise PairError(where, index, "is not NAME=VALUE")
        if name in pairs:
            raise PairError(where, index, f"names {name} again")
        pairs[name] = right.strip()
    return pairs
