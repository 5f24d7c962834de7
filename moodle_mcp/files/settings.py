"""Limits for files."""

from __future__ import annotations

from dataclasses import dataclass, field

from moodle_mcp.site.timing import Timing


@dataclass(frozen=True, slots=True)
class FileSettings:
    """Maximum bytes of a file that is returned and of one that is saved or uploaded, and the time
    limits of a transfer.
    """

    most: int = 20_000_000
    most_saved: int = 500_000_000
    timing: Timing = field(default_factory=Timing)
