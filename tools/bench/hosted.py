"""Measure the server for several people under load, beside the smallest server without sign-in.

    python -m tools.bench.hosted [--people 200] [--calls 3000] [--replicas 2] [--grants 10000]

The demo site runs in a process of its own. The people are signed in by grants put into the store.
Each call reads from the site. Only the comparison counts: all runs share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx2

from moodle_mcp.auth.grants import Draft, Grants, binding
from moodle_mcp.auth.keys import new_keys, write_keys
from moodle_mcp.auth.people import Person
from moodle_mcp.auth.secret_texts import new_id
from moodle_mcp.auth.vault import Vault
from moodle_mcp.demo import ADMIN_TOKEN
from moodle_mcp.open_stores import open_stores
from moodle_mcp.settings import Settings
from tools.bench.site import demo_site
from tools.bench.smallest_server import BODY, URL

AT_ONCE: Final = 32
HOST: Final = "localhost"
"""The replicas' public host."""

FUNCTION: Final = "core_course_search_courses"
ARGUMENTS: Final = {"criterianame": "search", "criteriavalue": "bio"}
SCOPES: Final = ("moodle:read", "moodle:write")


@dataclass
class Load:
    """Replicas and who calls them; `latencies` are in seconds."""

    urls: Sequence[str]
    tokens: Sequence[str]
    host: str | None = None
    latencies: list[float] = field(default_factory=list[float])
    _turn: int = 0

    async def call(self, http: httpx2.AsyncClient, token: str) -> None:
        """Make one call at the next replica."""
        self._turn += 1
        url = self.urls[self._turn % len(self.urls)]
        start = time.perf_counter()
        answer = await http.post(url, json=_body(), headers=self._headers(token))
        self.latencies.append(time.perf_counter() - start)
        if answer.status_code != 200 or b'"isError":true' in answer.content:
            raise RuntimeError(f"a call failed: {answer.status_code} {answer.text[:300]}")

    def _headers(self, token: str) -> dict[str, str]:
        return {
            **({} if self.host is None else {"Host": self.host}),
            "Authorization": f"Bearer {token}",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/call",
            "Mcp-Name": FUNCTION,
        }

    async def run(self, calls: int, at_once: int = AT_ONCE) -> float:
        """Make calls, each as the next person; return the calls per second."""
        left = iter(range(calls))

        async def worker(http: httpx2.AsyncClient) -> None:
            for number in left:
                await self.call(http, self.tokens[number % len(self.tokens)])

        start = time.perf_counter()
        async with (
            httpx2.AsyncClient(trust_env=False, timeout=60) as http,
            asyncio.TaskGroup() as tasks,
        ):
            for _ in range(at_once):
                tasks.create_task(worker(http))
        return calls / (time.perf_counter() - start)


async def greedy(load: Load, at_once: int) -> None:
    """Send calls of one person without end."""

    async def send(http: httpx2.AsyncClient) -> None:
        while True:
            await load.call(http, load.tokens[0])

    async with (
        httpx2.AsyncClient(trust_env=False, timeout=60) as http,
        asyncio.TaskGroup() as tasks,
    ):
        for _ in range(at_once):
            tasks.create_task(send(http))


def send_greedily(load: Load, at_once: int) -> None:
    """As `greedy`, for a process of its own: the measuring one must not be busy with it."""
    asyncio.run(greedy(load, at_once))


def median_of_one(load: Load, calls: int) -> float:
    """Return the median of one person's calls, one after the other."""
    own = Load(load.urls, load.tokens[1:2], load.host)
    asyncio.run(own.run(calls, at_once=1))
    return statistics.median(own.latencies)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--calls", type=int, default=3_000)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--grants", type=int, default=10_000, help="further grants in the store")
    parser.add_argument("--store", help="redis://… instead of SQLite")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, demo_site() as site:
        measure(Path(folder), site, options)


def measure(folder: Path, site: str, options: argparse.Namespace) -> None:
    """Measure and print."""
    keys = folder / "keys"
    write_keys(keys, new_keys(0))
    store = options.store or str(folder / "store")
    environment = {
        "MOODLE_URL": site,
        "MOODLE_MCP_AUTH": "oauth",
        "MOODLE_MCP_PUBLIC_URL": "http://localhost",
        "MOODLE_MCP_STORE": store,
        "MOODLE_MCP_SECRET_KEY_FILE": str(keys),
        "MOODLE_MCP_ACCESS": "write",
        "MOODLE_MCP_RATE": "1000",
        "MOODLE_MCP_READ_CONCURRENCY": str(AT_ONCE),
    }
    form = {
        "wstoken": ADMIN_TOKEN,
        "wsfunction": FUNCTION,
        "moodlewsrestformat": "json",
        **ARGUMENTS,
    }
    plain = {URL: f"{site}/webservice/rest/server.php", BODY: urlencode(form)}
    tokens = asyncio.run(sign_in(site, store, keys, options.people))
    smallest = [
        [sys.executable, "-m", "tools.bench.smallest_http"] for _ in range(options.replicas)
    ]
    ours = [
        [sys.executable, "-m", "moodle_mcp", "serve", "--http"] for _ in range(options.replicas)
    ]
    with served(smallest, plain) as reference, served(ours, environment, "127.0.0.1:") as hosted:
        others, people = Load(reference.urls, tokens), Load(hosted.urls, tokens, HOST)
        for load in (others, people):
            asyncio.run(load.run(len(tokens)))
            load.latencies.clear()
        before = hosted.memory()
        # In turns, because the machine may be busier at one time than at another.
        rates: dict[str, list[float]] = {"smallest": [], "hosted": []}
        for _ in range(3):
            rates["smallest"].append(asyncio.run(others.run(options.calls // 3)))
            rates["hosted"].append(asyncio.run(people.run(options.calls // 3)))
        report("calls per second", *map(statistics.mean, rates.values()))
        for share in (50, 99):
            found = [percentile(load.latencies, share) * 1000 for load in (others, people)]
            report(f"{share}th percentile, ms", *found)
        print(f"memory of a replica with {len(tokens)} people: {before:.0f} MiB")
        asyncio.run(sign_in(site, store, keys, options.grants))
        more = asyncio.run(people.run(options.calls // 3))
        with_more = f"calls per second, with {options.grants:,} further grants"
        report(with_more, statistics.mean(rates["hosted"]), more)
        alone = median_of_one(people, 200)
        other = multiprocessing.get_context("spawn").Process(
            target=send_greedily, args=(Load(people.urls, tokens[:1], HOST), 64), daemon=True
        )
        other.start()
        median_of_one(people, 50)
        beside = median_of_one(people, 200)
        other.terminate()
        report("median of one person, ms; beside one with 64 at once", alone * 1000, beside * 1000)


def report(what: str, first: float, second: float) -> None:
    """Print two figures and their ratio."""
    print(f"{what}: {first:.1f} -> {second:.1f} ({second / first:.2f})")


def percentile(values: Sequence[float], share: int) -> float:
    """Return a percentile."""
    return statistics.quantiles(values, n=100)[share - 1]


async def sign_in(site: str, store: str, keys: Path, people: int) -> list[str]:
    """Put grants of invented people into the store; return their access tokens."""
    from moodle_mcp.auth.keys import read_keys

    stores = open_stores(Settings.model_validate({"store": store, "auth": "oauth"}))
    vault = Vault(read_keys(keys))
    grants = Grants(stores.grants, vault)
    tokens: list[str] = []
    for _ in range(people):
        number = new_id()
        person = Person(site, int(number[:8], 16), "Somebody")
        sealed = vault.seal(ADMIN_TOKEN, bound_to=binding(person, number))
        draft = Draft(
            id=number,
            person=person,
            client_id="bench",
            client_name="bench",
            redirect_host="localhost",
            scopes=SCOPES,
            resource="http://localhost/mcp",
            moodle_token=sealed,
            refreshes=True,
        )
        tokens.append((await grants.begin(draft)).access_token)
    await stores.grants.aclose()
    await stores.passing.aclose()
    return tokens


@dataclass
class Served:
    """Server processes and their endpoints."""

    urls: list[str]
    processes: list[subprocess.Popen[bytes]]

    def memory(self) -> float:
        """Return the resident memory of the largest process in MiB."""
        sizes: list[int] = []
        for process in self.processes:
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
            sizes.append(int(status.partition("VmRSS:")[2].split()[0]))
        return max(sizes) / 1024


@contextmanager
def served(
    commands: Sequence[Sequence[str]], environment: Mapping[str, str], before_port: str = ""
) -> Generator[Served]:
    """Run server processes until the block ends."""
    kept = {name: value for name, value in os.environ.items() if "MOODLE" not in name}
    with ExitStack() as stack:
        found = Served([], [])
        for command in commands:
            port = _free_port()
            process = stack.enter_context(
                subprocess.Popen(
                    [*command, f"{before_port}{port}"],
                    env={**kept, **environment},
                    stdin=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
            stack.callback(process.terminate)
            _wait_for(port)
            found.urls.append(f"http://127.0.0.1:{port}/mcp")
            found.processes.append(process)
        yield found


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _wait_for(port: int) -> None:
    for _ in range(600):
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("a server did not start")


def _body() -> dict[str, Any]:
    meta: dict[str, Any] = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params: dict[str, Any] = {"name": FUNCTION, "arguments": ARGUMENTS, "_meta": meta}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


if __name__ == "__main__":
    main()
