"""A TCP proxy on loopback that injects network faults, as scripted.

It reads one HTTP request at a time, so that a script knows exactly how much of it has reached the
site when the fault occurs. A script is an async function of an `Exchange`. The next one in
`Proxy.scripts` handles the next request; if there is none, `Proxy.fallback` does, which passes the
request on by default.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, TypeAlias
from urllib.parse import urlsplit

HOST: Final = "127.0.0.1"
_LIMIT: Final = 1 << 26
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")
_GONE = (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError)


class ScriptEndError(Exception):
    """The script has ended the client's connection."""


class Exchange:
    """One request, and what a script can do with it."""

    def __init__(
        self,
        head: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        site: tuple[str, int],
    ) -> None:
        self.head = head
        self._reader = reader
        self._writer = writer
        self._site = site
        self._request: bytes | None = None

    async def request(self) -> bytes:
        """Read the whole request."""
        if self._request is None:
            self._request = self.head + await self._reader.readexactly(_length(self.head))
        return self._request

    async def part(self, size: int) -> bytes:
        """Read some bytes of the request's body and no more."""
        return await self._reader.readexactly(size)

    async def answer(self) -> bytes:
        """Send the whole request to the site; return its answer, head and body."""
        reader, writer = await asyncio.open_connection(*self._site, limit=_LIMIT)
        try:
            writer.write(await self.request())
            head = await reader.readuntil(b"\r\n\r\n")
            return head + await reader.readexactly(_length(head))
        finally:
            writer.close()

    async def reach(self, data: bytes) -> None:
        """Send the site these bytes and no more, and wait until it has closed the connection."""
        reader, writer = await asyncio.open_connection(*self._site)
        try:
            writer.write(data)
            writer.write_eof()
            await reader.read()
        finally:
            writer.close()

    async def send(self, data: bytes) -> None:
        """Send the client these bytes."""
        self._writer.write(data)
        await self._writer.drain()

    async def close(self) -> None:
        """Close the connection normally."""
        raise ScriptEndError

    async def half_close(self) -> None:
        """Close the direction to the client; the client may still send."""
        self._writer.write_eof()
        await self.until_gone()

    async def reset(self) -> None:
        """Cut the connection with a TCP reset."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
        raise ScriptEndError

    async def until_gone(self) -> None:
        """Send nothing until the client has disconnected."""
        while await self._reader.read(1 << 16):
            pass
        raise ScriptEndError


Script: TypeAlias = Callable[[Exchange], Awaitable[None]]
Chooser: TypeAlias = Callable[[Exchange], Script | None]


async def passing(exchange: Exchange) -> None:
    """Pass a request and its answer on unchanged."""
    await exchange.send(await exchange.answer())


class Proxy:
    """A proxy to the site at an address; with `tls` its clients connect over TLS.

    `connections` are the open connections of clients.
    """

    def __init__(
        self, url: str, *, tls: ssl.SSLContext | None = None, choose: Chooser | None = None
    ) -> None:
        target = urlsplit(url)
        self._site = target.hostname or HOST, target.port or 80
        self._tls = tls
        self._choose = choose or self._next
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.scripts: deque[Script] = deque()
        self.fallback: Script = passing
        self.url = ""

    @property
    def connections(self) -> int:
        return len(self._tasks)

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(
            self._connected, HOST, 0, ssl=self._tls, limit=_LIMIT
        )
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://{HOST}:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ScriptEndError, *_GONE):
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    exchange = Exchange(head, reader, writer, self._site)
                    await (self._choose(exchange) or self.fallback)(exchange)
        finally:
            writer.close()

    def _next(self, _: Exchange) -> Script | None:
        return self.scripts.popleft() if self.scripts else None


def _length(head: bytes) -> int:
    found = _LENGTH.search(head)
    return int(found[1]) if found else 0
