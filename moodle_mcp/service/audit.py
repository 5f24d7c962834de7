"""Audit log: a line of JSON for each call with its function and outcome, without its content."""

from __future__ import annotations

import json
import logging
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from moodle_mcp.atomic import append_private, reason
from moodle_mcp.errors import SettingsError
from moodle_mcp.regular_files import at_home

if TYPE_CHECKING:
    from moodle_mcp.caller.outcome import Outcome
    from moodle_mcp.catalogue.model import Function

STDERR: Final = "stderr"

log = logging.getLogger(__name__)


class Audit:
    """Writes lines to stderr, to a file that only its owner can read, or nowhere."""

    def __init__(self, target: str | None = None) -> None:
        """Open the audit log; lines are appended to an existing file.

        Raises:
            SettingsError: the file can't be written.
        """
        self._file: TextIO | None = None
        if target == STDERR:
            self._file = sys.stderr
        elif target is not None:
            try:
                self._file = append_private(at_home(Path(target)))
            except OSError as error:
                raise SettingsError(
                    f"MOODLE_MCP_AUDIT can't be written ({reason(error)}): {target}"
                ) from None

    def close(self) -> None:
        """Close the log file, if there is one."""
        if self._file is not None and self._file is not sys.stderr:
            # Failed writes were logged already; a full disk must not raise here.
            with suppress(OSError):
                self._file.close()

    def write(
        self,
        function: Function,
        outcome: Outcome | None,
        start: float,
        user: str | None = None,
        grant: str | None = None,
    ) -> None:
        """Write the line of a call that began at `start`, a time of `time.monotonic`.

        `outcome` is None if the client cancelled the call; for a write, the log then says how it
        ended. `user` is None if the process has only one; `grant` is the id of what they granted.
        """
        if self._file is None:
            return
        ended = "cancelled" if outcome is None else "failed" if outcome.fault else "done"
        fault = outcome.fault if outcome else None
        batch = (outcome.batch if outcome else None) or {}
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "user": user,
            "grant": grant,
            "function": function.name,
            "access": function.classification.access.value,
            "outcome": ended,
            "kind": fault.kind.code if fault else None,
            "items": batch.get("items"),
            "succeeded": batch.get("succeeded"),
            "ms": round((time.monotonic() - start) * 1000),
        }
        text = json.dumps({key: value for key, value in line.items() if value is not None})
        try:
            self._file.write(f"{text}\n")
            self._file.flush()
        except OSError as error:
            # A full disk must not turn a call that was carried out into a failure.
            log.warning("can't write the audit log: %s", type(error).__name__)
