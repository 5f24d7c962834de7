"""Settings of a caller."""

from __future__ import annotations

from dataclasses import dataclass, field

from moodle_mcp.caller.limits import Limits


@dataclass(frozen=True, slots=True)
class CallSettings:
    """How calls are made.

    `timeout` is in seconds for one request with its retries, `budget` in seconds for a call of many
    requests, `rate` in requests per second. `reads` and `writes` limit the concurrent requests.
    """

    limits: Limits = field(default_factory=Limits)
    timeout: float = 60.0
    budget: float = 110.0
    rate: float = 25.0
    reads: int = 4
    writes: int = 1
