"""How long a transfer may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds without a byte after which a transfer ends, and seconds of a whole one."""

    silence: float = 60.0
    whole: float = 110.0
