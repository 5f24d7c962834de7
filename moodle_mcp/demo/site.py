"""The demo site as used by the demo command, and by tests over a real socket."""

from __future__ import annotations

import time
from collections import deque

from starlette.applications import Starlette

from moodle_mcp.catalogue.site_overrides import NO_OVERRIDES, SiteOverrides
from moodle_mcp.demo.endpoints import Endpoints
from moodle_mcp.demo.faults import InjectedFault
from moodle_mcp.demo.moodle import Moodle
from moodle_mcp.demo.receiving import Received
from moodle_mcp.demo.seed import STUDENTS
from moodle_mcp.demo.switches import Switches
from moodle_mcp.demo.tokens import Token
from moodle_mcp.demo.world import World


class DemoSite:
    """A small Moodle inside the process, always the same for the same arguments.

    `now` is the site's clock in Unix seconds, which does not advance (default: the time of
    creation). The web server's clock does advance. `release` is one of the catalogue's. `reports`
    is another release that the site says it has. `students` is the number of accounts named
    studentN. `plugins` are additional functions.
    """

    def __init__(
        self,
        now: int | None = None,
        *,
        release: str = "4.5",
        students: int = STUDENTS,
        plugins: SiteOverrides = NO_OVERRIDES,
        reports: str | None = None,
    ) -> None:
        moment = int(time.time()) if now is None else now
        date = time.time if now is None else lambda: self.world.now
        self._moodle = Moodle(moment, release, students, plugins, reports)
        self.faults: deque[InjectedFault] = deque()
        """Faults for the next requests for functions and files, one for each request."""
        self.requests: list[Received] = []
        """All received requests, oldest first."""
        self.app: Starlette = Endpoints(self._moodle, self.faults, self.requests, date).app
        """The ASGI application; use `serving` to serve it."""

    @property
    def world(self) -> World:
        """The state: users, courses and so on, in tables of rows."""
        return self._moodle.world

    @property
    def switches(self) -> Switches:
        """The settings; each may be changed at any time."""
        return self._moodle.switches

    @property
    def tokens(self) -> dict[str, Token]:
        """The site's tokens."""
        return self._moodle.tokens
