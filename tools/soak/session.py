"""A server process and many concurrent calls to it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from tools.soak.server import PROBE

_LIMIT: Final = 1 << 26
_PATIENCE: Final = 120.0
"""Seconds after which an answer counts as lost."""


class Session:
    """One initialized connection; `log` has what the server wrote to stderr."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._probed: asyncio.Queue[int] = asyncio.Queue()
        self._id = 0
        self.log: list[str] = []

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def unanswered(self) -> int:
        """Requests without an answer."""
        return len(self._waiting)

    async def ask(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The response to a request."""
        _, answer = self.begin(method, params)
        return await asyncio.wait_for(answer, _PATIENCE)

    def begin(
        self, method: str, params: Mapping[str, Any]
    ) -> tuple[int, asyncio.Future[dict[str, Any]]]:
        """Send a request; return its id and a future of its response."""
        self._id += 1
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[self._id] = future
        self._send({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})
        return self._id, future

    def cancel(self, request: int) -> None:
        """Cancel a request as a client does; the server may not answer it."""
        self._send(
            {
                "jsonrpc": "2.0",
                "method": "notifications/cancelled",
                "params": {"requestId": request},
            }
        )

    def forget(self, request: int) -> None:
        """Stop waiting for a response."""
        self._waiting.pop(request, None)

    async def tasks(self) -> int:
        """Return the number of tasks in the server's event loop."""
        self._process.send_signal(signal.SIGUSR1)
        return await asyncio.wait_for(self._probed.get(), _PATIENCE)

    async def initialize(self) -> None:
        client = {"name": "soak", "version": "1"}
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
        await self.ask("initialize", params)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def close(self) -> int:
        """Close stdin; return the process's exit status."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        return await asyncio.wait_for(self._process.wait(), _PATIENCE)

    def _send(self, message: Mapping[str, Any]) -> None:
        if self._process.stdin is None:
            raise OSError("the process has no input")
        self._process.stdin.write(json.dumps(message).encode() + b"\n")

    async def read_answers(self, lines: asyncio.StreamReader) -> None:
        """Give each response to the caller that waits for it; every line must be JSON-RPC."""
        async for line in lines:
            message = json.loads(line)
            future = self._waiting.pop(message.get("id"), None)
            if future is not None and not future.done():
                future.set_result(message)

    async def read_log(self, lines: asyncio.StreamReader) -> None:
        """Collect the log, except for the answers to `tasks`."""
        async for line in lines:
            text = line.decode(errors="replace")
            if text.startswith(f'{{"{PROBE}"'):
                self._probed.put_nowait(json.loads(text)[PROBE])
            else:
                self.log.append(text)


@asynccontextmanager
async def session(environment: Mapping[str, str]) -> AsyncGenerator[Session]:
    """Start a server process with these settings."""
    kept = {name: value for name, value in os.environ.items() if "MOODLE" not in name}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tools.soak.server",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**kept, **environment},
        limit=_LIMIT,
    )
    if process.stdout is None or process.stderr is None:
        raise OSError("the process has no pipes")
    opened = Session(process)
    readers = [
        asyncio.create_task(opened.read_answers(process.stdout)),
        asyncio.create_task(opened.read_log(process.stderr)),
    ]
    try:
        await opened.initialize()
        yield opened
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
