"""Serves several people over streamable HTTP, each with their own context."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from mcp.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from moodle_mcp.server.transports.bodies import Bodies
from moodle_mcp.server.transports.connections import Connection
from moodle_mcp.server.transports.http import session_manager
from moodle_mcp.server.transports.users import ContextOfScope, Refusal, StepUp, with_context

MAX_SESSIONS: Final = 2_000
"""Most concurrent sessions of clients of the older protocols."""


class HostedConnection(Connection):
    """A connection of one of many clients."""

    max_connections = 4_096


ErrorHandler: TypeAlias = Callable[[Request, Exception], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Doors:
    """What stands between a request and the MCP server.

    `protect` admits requests with a valid token, `context_of` finds their user's context, and
    `refusal` answers a call that needs an access which the user has not granted. `host` is the
    public host, with the port if it is not the scheme's own, `origin` the public address. `errors`
    answer requests during which something could not be reached.
    """

    protect: Callable[[ASGIApp], ASGIApp]
    context_of: ContextOfScope
    refusal: Refusal
    errors: Mapping[type[Exception], ErrorHandler]
    host: str
    origin: str


def hosted_app(
    server: Server[Any], path: str, doors: Doors, routes: Sequence[BaseRoute]
) -> Starlette:
    """Build the application: the MCP endpoint at `path`, and further routes."""
    manager = session_manager(server, [doors.host], [doors.origin], MAX_SESSIONS)
    bodies = Bodies(StepUp(StreamableHTTPASGIApp(manager), doors.refusal))
    endpoint = doors.protect(with_context(bodies, doors.context_of))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with manager.run():
            yield
            # The store and the connections to the site would be closed during a write.
            await bodies.ended()

    return Starlette(
        # No GET: the server sends nothing unasked.
        routes=[Route(path, endpoint, methods=["POST", "DELETE"]), *routes],
        exception_handlers=doors.errors,
        lifespan=lifespan,
    )
