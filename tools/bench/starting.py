"""Time from the start of a process to a client's first answers."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

from moodle_mcp.catalogue.loading import load
from tools.bench.figures import SMALLEST, Figure, Goal
from tools.bench.wire import OURS, connected, settings, smallest

COUNTS: Final = (35, 150, 760)
"""Numbers of listed tools: a profile, a large allowlist, all functions of Moodle 4.5."""

EVERYTHING: Final = {"access": "destructive", "mode": "direct", "confirm": "never"}


def starts(url: str, runs: int) -> Iterator[Figure]:
    """Measure until `initialize` is answered, and from there until the first list of tools."""
    yield _start("start to initialize", url, COUNTS[0], runs, listing=False)
    for count in COUNTS:
        what = f"start to tools/list of {count}"
        yield _start(what, url, count, runs, listing=True)


def repeated_list(url: str, runs: int) -> Figure:
    """Measure a repeated `tools/list` of all functions."""
    with _listed(url, COUNTS[-1]) as tools:
        other = _repeated(smallest(tools), {}, runs)
    ours = _repeated(OURS, _environment(url, COUNTS[-1]), runs)
    what = f"tools/list of {COUNTS[-1]}, repeated"
    return Figure(what, "ms", ours, SMALLEST, other, Goal(6, "itself"))


def _start(what: str, url: str, count: int, runs: int, *, listing: bool) -> Figure:
    """Return the medians of alternating starts; the first start of each is not counted."""
    ours: list[float] = []
    other: list[float] = []
    with _listed(url, count) as tools:
        for _ in range(runs + 1):
            other.append(_once(smallest(tools), {}, listing=listing))
            ours.append(_once(OURS, _environment(url, count), listing=listing))
    goal = None if listing else Goal(1.05, "ratio")
    return Figure(what, "ms", median(ours[1:]), SMALLEST, median(other[1:]), goal)


def _once(command: list[str], environment: dict[str, str], *, listing: bool) -> float:
    """Return the milliseconds of one start, without the end of the process."""
    begin = time.perf_counter()
    with connected(command, environment) as wire:
        if listing:
            wire.ask("tools/list", {})
        return (time.perf_counter() - begin) * 1000


def _repeated(command: list[str], environment: dict[str, str], runs: int) -> float:
    with connected(command, environment) as wire:
        wire.ask("tools/list", {})
        return median(wire.timed("tools/list", {}) for _ in range(runs))


def _environment(url: str, count: int) -> dict[str, str]:
    """Return the setting with which our server lists that many tools, one of them built in."""
    names = list(load())[: count - 1]
    return settings(url, tools=",".join(names), **EVERYTHING)


@contextmanager
def _listed(url: str, count: int) -> Generator[Path]:
    """Write the tools that our server lists to a file."""
    with tempfile.TemporaryDirectory() as folder, connected(OURS, _environment(url, count)) as wire:
        path = Path(folder) / "tools.json"
        path.write_text(json.dumps(wire.ask("tools/list", {})["tools"]), encoding="utf-8")
        yield path
