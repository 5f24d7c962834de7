"""Hostile clients and a hostile site, while another client pings."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from moodle_mcp.demo import ADMIN_TOKEN, DemoSite, InjectedFault, serving
from tools.soak.attacks import ATTACKS, READ, WRITE, Attack, Attacker
from tools.soak.session import session

MOST_PING: Final = 250.0
"""Milliseconds that a ping may take on two otherwise idle cores."""

MOST_MEMORY: Final = 400_000
"""Peak memory of the server in kilobytes."""

MOST_ENDING: Final = 1.0
"""Seconds from the end of stdin to the end of the process, with a call in progress."""

_PEAK: Final = re.compile(r"VmHWM:\s+(\d+)")


@dataclass
class Row:
    """Results of one attack: milliseconds, number of pings, peak memory so far in kilobytes."""

    name: str
    seconds: float
    worst: float
    median: float
    pings: int
    memory: int
    ends: Counter[str] = field(default_factory=Counter[str])


@dataclass
class HostileReport:
    """Results of a run."""

    rows: list[Row] = field(default_factory=list[Row])
    ending: float = 0.0

    @property
    def missed(self) -> list[str]:
        """Return the goals that were missed."""
        found = [
            f"{row.name}: a ping took {row.worst:.0f} ms"
            for row in self.rows
            if row.worst > MOST_PING
        ]
        memory = max(row.memory for row in self.rows)
        if memory > MOST_MEMORY:
            found.append(f"memory reached {memory} kB")
        if self.ending > MOST_ENDING:
            found.append(f"the process ended {self.ending:.2f} s after its input")
        return found

    def lines(self) -> Iterator[str]:
        """Format the report as a table."""
        yield f"{'attack':20} {'seconds':>8} {'worst ping':>10} {'median':>8} {'peak kB':>9}"
        for row in self.rows:
            yield (
                f"{row.name:20} {row.seconds:8.1f} {row.worst:10.0f} {row.median:8.1f} "
                f"{row.memory:9}"
            )
            for end, number in sorted(row.ends.items()):
                yield f"    {end:40} {number:6}"
        yield f"ended {self.ending:.2f} s after its input, with work under way"
        yield f"goals missed: {len(self.missed)}"
        yield from (f"  {each}" for each in self.missed)


async def hostile() -> HostileReport:
    """Run all attacks, one after another."""
    report = HostileReport()
    site = DemoSite()
    with serving(site.app) as url:
        environment = {
            "MOODLE_URL": url,
            "MOODLE_TOKEN": ADMIN_TOKEN,
            "MOODLE_MCP_TOOLS": f"{READ},{WRITE}",
            "MOODLE_MCP_ACCESS": "write",
            "MOODLE_MCP_MODE": "direct",
            "MOODLE_MCP_RATE": "1000",
        }
        async with _served(environment) as (server, address), _pinging(address) as pinger:
            attacker = Attacker(address, site)
            await attacker.initialize()
            await attacker.call(READ, '{"field":"id","values":["2"]}')
            for attack in (_quiet, *ATTACKS):
                report.rows.append(await _during(attack, attacker, server.pid, pinger))
        report.ending = await _ending(environment, site)
    return report


async def _quiet(_: Attacker) -> Counter[str]:
    """No attack, for comparison."""
    await asyncio.sleep(3)
    return Counter()


async def _during(
    attack: Attack, attacker: Attacker, pid: int, pinger: asyncio.subprocess.Process
) -> Row:
    await _asked(pinger)
    start = time.monotonic()
    ends = await attack(attacker)
    seconds = time.monotonic() - start
    worst, median, pings = await _asked(pinger)
    name = attack.__name__.strip("_").replace("_", " ")
    return Row(name, seconds, worst, median, int(pings), _peak_memory(pid), ends)


async def _asked(pinger: asyncio.subprocess.Process) -> list[float]:
    if pinger.stdin is None or pinger.stdout is None:
        raise OSError("the pinger has no pipes")
    pinger.stdin.write(b"\n")
    return json.loads(await pinger.stdout.readline())


def _peak_memory(pid: int) -> int:
    """Return the peak memory of a process in kilobytes, if the system records it."""
    status = Path(f"/proc/{pid}/status")
    found = _PEAK.search(status.read_text()) if status.exists() else None
    return int(found[1]) if found else 0


async def _ending(environment: Mapping[str, str], site: DemoSite) -> float:
    """Return the seconds that a stdio server takes to exit while it prepares a large answer."""
    async with session(environment) as opened:
        body = json.dumps([{"id": 1, "email": "a@b.example", "fullname": "A & B"}] * 90_000)
        site.faults.append(InjectedFault.answer(body.encode(), function=READ))
        arguments = {"field": "id", "values": ["2"], "_fields": ["*"]}
        opened.begin("tools/call", {"name": READ, "arguments": arguments})
        # Long enough for the answer to arrive, too short for it to be prepared.
        await asyncio.sleep(1.0)
        start = time.monotonic()
        await opened.close()
        return time.monotonic() - start


@asynccontextmanager
async def _served(
    environment: Mapping[str, str],
) -> AsyncGenerator[tuple[asyncio.subprocess.Process, str]]:
    """Start a server process over HTTP; yield it and its address."""
    kept = {name: value for name, value in os.environ.items() if "MOODLE" not in name}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "moodle_mcp", "serve", "--http", "0"),
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**kept, **environment},
    )
    if process.stderr is None:
        raise OSError("the process has no pipes")
    lines: asyncio.StreamReader = process.stderr
    line = b""
    while b" at http://" not in line:
        line = await lines.readline()
        if not line:
            raise OSError("the server did not begin")
    address = line.decode().split(" at ")[1].split(";")[0]
    log = asyncio.create_task(_passed_on(lines))
    try:
        yield process, address
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await log


async def _passed_on(lines: asyncio.StreamReader) -> None:
    async for line in lines:
        sys.stderr.write(line.decode(errors="replace"))


@asynccontextmanager
async def _pinging(address: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    pinger = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tools.soak.pinger", address),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield pinger
    finally:
        pinger.kill()
        await pinger.wait()
