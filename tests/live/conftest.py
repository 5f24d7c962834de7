"""Fixtures of the live tests, which are skipped unless a real Moodle is named."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager

import pytest

from tests.support.live import OTHERS, TOKEN, URL, Live, live_user
from tests.support.live_things import Own, own_things
from tests.support.live_world import World, discover


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, before any fixture is made."""
    missing = [name for name in (URL, TOKEN) if not os.environ.get(name)]
    if missing:
        skipped = pytest.mark.skip(reason=f"needs a real Moodle: set {' and '.join(missing)}")
        for item in items:
            if "tests/live/" in item.path.as_posix():
                item.add_marker(skipped)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
async def admin() -> AsyncGenerator[Live]:
    """The site's administrator."""
    async with live_user("admin", os.environ[TOKEN]) as live:
        yield live


@pytest.fixture(scope="session")
async def world(admin: Live) -> World:
    """Find what an administrator sees on the site."""
    return await discover(admin)


@pytest.fixture(scope="session")
async def own(admin: Live, world: World) -> AsyncGenerator[Own]:
    """Create what the tests may write to."""
    async with own_things(admin, world) as things:
        yield things


@pytest.fixture(scope="session")
async def teacher() -> AsyncGenerator[Live]:
    """A teacher, if there is a token."""
    async with _other("teacher") as live:
        yield live


@pytest.fixture(scope="session")
async def student() -> AsyncGenerator[Live]:
    """A student, if there is a token."""
    async with _other("student") as live:
        yield live


def _other(user: str) -> AbstractAsyncContextManager[Live]:
    token = os.environ.get(OTHERS[user])
    if not token:
        pytest.skip(f"{OTHERS[user]} is not set")
    return live_user(user, token)
