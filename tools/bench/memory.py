"""Resident memory after the start and after many calls."""

from __future__ import annotations

from collections.abc import Iterator

from tools.bench.calling import AT_ONCE, reads, sent_by_smallest
from tools.bench.figures import SMALLEST, Figure, Goal
from tools.bench.wire import OURS, Wire, connected, settings, smallest

_GOAL = Goal(1.3, "ratio")


def memory(url: str, calls: int) -> Iterator[Figure]:
    """Measure with the default profile, after `initialize` and after calls with 11 kB answers."""
    read = reads()[1]
    own = settings(url, read_concurrency=str(AT_ONCE))
    with connected(OURS, own) as ours, connected(smallest(), sent_by_smallest(url, read)) as other:
        yield Figure("memory at rest", "MiB", ours.memory, SMALLEST, other.memory, _GOAL)

        def worked(wire: Wire) -> float:
            wire.ask("tools/list", {})
            for _ in range(calls // AT_ONCE + 1):
                wire.timed("tools/call", read.params, AT_ONCE)
            return wire.memory

        what = f"memory after a list and {calls:,} calls"
        yield Figure(what, "MiB", worked(ours), SMALLEST, worked(other), _GOAL)
