"""What files may cost."""

from __future__ import annotations

from dataclasses import dataclass, field

from moodle_mcp.site.timing import Timing


@dataclass(frozen=True, slots=True)
class FileSettings:
    """Bytes of a file that is answered, bytes of one that is saved or sent, and the time of a
    transfer.
    """

    most: int = 20_000_000
    most_saved: int = 500_000_000
    timing: Timing = field(default_factory=Timing)
