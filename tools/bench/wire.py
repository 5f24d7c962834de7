"""A server process and its JSON-RPC lines over stdio."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from moodle_mcp.demo import ADMIN_TOKEN

OURS: Final = [sys.executable, "-m", "moodle_mcp"]
_CLIENT: Final = {"name": "bench", "version": "1"}


def smallest(tools: Path | None = None) -> list[str]:
    """Return the command that starts the smallest server with the tools of a file."""
    return [sys.executable, "-m", "tools.bench.smallest_server", *([str(tools)] if tools else [])]


def settings(url: str, **more: str) -> dict[str, str]:
    """Return the environment of our server, with a rate limit so high that only the
    server's own work is measured.
    """
    own = {"MOODLE_URL": url, "MOODLE_TOKEN": ADMIN_TOKEN, "MOODLE_MCP_RATE": "1000"}
    return own | {f"MOODLE_MCP_{name.upper()}": value for name, value in more.items()}


class Wire:
    """One connection to a server process."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        kept = {name: value for name, value in os.environ.items() if "MOODLE" not in name}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**kept, **environment},
            bufsize=1 << 21,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise OSError("the process has no pipes")
        self._input, self._output = self._process.stdin, self._process.stdout
        self._id = 0

    def ask(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The result of a request."""
        self._request(method, params)
        return json.loads(self._output.readline())["result"]

    def timed(self, method: str, params: Mapping[str, Any], at_once: int = 1) -> float:
        """Return the milliseconds until that many equal requests are answered."""
        start = time.perf_counter()
        for _ in range(at_once):
            self._request(method, params)
        lines = [self._output.readline() for _ in range(at_once)]
        took = (time.perf_counter() - start) * 1000
        for line in lines:
            result = json.loads(line)["result"]
            if result.get("isError"):
                raise ValueError(f"the call failed: {line[:500]!r}")
        return took

    def initialize(self) -> None:
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": _CLIENT}
        self.ask("initialize", params)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    @property
    def memory(self) -> float:
        """The process's resident memory in MiB."""
        command = ["ps", "-o", "rss=", "-p", str(self._process.pid)]
        return int(subprocess.run(command, check=True, capture_output=True).stdout) / 1024

    def close(self) -> None:
        self._input.close()
        self._process.wait()

    def _request(self, method: str, params: Mapping[str, Any]) -> None:
        self._id += 1
        self._send({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        self._input.write(json.dumps(message).encode() + b"\n")
        self._input.flush()


@contextmanager
def connected(command: list[str], environment: Mapping[str, str]) -> Generator[Wire]:
    """Start a server and initialize the connection."""
    wire = Wire(command, environment)
    try:
        wire.initialize()
        yield wire
    finally:
        wire.close()


def timed(work: Callable[[], object]) -> float:
    """Return the milliseconds that some work takes."""
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000
