"""A server process over streamable HTTP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass
class Served:
    """A server process and its URL."""

    process: subprocess.Popen[str]
    url: str

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit status and the log."""
        self.process.send_signal(number)
        _, log = self.process.communicate(timeout=30)
        return self.process.returncode, log


@contextmanager
def serving_http(environment: Mapping[str, str], listen: str = "0") -> Generator[Served]:
    """Start a server process with these settings."""
    kept = {name: value for name, value in os.environ.items() if "MOODLE" not in name}
    process = subprocess.Popen(
        [sys.executable, "-m", "moodle_mcp", "serve", "--http", listen],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**kept, **environment},
        text=True,
    )
    assert process.stderr is not None
    try:
        line = next(line for line in process.stderr if " at http://" in line)
        yield Served(process, line.split(" at ")[1].split(";")[0])
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def ping(**headers: str) -> dict[str, Any]:
    """Return the arguments of an `initialize` request, with further headers."""
    return {
        "headers": {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            **headers,
        },
        "json": {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            },
        },
    }
