"""A store in Redis or Valkey, which several replicas share."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from moodle_mcp.store.base import DEFAULT_LIMITS, Key, StoreError, StoreLimits

SECONDS: Final = 3.0
"""Seconds that an operation may take, and that connecting may take."""

MOST_CONNECTIONS: Final = 32

_CHECK: Final = 15
"""Seconds after which an idle connection is checked before it is used."""

_SCRIPT: Final = (Path(__file__).parent / "redis.lua").read_text(encoding="utf-8")

log = logging.getLogger(__name__)


class RedisStore:
    """Keeps entries under keys that begin with `{moodle-mcp:NAME}`; each operation is atomic.

    Redis must not evict keys by itself (`maxmemory-policy noeviction`). Names and owners are only
    there as hashes. `clock` is in Unix seconds; by default Redis's own counts, which all replicas
    share.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        password: str | None = None,
        limits: StoreLimits = DEFAULT_LIMITS,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Prepare to connect to `redis://HOST:PORT/DATABASE` or `rediss://`; nothing is sent yet.

        Raises:
            ValueError: it is no such address.
        """
        pool = BlockingConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType]
            url,
            max_connections=MOST_CONNECTIONS,
            timeout=SECONDS,
            socket_timeout=SECONDS,
            socket_connect_timeout=SECONDS,
            health_check_interval=_CHECK,
            # What was sent may have been carried out: a second `take` would find nothing.
            retry=Retry(NoBackoff(), 0),
            **({} if password is None else {"password": password}),
        )
        self._redis = Redis.from_pool(pool)
        self._script = self._redis.register_script(_SCRIPT)
        self._prefix = f"{{moodle-mcp:{name}}}"
        self._limits = limits
        self._clock = clock

    async def get(self, key: Key, *, extend: bool = False) -> bytes | None:
        try:
            return await self._run("get", key, int(extend))
        except StoreError:
            # Reading twice does no harm, and the first connection may have been a dead one.
            return await self._run("get", key, int(extend))

    async def put(self, key: Key, value: bytes) -> bool:
        try:
            return bool(await self._run("put", key, value))
        except StoreError:
            # What was done in Moodle must be told although nothing can be kept of it.
            return False

    async def take(self, key: Key) -> bytes | None:
        return await self._run("take", key)

    async def swap(self, key: Key, expected: bytes | None, value: bytes) -> bool:
        given = (0, b"") if expected is None else (1, expected)
        return bool(await self._run("swap", key, *given, value))

    async def increment(self, key: Key) -> int:
        return cast("int", await self._run("increment", key))

    async def aclose(self) -> None:
        await self._redis.aclose()

    async def _run(self, operation: str, key: Key, *more: bytes | int) -> Any:
        kind, limits = key.kind, self._limits
        arguments = [
            operation,
            f"{kind.name}:{_hashed(key.owner)}:{_hashed(key.name)}",
            -1 if self._clock is None else repr(self._clock()),
            kind.seconds,
            kind.most_entries,
            kind.most_bytes,
            limits.most_entries,
            limits.most_bytes,
            *more,
        ]
        try:
            return cast("Any", await self._script(keys=[self._prefix], args=arguments))
        except (RedisError, OSError, TimeoutError) as error:
            # The other idle connections are probably dead too.
            await self._redis.connection_pool.disconnect(inuse_connections=False)
            log.warning("the store can't be reached: %s", type(error).__name__)
            raise StoreError from None


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]
