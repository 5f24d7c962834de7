"""One line of JSON for each call: what was called and how it ended, and nothing of its content."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.catalogue.model import Function

STDERR: Final = "stderr"


class Audit:
    """Writes the lines to stderr or at the end of a file; nowhere if that is not wanted."""

    def __init__(self, target: str | None) -> None:
        self._target = target

    def write(self, function: Function, outcome: Outcome, start: float) -> None:
        """Record a call that began at `start`, a time of `time.monotonic`."""
        if self._target is None:
            return
        batch = outcome.batch or {}
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "function": function.name,
            "access": function.classification.access.value,
            "outcome": "done" if outcome.fault is None else "failed",
            "kind": None if outcome.fault is None else outcome.fault.kind.code,
            "items": batch.get("items"),
            "succeeded": batch.get("succeeded"),
            "ms": round((time.monotonic() - start) * 1000),
        }
        text = json.dumps({key: value for key, value in line.items() if value is not None})
        if self._target == STDERR:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()
        else:
            with Path(self._target).open("a", encoding="utf-8") as file:
                file.write(f"{text}\n")
