"""One line of the check, and what is made of all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Verdict: TypeAlias = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Line:
    """One step: how it stands, what was found and what to do next.

    `public` says what was found in words that name nobody and no place, for an issue. `missing`
    are functions that the token's service lacks, `capabilities` those that Moodle declares for
    them.
    """

    step: str
    verdict: Verdict
    found: str = ""
    todo: str = ""
    public: str = ""
    missing: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        data: dict[str, Any] = {
            "step": self.step,
            "verdict": self.verdict,
            "found": self.found,
            "todo": self.todo,
        }
        if self.missing:
            data |= {"missing": list(self.missing), "capabilities": list(self.capabilities)}
        return data


def succeeded(lines: Iterable[Line]) -> bool:
    """Whether nothing has failed."""
    return all(line.verdict != "failed" for line in lines)
