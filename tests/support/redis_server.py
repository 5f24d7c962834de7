"""A Redis server for tests: Debian's `redis-server`, or Valkey's, on a loopback port."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import BusyLoadingError

from tests.support.hosted import free_port

PROGRAM = shutil.which("redis-server") or shutil.which("valkey-server")

needs_redis = pytest.mark.skipif(
    PROGRAM is None, reason="LEFT OUT: there is no redis-server, which .ci/run installs"
)


@dataclass
class RedisServer:
    """A server process; it can be stopped and started again."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        assert PROGRAM is not None
        self.process = subprocess.Popen(
            [
                PROGRAM,
                *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)),
                *("--appendonly", "yes", "--appendfsync", "always", "--save", ""),
                *("--maxmemory-policy", "noeviction"),
            ],
            stdout=subprocess.DEVNULL,
        )
        while True:
            assert self.process.poll() is None, "redis-server did not start"
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", self.port)) == 0:
                    break
        client: Any = Redis(port=self.port)
        # While it loads its file it answers with an error.
        while True:
            try:
                client.ping()
            except BusyLoadingError:
                continue
            client.close()
            return

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait()


@contextmanager
def redis_server(folder: Path) -> Generator[RedisServer]:
    found = RedisServer(folder, free_port())
    found.start()
    try:
        yield found
    finally:
        found.stop()


def all_keys(url: str, name: str) -> set[str]:
    """The keys that a store with this name has made."""
    client: Any = Redis.from_url(url)  # pyright: ignore[reportUnknownMemberType]
    found = {key.decode() for key in client.scan_iter(f"*{name}*")}
    client.close()
    return found
