"""Serve an ASGI application on the loopback interface."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import uvicorn

from moodle_mcp.demo.dropping import DroppingProtocol

HOST: Final = "127.0.0.1"
_GRACE: Final = 1.0
"""Seconds for a request to notice that its connection is gone."""

_TURNS: Final = 10
"""Turns of the event loop until a connection accepted just before the end is registered."""


@contextmanager
def serving(app: Any, port: int = 0, *, certificate: Path | None = None) -> Generator[str]:
    """Serve an application in a thread while the block runs; yields its address.

    Port 0 takes any free port. With a file that contains a key and its certificates it serves TLS.
    At the end open connections are cut, so that none is waited for.
    """
    server = _Server(_config(app, port, certificate))
    thread = threading.Thread(target=server.run_quietly, daemon=True)
    thread.start()
    address = server.port.result()
    try:
        yield f"{'http' if certificate is None else 'https'}://{HOST}:{address}"
    finally:
        server.stop()
        thread.join()


def _config(app: Any, port: int, certificate: Path | None = None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=HOST,
        port=port,
        http=DroppingProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        date_header=False,
        ssl_certfile=certificate,
        timeout_graceful_shutdown=1,
    )


class _Server(uvicorn.Server):
    """Reports the port on which it listens, and stops at once instead of at its next tick.

    uvicorn binds the port itself: asyncio disables Nagle's algorithm only for sockets that it
    created, and with the algorithm each answer takes 40 ms.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.port: Future[int] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def run_quietly(self) -> None:
        """Run until stopped; a failed start has been reported to the thread that waits for it."""
        with suppress(SystemExit):
            self.run()

    def stop(self) -> None:
        """End the server from another thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            await super().startup(sockets)
        except SystemExit as error:
            # uvicorn exits like this if the port is taken or the application did not start.
            problem = f"port {self.config.port} can't be opened, or the application did not start"
            self.port.set_exception(OSError(problem))
            raise error from None
        self.port.set_result(self.servers[0].sockets[0].getsockname()[1])

    async def main_loop(self) -> None:
        await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for _ in range(_TURNS):
            for connection in list(self.server_state.connections):
                if isinstance(connection, DroppingProtocol):
                    connection.transport.abort()
            await asyncio.sleep(0)
        if tasks := list(self.server_state.tasks):
            _, late = await asyncio.wait(tasks, timeout=_GRACE)
            for task in late:
                task.cancel()
        await self.lifespan.shutdown()
