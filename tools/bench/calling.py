"""Overhead of the server per request: one after another, and many at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import httpx2

from moodle_mcp.demo import ADMIN_TOKEN, DemoSite
from moodle_mcp.site.protocol import REST
from tools.bench.figures import DIRECTLY, SENDING, Figure, Goal
from tools.bench.smallest_server import BODY, URL
from tools.bench.wire import OURS, Wire, connected, settings, smallest, timed

FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
AT_ONCE: Final = 32
_WARM: Final = 10


@dataclass(frozen=True)
class Read:
    """A read from the demo site; `what` says how large its answer is."""

    what: str
    function: str
    arguments: dict[str, int]

    @property
    def body(self) -> bytes:
        return body(self.function, self.arguments)

    @property
    def params(self) -> dict[str, Any]:
        return {"name": self.function, "arguments": self.arguments}


def reads() -> list[Read]:
    """A small read and a larger one."""
    cmid = next(iter(DemoSite().world.modules))
    return [
        Read("0.5 kB", "core_course_get_course_module", {"cmid": cmid}),
        Read("11 kB", "core_course_get_contents", {"courseid": 2}),
    ]


def body(function: str, arguments: dict[str, Any]) -> bytes:
    """Return the body of the same request without the server."""
    return f"wstoken={ADMIN_TOKEN}&".encode() + REST.encode(function, arguments).body


def address(url: str) -> str:
    """Return the URL that requests are sent to."""
    return f"{url}/webservice/rest/server.php?moodlewsrestformat=json"


def sent_by_smallest(url: str, read: Read) -> dict[str, str]:
    """Return the environment with which the smallest server sends a read."""
    return {URL: address(url), BODY: read.body.decode()}


def calls(url: str, runs: int) -> Iterator[Figure]:
    """Measure each read through our server, through the smallest one, and directly."""
    for read in reads():
        yield from _sequential(url, read, runs)
        yield from _together(url, read, runs // AT_ONCE + 2)


def _sequential(url: str, read: Read, runs: int) -> Iterator[Figure]:
    own: list[float] = []
    least: list[float] = []
    direct: list[float] = []
    with httpx2.Client() as client, _servers(url, read) as (ours, other):

        def post() -> None:
            client.post(address(url), content=read.body, headers=FORM).json()

        for _ in range(runs + _WARM):
            direct.append(timed(post))
            own.append(ours.timed("tools/call", read.params))
            least.append(other.timed("tools/call", read.params))
    what = f"a call with an answer of {read.what}"
    mine = median(own[_WARM:])
    yield Figure(what, "ms", mine, DIRECTLY, median(direct[_WARM:]), Goal(0.5, "difference"))
    yield Figure(what, "ms", mine, SENDING, median(least[_WARM:]))


def _together(url: str, read: Read, runs: int) -> Iterator[Figure]:
    own: list[float] = []
    least: list[float] = []
    with _servers(url, read) as (ours, other):
        for _ in range(runs + 1):
            own.append(ours.timed("tools/call", read.params, AT_ONCE))
            least.append(other.timed("tools/call", read.params, AT_ONCE))
    direct = asyncio.run(_directly(url, read, runs + 1))
    what = f"{AT_ONCE} such calls at once"
    mine = median(own[1:])
    yield Figure(what, "ms", mine, DIRECTLY, median(direct[1:]))
    yield Figure(what, "ms", mine, SENDING, median(least[1:]))


async def _directly(url: str, read: Read, runs: int) -> list[float]:
    """Return the milliseconds of each round of concurrent requests."""
    took: list[float] = []
    async with httpx2.AsyncClient() as client:

        async def post() -> None:
            (await client.post(address(url), content=read.body, headers=FORM)).json()

        for _ in range(runs):
            begin = time.perf_counter()
            await asyncio.gather(*(post() for _ in range(AT_ONCE)))
            took.append((time.perf_counter() - begin) * 1000)
    return took


@contextmanager
def _servers(url: str, read: Read) -> Generator[tuple[Wire, Wire]]:
    """Start our server, with the same number of concurrent requests allowed, and the smallest."""
    own = settings(url, tools="core_course_*", read_concurrency=str(AT_ONCE))
    with connected(OURS, own) as ours, connected(smallest(), sent_by_smallest(url, read)) as other:
        yield ours, other
