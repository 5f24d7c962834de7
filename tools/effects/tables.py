"""The tables beside this module: routines not followed, effects found, and verdicts on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Found:
    """A place where functions have an effect."""

    kind: str
    routine: str
    place: str
    chain: str
    functions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Our verdict on a place; `routine` may end in `*`."""

    kind: str
    routine: str
    verdict: str
    reason: str

    def covers(self, found: Found) -> bool:
        """Whether it applies to this place."""
        whole = self.routine.removesuffix("*")
        named = found.routine == whole if whole == self.routine else found.routine.startswith(whole)
        return named and self.kind in ("*", found.kind)


def cuts() -> dict[str, str]:
    """Return the routines that are not followed, with what each may write."""
    return {row[0]: row[1] for row in _rows("cuts.tsv")}


def found() -> list[Found]:
    """Return what the program found in Moodle 4.5.6."""
    return [
        Found(kind, routine, place, chain, tuple(users.split(",")))
        for kind, routine, place, chain, users in _rows("found-4.5.6.tsv")
    ]


def verdicts() -> list[Verdict]:
    """Return the verdicts."""
    return [Verdict(*row) for row in _rows("verdicts.tsv")]


def not_followed() -> dict[str, str]:
    """Return the reads whose source the program has not seen, with what is known about them."""
    return {row[0]: row[1] for row in _rows("not-followed.tsv")}


def _rows(file: str) -> Iterator[list[str]]:
    for line in (_HERE / file).read_text(encoding="utf-8").splitlines():
        yield line.split("\t")
