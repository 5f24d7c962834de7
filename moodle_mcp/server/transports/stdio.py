"""Serves one client over standard input and output."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import signal
import stat
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any, BinaryIO, Final, TypeAlias

import anyio
import anyio.to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCMessage

from moodle_mcp.jsontree import LARGE_TEXT
from moodle_mcp.server.transports.encoded import encode_message
from moodle_mcp.server.transports.jsonrpc_lines import (
    MAX_LINE,
    UnreadableError,
    parse_line,
    read_line,
)

DRAIN_TIME: Final = 10.0
"""Seconds that the client has to read the last answers when the server stops."""

log = logging.getLogger(__name__)

Incoming: TypeAlias = MemoryObjectReceiveStream[SessionMessage | Exception]
Outgoing: TypeAlias = MemoryObjectSendStream[SessionMessage]


def serve_stdio(server: Server[Any]) -> None:
    """Serve until the input ends or a signal stops the process."""
    asyncio.run(_serve(server))


async def _serve(server: Server[Any]) -> None:
    options = server.create_initialization_options()
    pipes = _claim_pipes()
    if pipes is None:
        # Without pipes (Windows, a file as input) the SDK's transport is used, with a thread per
        # message. Its own reader of standard input takes a byte-order mark for a part of the first
        # message.
        source = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig", errors="replace")
        async with stdio_server(stdin=anyio.wrap_file(source)) as (read, write):
            await server.run(read, write, options)
        return
    async with _streams(*pipes) as (incoming, outgoing):
        await server.run(incoming, outgoing, options)


def _claim_pipes() -> tuple[BinaryIO, BinaryIO] | None:
    """Reserve standard input and output for the protocol; None if they are not pipes.

    From now on, anything printed by mistake goes to stderr, and child processes have no input.
    """
    if sys.platform == "win32":
        return None
    if not all(_is_stream(os.fstat(fd).st_mode) for fd in (0, 1)):
        return None
    read, write = os.dup(0), os.dup(1)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a descriptor is wanted, not a path
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return os.fdopen(read, "rb", buffering=0), os.fdopen(write, "wb", buffering=0)


def _is_stream(mode: int) -> bool:
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


@asynccontextmanager
async def _streams(source: BinaryIO, target: BinaryIO) -> AsyncGenerator[tuple[Incoming, Outgoing]]:
    """The two message streams over a pair of pipes."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MAX_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), source)
    transport, flow = await loop.connect_write_pipe(_Flow, target)
    to_server, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](32)
    outgoing, from_server = anyio.create_memory_object_stream[SessionMessage](32)

    async with anyio.create_task_group() as tasks:
        for number in _ending_signals():
            loop.add_signal_handler(number, to_server.close)
        tasks.start_soon(_read, reader, to_server, outgoing)
        written = anyio.Event()
        tasks.start_soon(_write, from_server, transport, flow, written)
        try:
            yield incoming, outgoing
        finally:
            # A client that reads slowly still gets its last answers.
            with anyio.move_on_after(DRAIN_TIME, shield=True):
                await outgoing.aclose()
                await written.wait()
            tasks.cancel_scope.cancel()
            transport.close()


def _ending_signals() -> list[signal.Signals]:
    """The signals that stop the process; SIGHUP is one of them unless `nohup` was used."""
    hangs_up = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    return [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hangs_up else [])]


async def _read(
    reader: asyncio.StreamReader,
    to_server: MemoryObjectSendStream[SessionMessage | Exception],
    outgoing: Outgoing,
) -> None:
    # When a signal stops the server, the streams are closed while they are read.
    with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
        async with to_server:
            while True:
                try:
                    line = await read_line(reader)
                    if not line:
                        return
                    message = await _parsed(line)
                except UnreadableError as error:
                    log.info("a line from the client can't be read: %s", error)
                    if error.reply is not None:
                        await outgoing.send(SessionMessage(error.reply))
                else:
                    await to_server.send(SessionMessage(message))


async def _parsed(line: bytes) -> JSONRPCMessage:
    if len(line) > LARGE_TEXT:
        return await anyio.to_thread.run_sync(parse_line, line)
    return parse_line(line)


async def _write(
    from_server: MemoryObjectReceiveStream[SessionMessage],
    transport: asyncio.WriteTransport,
    flow: _Flow,
    written: anyio.Event,
) -> None:
    # Without a buffer, the transport is ready only when everything is written.
    transport.set_write_buffer_limits(0)
    async with from_server:
        async for message in from_server:
            transport.write(encode_message(message.message) + b"\n")
            await flow.ready()
    written.set()


class _Flow(asyncio.BaseProtocol):
    """Makes the writer wait while the client does not read."""

    def __init__(self) -> None:
        self._ready = asyncio.Event()
        self._ready.set()

    def pause_writing(self) -> None:
        self._ready.clear()

    def resume_writing(self) -> None:
        self._ready.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ready.set()

    async def ready(self) -> None:
        await self._ready.wait()
