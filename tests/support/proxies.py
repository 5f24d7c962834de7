"""Proxies on loopback that connect every host name to one site, so that no DNS is needed."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

_HOST: Final = "127.0.0.1"
_NO_PASSWORD, _PASSWORD, _NONE_OF_THEM = 0, 2, 0xFF
_BY_NAME: Final = 3
_CONNECTED: Final = bytes([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
_END_OF_HEAD: Final = b"\r\n\r\n"


@dataclass
class ProxyServer:
    """A SOCKS5 proxy, or an HTTP proxy that supports CONNECT and absolute URLs.

    Every connection leads to `site`. With `login` ("user:password") it requires authentication.
    `asked` collects the targets that clients asked for. `answer` is sent to a client in place of
    everything else; a `silent` proxy sends nothing.
    """

    site: str
    socks: bool = True
    login: str = ""
    answer: bytes | None = None
    silent: bool = False
    asked: list[str] = field(default_factory=list[str])
    port: Future[int] = field(default_factory=Future[int])
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def run(self, stopped: asyncio.Event) -> None:
        """Serve until `stopped` is set."""
        server = await asyncio.start_server(self._connected, _HOST, 0)
        self.port.set_result(server.sockets[0].getsockname()[1])
        await stopped.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def url(self, login: str = "") -> str:
        """Value for a proxy variable."""
        scheme = "socks5h" if self.socks else "http"
        return f"{scheme}://{login and f'{login}@'}{_HOST}:{self.port.result()}"

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                if self.silent:
                    await reader.read()
                    return
                if self.answer is not None:
                    await reader.read(1)
                    writer.write(self.answer)
                    await writer.drain()
                    return
                begin = await (
                    self._socks(reader, writer) if self.socks else self._http(reader, writer)
                )
                if begin is not None:
                    await self._pass_on(reader, writer, begin)
        finally:
            await _closed(writer)

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, begin: bytes
    ) -> None:
        place = urlsplit(self.site)
        from_site, to_site = await asyncio.open_connection(place.hostname, place.port)
        to_site.write(begin)
        try:
            await asyncio.gather(_copy(reader, to_site), _copy(from_site, writer))
        finally:
            await _closed(to_site)

    async def _socks(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes | None:
        """Negotiate (RFC 1928; 1929 for the password); return what to send to the site, or None."""
        methods = await reader.readexactly((await reader.readexactly(2))[1])
        wanted = _PASSWORD if self.login else _NO_PASSWORD
        if wanted not in methods:
            writer.write(bytes([5, _NONE_OF_THEM]))
            return None
        writer.write(bytes([5, wanted]))
        if self.login:
            await reader.readexactly(1)
            words = [await _counted(reader), await _counted(reader)]
            right = b":".join(words).decode() == self.login
            writer.write(bytes([1, 0 if right else 1]))
            if not right:
                return None
        *_, kind = await reader.readexactly(4)
        assert kind == _BY_NAME, "the client has resolved the name itself"
        host = (await _counted(reader)).decode()
        self.asked.append(f"{host}:{int.from_bytes(await reader.readexactly(2))}")
        writer.write(_CONNECTED)
        return b""

    async def _http(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes | None:
        head = await reader.readuntil(_END_OF_HEAD)
        method, target, _ = head.decode("latin-1").split(" ", 2)
        self.asked.append(target)
        credentials = base64.b64encode(self.login.encode())
        if self.login and b"Basic " + credentials not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return None
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            return b""
        # The site itself gets only the path.
        path = urlsplit(target)._replace(scheme="", netloc="").geturl()
        return head.replace(target.encode(), path.encode(), 1)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(1 << 16):
            target.write(data)
            await target.drain()
        target.write_eof() if target.can_write_eof() else target.close()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def _counted(reader: asyncio.StreamReader) -> bytes:
    """Read as many bytes as the first byte says."""
    return await reader.readexactly((await reader.readexactly(1))[0])


@contextmanager
def serving_proxy(proxy: ProxyServer) -> Generator[ProxyServer]:
    """Run a proxy in a thread during the block."""
    loop, stopped = asyncio.new_event_loop(), asyncio.Event()

    def run() -> None:
        loop.run_until_complete(proxy.run(stopped))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    proxy.port.result()
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join()
