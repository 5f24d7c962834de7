"""A server process over stdio and its JSON-RPC lines, without a client library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

MODERN = "2026-07-28"
ERAS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", MODERN)

_META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
}


class Wire:
    """A connection that speaks one revision of the protocol."""

    def __init__(
        self, process: subprocess.Popen[bytes], era: str, can: Mapping[str, Any] | None = None
    ) -> None:
        self.process = process
        self.era = era
        self.notifications: list[dict[str, Any]] = []
        self._id = 0
        if era != MODERN:
            client = {"name": "test", "version": "1"}
            params = {"protocolVersion": era, "capabilities": can or {}, "clientInfo": client}
            self.greeting = self.ask("initialize", params)
            self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        else:
            self.greeting = self.ask("server/discover")

    def send(self, message: Mapping[str, Any] | bytes) -> None:
        assert self.process.stdin is not None
        line = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def request(self, method: str, params: Mapping[str, Any] | None = None) -> int:
        """Send a request; return its id."""
        self._id += 1
        body: dict[str, Any] = dict(params or {})
        if self.era == MODERN:
            body["_meta"] = {**_META, **body.get("_meta", {})}
        self.send({"jsonrpc": "2.0", "id": self._id, "method": method, "params": body})
        return self._id

    def read(self) -> dict[str, Any]:
        """Read the next line, which must be JSON-RPC."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the server closed its output"
        message = json.loads(line)
        assert message["jsonrpc"] == "2.0"
        return message

    def answer(self, wanted: int) -> dict[str, Any]:
        """Read the response to a request; collect the notifications before it."""
        while (message := self.read()).get("id") != wanted:
            self.notifications.append(message)
        return message

    def ask(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self.answer(self.request(method, params))

    def call(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call a tool; return the result of `tools/call`."""
        response = self.ask("tools/call", {"name": name, "arguments": arguments})
        return response["result"]

    def close(self) -> tuple[int, str]:
        """Close stdin; return the exit status and the log."""
        out, err = self.process.communicate(timeout=20)
        assert out == b""
        return self.process.returncode, err.decode()


@contextmanager
def serving_stdio(
    environment: Mapping[str, str], era: str = ERAS[-2], can: Mapping[str, Any] | None = None
) -> Generator[Wire]:
    """Start a server with these settings; `can` are the client capabilities in older revisions."""
    kept = {name: value for name, value in os.environ.items() if "MOODLE" not in name}
    process = subprocess.Popen(
        [sys.executable, "-m", "moodle_mcp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**kept, **environment},
        bufsize=1 << 20,
    )
    try:
        yield Wire(process, era, can)
    finally:
        process.kill()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None and not stream.closed:
                stream.close()
        process.wait()
