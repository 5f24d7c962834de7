"""Fixtures: the demo site on a real socket, and settings for a server in front of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import hypothesis
import keyring
import pytest

from moodle_mcp.demo import ADMIN_TOKEN, DemoSite, serving
from moodle_mcp.site.protocol import REST
from tests.support.demo import Demo
from tests.support.keyrings import Memory
from tests.support.serving import NOW

# No deadline: the time that one example of a property takes is not tested.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def demo(request: pytest.FixtureRequest) -> Iterator[Demo]:
    """A fresh demo site on a loopback port."""
    site = DemoSite(now=NOW)
    with serving(site.app) as url:
        yield Demo(site, url, getattr(request, "param", REST))


@pytest.fixture
def environment(demo: Demo) -> Callable[..., dict[str, str]]:
    """A function that returns the settings of a process for the demo site."""

    def settings(**more: str) -> dict[str, str]:
        return {"MOODLE_URL": demo.url, "MOODLE_TOKEN": ADMIN_TOKEN, **more}

    return settings


@pytest.fixture
def own_log() -> Iterator[None]:
    """Restore the root logger after a test that starts the program's logging."""
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
