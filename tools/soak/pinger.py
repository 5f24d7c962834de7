"""Ping a server over HTTP until stdin ends, and report how long the answers took.

python -m tools.soak.pinger URL

It is a separate process, so that the attacker's own work does not look like a slow server. For each
line on stdin it prints the slowest and the median ping since the line before, in milliseconds, and
the number of pings.
"""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import threading
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

_PAUSE: Final = 0.02


class Pinger:
    """One client with a session of its own."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._path = parts.path
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=120)
        self._headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        client = {"name": "pinger", "version": "1"}
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
        self._headers["Mcp-Session-Id"] = self._post("initialize", params)

    def ping(self) -> float:
        """Return the seconds until the answer; reconnect if the connection was closed."""
        start = time.perf_counter()
        try:
            self._post("ping", {})
        except (ConnectionError, http.client.HTTPException):
            self._connection.close()
            self._post("ping", {})
        return time.perf_counter() - start

    def _post(self, method: str, params: Mapping[str, object]) -> str:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self._connection.request("POST", self._path, json.dumps(message), self._headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise OSError(f"a ping was answered with {response.status}: {answer[:200]!r}")
        return response.headers.get("Mcp-Session-Id", "")


def main(url: str) -> None:
    """Ping, and report when asked."""
    pinger = Pinger(url)
    times: list[float] = []
    ended = threading.Event()

    def go_on() -> None:
        while not ended.is_set():
            times.append(pinger.ping() * 1000)
            time.sleep(_PAUSE)

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    for _ in sys.stdin:
        while not times and thread.is_alive():
            time.sleep(_PAUSE)
        taken, times[:] = list(times), []
        worst = max(taken, default=float("inf"))
        median = statistics.median(taken) if taken else worst
        print(json.dumps([worst, median, len(taken)]), flush=True)
    ended.set()


if __name__ == "__main__":
    main(sys.argv[1])
