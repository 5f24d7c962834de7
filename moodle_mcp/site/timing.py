"""Time limits of file transfers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Maximum seconds without a byte (`silence`) and for the whole transfer (`whole`)."""

    silence: float = 60.0
    whole: float = 110.0
