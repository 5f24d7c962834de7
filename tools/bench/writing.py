"""Writes of many items: one call, compared with direct requests of 100 items and of one."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any, Final

import httpx2

from moodle_mcp.demo import DemoSite
from tools.bench.calling import FORM, address, body
from tools.bench.figures import Figure
from tools.bench.wire import OURS, connected, settings, timed

WRITE: Final = "enrol_manual_enrol_users"
ITEMS: Final = 2_000
_BY_HAND: Final = 100
_SAMPLE: Final = 200
_RUNS: Final = 7


def writes(url: str) -> Iterator[Figure]:
    """Measure enrolling 2,000 people; after the first run all are enrolled already."""
    items = _enrolments()
    params = {"name": WRITE, "arguments": {"enrolments": items}}
    ours: list[float] = []
    best: list[float] = []
    environment = settings(url, tools=WRITE, access="destructive", confirm="never")
    with httpx2.Client() as client, connected(OURS, environment) as wire:
        for _ in range(_RUNS + 1):
            best.append(timed(lambda: _send(client, url, items, _BY_HAND)))
            ours.append(wire.timed("tools/call", params))
        single = timed(lambda: _send(client, url, items[:_SAMPLE], 1)) * ITEMS / _SAMPLE
    what = f"{ITEMS:,} enrolments on the demo site"
    mine = median(ours[1:])
    yield Figure(what, "ms", mine, f"requests of {_BY_HAND} by hand, unchecked", median(best[1:]))
    yield Figure(what, "ms", mine, f"one by one ({_SAMPLE}, scaled)", single)


def _enrolments() -> list[dict[str, Any]]:
    users = [user.id for user in DemoSite().world.people()]
    return [
        {"roleid": 5, "userid": users[number % len(users)], "courseid": 12}
        for number in range(ITEMS)
    ]


def _send(client: httpx2.Client, url: str, items: list[dict[str, Any]], size: int) -> None:
    for start in range(0, len(items), size):
        sent = body(WRITE, {"enrolments": items[start : start + size]})
        client.post(address(url), content=sent, headers=FORM).json()
