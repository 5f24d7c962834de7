"""What many tests share: the demo site on a real socket, and the server in front of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import hypothesis
import keyring
import pytest
from mcp.server import Server
from pydantic import SecretStr

from moodle_mcp.caller.caller import Caller
from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.store import every_name
from moodle_mcp.demo import ADMIN_TOKEN, DemoSite, serving
from moodle_mcp.policy.allowlist import parse_allowlist
from moodle_mcp.policy.policy import Policy
from moodle_mcp.service.audit import Audit
from moodle_mcp.service.context import UserContext
from moodle_mcp.service.process import ServiceSettings
from moodle_mcp.site.address import parse_address
from moodle_mcp.site.connection import Connection
from moodle_mcp.site.protocol import REST, RESTFUL, Protocol
from moodle_mcp.site.session import Site
from tests.keyrings import Memory
from tests.support.serving import NOW, context_of, server_for

# A property is no timed test: how long an example takes says nothing here.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")


async def no_wait(_: float) -> None:
    """A sleep that takes no time, for what waits before it repeats."""


def connection(
    url: str, token: str = ADMIN_TOKEN, protocols: tuple[Protocol, ...] = (REST,)
) -> Connection:
    """A connection to a site on this machine."""
    return Connection(parse_address(url), SecretStr(token), protocols)


def policy(tools: str = "all", access: Access = Access.DESTRUCTIVE) -> Policy:
    """A gate as the settings would make it; open unless told otherwise."""
    return Policy(parse_allowlist(tools, every_name()), access)


@dataclass
class Demo:
    """The demo site as it is served for one test, and the protocol in which it is called."""

    site: DemoSite
    url: str
    protocol: Protocol = REST

    def client(self, token: str = ADMIN_TOKEN) -> Site:
        """A client of it, to be closed by who uses it."""
        return Site(connection(self.url, token, (self.protocol,)))

    def context(
        self,
        tools: str = "all",
        access: Access = Access.DESTRUCTIVE,
        *,
        token: str = ADMIN_TOKEN,
        calls: CallSettings | None = None,
        settings: ServiceSettings | None = None,
        audit: Audit | None = None,
    ) -> UserContext:
        """The context of its only user."""
        site = self.client(token)
        caller = Caller(site, calls, sleep=no_wait)
        return context_of(site, caller, policy(tools, access), settings, audit=audit)

    def server(self, *args: Any, **kwargs: Any) -> Server[Any]:
        """The server of such a context."""
        return server_for(self.context(*args, **kwargs))

    def calls_of(self, function: str) -> int:
        """How many requests for a function have arrived."""
        return sum(received.function == function for received in self.site.requests)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def demo(request: pytest.FixtureRequest) -> Iterator[Demo]:
    """A fresh demo site on a loopback port."""
    site = DemoSite(now=NOW)
    with serving(site.app) as url:
        yield Demo(site, url, getattr(request, "param", REST))


in_both_protocols = pytest.mark.parametrize("demo", [REST, RESTFUL], indirect=True, ids=str)
"""The test runs once for each protocol in which the demo site is called."""


@pytest.fixture
def environment(demo: Demo) -> Callable[..., dict[str, str]]:
    """The settings that connect a process to the demo site."""

    def settings(**more: str) -> dict[str, str]:
        return {"MOODLE_URL": demo.url, "MOODLE_TOKEN": ADMIN_TOKEN, **more}

    return settings


@pytest.fixture
def own_log() -> Iterator[None]:
    """The process's log as it was before, after a test that starts the program's own."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def memory() -> Iterator[Memory]:
    """A keyring in memory in place of the system's."""
    before, used = keyring.get_keyring(), Memory()
    keyring.set_keyring(used)
    yield used
    keyring.set_keyring(before)
