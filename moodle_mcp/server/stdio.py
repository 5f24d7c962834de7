"""Serving one client over standard input and output."""

from __future__ import annotations

import signal

import anyio
from mcp.server.stdio import stdio_server

from moodle_mcp.server.app import App


def serve_stdio(app: App) -> None:
    """Serve until the input ends.

    A signal ends the process at once: the SDK's reader thread can't be woken from its read.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    anyio.run(_serve, app)


async def _serve(app: App) -> None:
    server = app.server()
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())
