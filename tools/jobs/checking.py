"""What the second read of a job found."""

from __future__ import annotations

from collections.abc import Mapping


def failed(checks: Mapping[str, bool]) -> str:
    """Return the names of the checks that do not hold, comma-separated; empty if all do."""
    return ", ".join(name for name, holds in checks.items() if not holds)
