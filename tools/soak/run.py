"""One soak: many concurrent mixed calls through a faulty network, all of them verified."""

from __future__ import annotations

import asyncio
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from moodle_mcp.demo import ADMIN_TOKEN, DemoSite, serving
from tests.support.faults.proxy import Chooser, Exchange, Proxy, Script
from tests.support.faults.scripts import SCRIPTS
from tools.soak.judging import judge_mistake, judge_read, judge_write
from tools.soak.mixture import Job, Mixture, written
from tools.soak.session import Session, session

TIMEOUT: Final = 2.0
STUDENTS: Final = 1_500
"""Enough that 20,000 calls do not use up the pairs of a person and a course."""

SAMPLES: Final = 10
WARM: Final = 3
"""Number of memory samples after which everything is loaded and compiled."""

MOST_GROWTH: Final = 8_000
"""Kilobytes that memory may grow after the warm-up."""

MEASURED_FROM: Final = 5_000
"""With fewer calls memory is not checked, because most of a short soak is warm-up."""

_KEPT_OPEN: Final = 4
"""Idle connections for reads: as many as there are concurrent reads."""

# The second copy of a doubled answer to a read is taken for the answer to the next read. That is
# known and tested in tests/faults. No other fault is left out.
_FAULTS: Final = tuple(script for name, script in SCRIPTS.items() if name != "doubled_answer")


@dataclass(frozen=True)
class Options:
    """Number of calls, share of requests that meet a fault, number of concurrent calls."""

    calls: int = 10_000
    faults: float = 0.02
    at_once: int = 32
    seed: int = 1


@dataclass
class Report:
    """Results of a soak."""

    seconds: float = 0.0
    calls: Counter[str] = field(default_factory=Counter[str])
    ends: Counter[str] = field(default_factory=Counter[str])
    faults: Counter[str] = field(default_factory=Counter[str])
    items: int = 0
    requests: int = 0
    memory: list[int] = field(default_factory=list[int])
    """Samples of memory in kilobytes."""
    tasks: tuple[int, int] = (0, 0)
    """Before and after."""
    connections: tuple[int, int] = (0, 0)
    """At the end, and after the server has ended."""
    status: int | None = None
    violations: list[str] = field(default_factory=list[str])

    def lines(self) -> Iterator[str]:
        """Format the report as a table."""
        yield f"{'seconds':22} {self.seconds:10.1f}"
        yield f"{'requests to the site':22} {self.requests:10}"
        yield f"{'items written':22} {self.items:10}"
        for title, counted in (
            ("calls", self.calls),
            ("ended", self.ends),
            ("fault", self.faults),
        ):
            for name, number in sorted(counted.items()):
                yield f"{title + ' ' + name:40} {number:7}"
        yield f"{'memory (kB)':22} {' '.join(map(str, self.memory))}"
        yield f"{'tasks':22} {self.tasks[0]:4} before, {self.tasks[1]:4} after"
        yield f"{'connections':22} {self.connections[0]:4} idle, {self.connections[1]:4} after"
        yield f"{'exit status':22} {self.status!s:>10}"
        yield f"{'violations':22} {len(self.violations):10}"
        for violation in self.violations[:50]:
            yield f"  {violation}"


async def soak(options: Options) -> Report:
    """Run a soak and check its results."""
    report = Report()
    site = DemoSite(students=STUDENTS)
    with serving(site.app) as url:
        async with Proxy(url, choose=_chooser(options, report)) as proxy:
            await _Soak(options, report, site, proxy).run()
    return report


def _chooser(options: Options, report: Report) -> Chooser:
    # Not used for secrets.
    chance = random.Random(options.seed)  # noqa: S311

    def choose(_: Exchange) -> Script | None:
        report.requests += 1
        if report.requests == 1 or chance.random() >= options.faults:
            return None
        script = chance.choice(_FAULTS)
        report.faults[script.__name__] += 1
        return script

    return choose


class _Soak:
    def __init__(self, options: Options, report: Report, site: DemoSite, proxy: Proxy) -> None:
        self._options = options
        self._report = report
        self._site = site
        self._proxy = proxy
        self._writes: list[tuple[Job, Mapping[str, Any] | None]] = []
        self._jobs = islice(Mixture(site.world, options.seed), options.calls)
        self._done = 0

    async def run(self) -> None:
        report = self._report
        async with session(self._environment()) as opened:
            await opened.ask("tools/list", {})
            before = await opened.tasks()
            start = time.monotonic()
            async with asyncio.TaskGroup() as workers:
                for _ in range(self._options.at_once):
                    workers.create_task(self._work(opened))
            report.seconds = time.monotonic() - start
            # Cancelled calls may still run; a write waits until all of them have ended.
            await self._settled(opened)
            report.tasks = before, await opened.tasks()
            idle = self._proxy.connections
            report.status = await opened.close()
            report.connections = idle, self._proxy.connections
            self._judge(opened)

    def _environment(self) -> dict[str, str]:
        return {
            "MOODLE_URL": self._proxy.url,
            "MOODLE_TOKEN": ADMIN_TOKEN,
            "MOODLE_MCP_TOOLS": "all",
            "MOODLE_MCP_ACCESS": "destructive",
            "MOODLE_MCP_MODE": "direct",
            "MOODLE_MCP_CONFIRM": "never",
            "MOODLE_MCP_RATE": "1000",
            "MOODLE_MCP_TIMEOUT": str(TIMEOUT),
            # Small, so that a call needs several requests.
            "MOODLE_MCP_MAX_FIELDS": "24",
        }

    async def _work(self, opened: Session) -> None:
        for job in self._jobs:
            self._report.calls[job.sort] += 1
            await self._call(opened, job)
            self._done += 1
            if self._done % max(self._options.calls // SAMPLES, 1) == 0:
                self._report.memory.append(await _memory(opened.pid))
                self._site.requests.clear()

    async def _call(self, opened: Session, job: Job) -> None:
        if job.sort == "list":
            listed = await opened.ask("tools/list", {})
            self._expect(bool(listed["result"]["tools"]), "an empty list of tools")
            return
        params = {"name": job.name, "arguments": job.arguments}
        request, answer = opened.begin("tools/call", params)
        if job.cancelled:
            opened.cancel(request)
            opened.forget(request)
            self._report.ends["cancelled"] += 1
            if job.sort == "write":
                self._writes.append((job, None))
            return
        try:
            response = await asyncio.wait_for(answer, 120)
        except TimeoutError:
            self._expect(False, f"{job.name} was never answered")
            return
        if job.sort == "mistake":
            self._report.violations.extend(judge_mistake(job, response))
            return
        envelope = response["result"]["structuredContent"]
        self._report.ends[envelope.get("error", {}).get("kind", "done")] += 1
        if job.sort == "read":
            self._report.violations.extend(judge_read(job, envelope))
        else:
            self._writes.append((job, envelope))

    async def _settled(self, opened: Session) -> None:
        """Wait until the cancelled calls have ended: the number of tasks stops falling."""
        last = await opened.tasks()
        while True:
            await asyncio.sleep(TIMEOUT + 1)
            now = await opened.tasks()
            if now >= last:
                return
            last = now

    def _judge(self, opened: Session) -> None:
        report = self._report
        times = written(self._site.world)
        for job, envelope in self._writes:
            report.items += sum(times[key] for key in job.keys)
            report.violations.extend(judge_write(job, envelope, times))
        self._expect(report.tasks[1] <= report.tasks[0], "tasks are left over")
        self._expect(report.connections[0] <= _KEPT_OPEN, "connections are left open")
        self._expect(report.connections[1] == 0, "connections outlive the server")
        self._expect(report.status == 0, f"the server ended with {report.status}")
        self._expect(not opened.unanswered, f"{opened.unanswered} requests have no answer")
        log = "".join(opened.log)
        self._expect(ADMIN_TOKEN not in log, "the token is in the log")
        self._expect("Traceback" not in log, f"a traceback is in the log: {log[-2000:]}")
        if self._options.calls >= MEASURED_FROM:
            growth = report.memory[-1] - report.memory[WARM - 1]
            self._expect(growth <= MOST_GROWTH, f"memory grew by {growth} kB")

    def _expect(self, holds: bool, violation: str) -> None:
        if not holds:
            self._report.violations.append(violation)


async def _memory(pid: int) -> int:
    """Return the resident memory of a process in kilobytes, according to `ps`."""
    command = ["ps", "-o", "rss=", "-p", str(pid)]
    shown = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=False)
    with suppress(ValueError):
        return int(shown.stdout)
    return 0
