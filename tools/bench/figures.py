"""Figures of a benchmark, and how they are printed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from tools.docs.markdown import table

SMALLEST: Final = "the smallest server of the SDK"
SENDING: Final = "the smallest server, which sends it unchecked"
DIRECTLY: Final = "the same request with the HTTP client alone"


@dataclass(frozen=True)
class Goal:
    """Upper limit of a figure: as a ratio to the reference, or as a difference in its unit."""

    most: float
    of: Literal["ratio", "difference", "itself"]

    def __str__(self) -> str:
        sign = {"ratio": "ratio ≤ ", "difference": "≤ +", "itself": "≤ "}[self.of]
        return f"{sign}{self.most:g}"


@dataclass(frozen=True)
class Figure:
    """A figure of our server, and the reference that was measured in the same run."""

    what: str
    unit: Literal["ms", "MiB", "tokens"]
    ours: float
    compared_with: str
    other: float
    goal: Goal | None = None

    @property
    def ratio(self) -> float:
        return self.ours / self.other

    @property
    def difference(self) -> float:
        return self.ours - self.other

    @property
    def is_met(self) -> bool:
        """Whether the goal is met; None without a goal."""
        if self.goal is None:
            return True
        value = {"ratio": self.ratio, "difference": self.difference, "itself": self.ours}
        return value[self.goal.of] <= self.goal.most

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"ratio": self.ratio, "is_met": self.is_met}

    def cells(self) -> tuple[str, ...]:
        """The row of a table."""
        goal = "" if self.goal is None else f"{self.goal}{'' if self.is_met else ': missed'}"
        return (
            self.what,
            f"{_short(self.ours)} {self.unit}",
            self.compared_with,
            f"{_short(self.other)} {self.unit}",
            f"{self.ratio:.2f}",
            f"{'+' if self.difference > 0 else '-'}{_short(abs(self.difference))}",
            goal,
        )


HEAD: Final = ("", "ours", "compared with", "its", "ratio", "difference", "goal")


def as_markdown(figures: Iterable[Figure]) -> str:
    """The figures as a table."""
    return table(HEAD, (figure.cells() for figure in figures))


def as_lines(figures: Iterable[Figure]) -> Iterator[str]:
    """The figures in columns."""
    rows = [HEAD, *(figure.cells() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        yield "  ".join(
            cell.ljust(width) if column in (0, 2) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()


def _short(value: float) -> str:
    """Format with three significant digits, or with all digits before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
