"""A line of the check's result, and the overall result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Verdict: TypeAlias = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Line:
    """The result of one step: the verdict, what was found and what to do next.

    `public` is the finding without names of people and hosts, for use in an issue. `missing` are
    functions that the token's service lacks, `capabilities` those that Moodle declares for them.
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
    """Whether no step has failed."""
    return all(line.verdict != "failed" for line in lines)
