"""What a caller is set to."""

from __future__ import annotations

from dataclasses import dataclass, field

from moodle_mcp.caller.limits import Limits


@dataclass(frozen=True, slots=True)
class CallSettings:
    """How calls are made.

    `timeout` are the seconds of one request with its repeats, `budget` those of a call that is
    many requests; `rate` is in requests a second; `reads` and `writes` are at most under way.
    """

    limits: Limits = field(default_factory=Limits)
    timeout: float = 60.0
    budget: float = 110.0
    rate: float = 25.0
    reads: int = 4
    writes: int = 1
