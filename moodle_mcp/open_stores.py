"""Open the stores of a server for several people, as the settings say; part of the wiring."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from moodle_mcp.atomic import reason
from moodle_mcp.auth.server import Stores
from moodle_mcp.errors import SettingsError
from moodle_mcp.settings import Settings, variable
from moodle_mcp.store.base import StoreLimits
from moodle_mcp.store.memory import MemoryStore
from moodle_mcp.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from moodle_mcp.store.redis import RedisStore

GRANT_LIMITS: Final = StoreLimits(most_entries=1_000_000, most_bytes=4_000_000_000)
"""Far above what people have: a grant must not be evicted."""


def open_stores(settings: Settings) -> Stores:
    """Open the stores.

    Raises:
        SettingsError: they can't be opened.
    """
    if settings.keeps_nothing:
        return Stores(MemoryStore(limits=GRANT_LIMITS), MemoryStore())
    url = settings.store_url()
    if url is not None:
        return _in_redis(url, settings.store_password())
    folder = settings.store_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Stores(
            SqliteStore(folder / "grants.sqlite", limits=GRANT_LIMITS),
            SqliteStore(folder / "passing.sqlite"),
        )
    except OSError as error:
        raise SettingsError(f"{_NAME} can't be used ({reason(error)}): {folder}") from None
    except sqlite3.Error as error:
        raise SettingsError(f"{_NAME} can't be used ({error}): {folder}") from None


def _in_redis(url: str, password: str | None) -> Stores:
    try:
        from moodle_mcp.store.redis import RedisStore
    except ImportError:
        raise SettingsError(
            f"{_NAME}: Redis needs more packages: pip install 'moodle-mcp[redis]'"
        ) from None

    def store(name: str, limits: StoreLimits) -> RedisStore:
        return RedisStore(url, name, password=password, limits=limits)

    try:
        return Stores(store("grants", GRANT_LIMITS), store("passing", StoreLimits()))
    except ValueError:
        raise SettingsError(f"{_NAME} is not an address of a Redis database") from None


_NAME: Final = variable("store")
