"""Measures what the server adds: to the start of a process, to a list of tools and to a call.

    python -m tools.bench [--runs N] [--json]

Everything is measured in one run on one machine against the demo site, and each figure stands
beside what it is compared with: the smallest low-level server of the same SDK, and the same
request made directly with the HTTP client.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

import httpx2

from moodle_mcp.catalogue.store import load
from moodle_mcp.demo import ADMIN_TOKEN, DemoSite, serving
from moodle_mcp.site.protocol import REST

SMALLEST: Final = [sys.executable, "-m", "tools.bench.smallest_server"]
OURS: Final = [sys.executable, "-m", "moodle_mcp"]
WRITE: Final = "enrol_manual_enrol_users"
READS: Final = {
    "call with an answer of 0.5 kB": ("core_course_get_course_module", "cmid"),
    "call with an answer of 11 kB": ("core_course_get_contents", "courseid"),
}
"""Reads, and the argument that names what is read."""


@dataclass(frozen=True)
class Row:
    """One figure in milliseconds, and what it is compared with."""

    what: str
    ours: float
    compared_with: str
    other: float

    @property
    def ratio(self) -> float:
        return self.ours / self.other


class Wire:
    """A server process, spoken to line by line over its pipes."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **environment},
            bufsize=1 << 21,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise OSError("the process has no pipes")
        self._input, self._output = self._process.stdin, self._process.stdout
        self._id = 0

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The response to one request."""
        self._id += 1
        message = {"jsonrpc": "2.0", "id": self._id, "method": method, "params": params}
        self._send(message)
        return json.loads(self._read())

    def timed(self, method: str, params: dict[str, Any]) -> float:
        """The milliseconds until the response's line is there."""
        self._id += 1
        start = time.perf_counter()
        self._send({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})
        self._read()
        return (time.perf_counter() - start) * 1000

    def initialize(self) -> None:
        client = {"name": "bench", "version": "1"}
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
        self.ask("initialize", params)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def close(self) -> None:
        self._input.close()
        self._process.wait()

    def _send(self, message: dict[str, Any]) -> None:
        self._input.write(json.dumps(message).encode() + b"\n")
        self._input.flush()

    def _read(self) -> bytes:
        return self._output.readline()


@contextmanager
def connected(command: list[str], environment: dict[str, str]) -> Generator[Wire]:
    """A server that is initialized."""
    wire = Wire(command, environment)
    try:
        wire.initialize()
        yield wire
    finally:
        wire.close()


def start(environment: dict[str, str], runs: int) -> Row:
    """From the start of the process to the answered `initialize`, in turns."""
    ours: list[float] = []
    smallest: list[float] = []
    for _ in range(runs):
        for command, times in ((SMALLEST, smallest), (OURS, ours)):
            begin = time.perf_counter()
            with connected(command, environment):
                times.append((time.perf_counter() - begin) * 1000)
    return Row(
        "start to initialize", median(ours[1:]), "smallest low-level server", median(smallest[1:])
    )


def lists(environment: dict[str, str], runs: int) -> list[Row]:
    """`tools/list` of everything, the first and the repeated."""
    with connected(
        OURS, environment | {"MOODLE_MCP_TOOLS": ",".join(load())} | DESTRUCTIVE
    ) as wire:
        first = wire.timed("tools/list", {})
        repeated = median([wire.timed("tools/list", {}) for _ in range(runs)])
    return [Row("tools/list of 759, repeated", repeated, "the first one", first)]


def calls(
    what: str, arguments: dict[str, int], url: str, environment: dict[str, str], runs: int
) -> Row:
    """A read through the server, and the same request made directly, in turns."""
    function, _ = READS[what]
    body = f"wstoken={ADMIN_TOKEN}&".encode() + REST.encode(function, arguments).body
    address = f"{url}/webservice/rest/server.php?moodlewsrestformat=json"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    params = {"name": function, "arguments": arguments}
    ours: list[float] = []
    direct: list[float] = []
    with httpx2.Client() as client, connected(OURS, environment) as wire:

        def post() -> None:
            client.post(address, content=body, headers=headers).json()

        for _ in range(runs):
            direct.append(timed(post))
            ours.append(wire.timed("tools/call", params))
    return Row(what, median(ours[5:]), "the same request directly", median(direct[5:]))


def batches(url: str, environment: dict[str, str], site: DemoSite) -> list[Row]:
    """Enrolling 2,000 people: through the server, by hand in requests of 100, one by one."""
    course, users = 12, [user.id for user in site.world.people()]
    items = [
        {"roleid": 5, "userid": users[number % len(users)], "courseid": course}
        for number in range(2_000)
    ]
    address = f"{url}/webservice/rest/server.php?moodlewsrestformat=json"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    def by_hand(size: int, count: int) -> float:
        with httpx2.Client() as client:

            def send() -> None:
                for start in range(0, count, size):
                    part = {"enrolments": items[start : start + size]}
                    body = f"wstoken={ADMIN_TOKEN}&".encode() + REST.encode(WRITE, part).body
                    client.post(address, content=body, headers=headers).json()

            return timed(send)

    with connected(OURS, environment | {"MOODLE_MCP_TOOLS": WRITE} | DESTRUCTIVE) as wire:
        params = {"name": WRITE, "arguments": {"enrolments": items}}
        wire.timed("tools/call", params)
        ours: list[float] = []
        best: list[float] = []
        for _ in range(5):
            best.append(by_hand(100, len(items)))
            ours.append(wire.timed("tools/call", params))
    one_by_one = by_hand(1, 200) * len(items) / 200
    return [
        Row("2,000 enrolments", median(ours), "requests of 100 by hand", median(best)),
        Row("2,000 enrolments", median(ours), "one by one (of 200, scaled)", one_by_one),
    ]


DESTRUCTIVE: Final = {
    "MOODLE_MCP_ACCESS": "destructive",
    "MOODLE_MCP_MODE": "direct",
    "MOODLE_MCP_CONFIRM": "never",
}


def timed(work: Callable[[], None]) -> float:
    """The milliseconds that some work takes."""
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


def median(times: list[float]) -> float:
    return statistics.median(times)


def main(argv: list[str]) -> None:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="starts of each process")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(argv)
    site = DemoSite()
    with serving(site.app) as url:
        environment = {
            "MOODLE_URL": url,
            "MOODLE_TOKEN": ADMIN_TOKEN,
            # What is measured is our own work, not the pace that an operator sets.
            "MOODLE_MCP_RATE": "1000",
            "MOODLE_MCP_TOOLS": "core_course_*",
        }
        ids = {"courseid": 2, "cmid": next(iter(site.world.modules))}
        rows = [
            start(environment, options.runs),
            *lists(environment, options.runs),
            *(
                calls(what, {argument: ids[argument]}, url, environment, options.runs * 20)
                for what, (_, argument) in READS.items()
            ),
            *batches(url, environment, site),
        ]
    if options.json:
        print(json.dumps([asdict(row) | {"ratio": row.ratio} for row in rows], indent=2))
        return
    for row in rows:
        print(
            f"{row.what:30} {row.ours:8.1f} ms   {row.compared_with:28} {row.other:8.1f} ms   "
            f"ratio {row.ratio:5.2f}   difference {row.ours - row.other:+8.1f} ms"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
