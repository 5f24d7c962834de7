"""Serves clients over streamable HTTP.

Without sign-in any local program can use the token. So the server then listens on loopback
addresses only, and checks `Host` and `Origin` to refuse requests that a web page makes a browser
send.
"""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import re
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any, Final, Self

import uvicorn
from mcp.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from moodle_mcp.errors import SettingsError
from moodle_mcp.server.transports.bodies import MAX_BODY, Bodies
from moodle_mcp.server.transports.connections import MAX_HEAD, Connection

PATH: Final = "/mcp"

BACKLOG: Final = 2048
"""Most connections that wait to be accepted; a further client tries again after a second."""

MAX_SESSIONS: Final = 200
"""Most concurrent sessions; a further one is refused with 503."""

SESSION_TIME: Final = 600.0
"""Seconds without a request after which a session ends; its client gets 404 and starts another."""

GRACE: Final = 10
"""Seconds that calls in progress have to finish when the server stops."""

SWITCH_INTERVAL: Final = 0.0005
"""Seconds after which a background thread lets the event loop run.

An answer to a client needs a dozen turns; Python's default of 5 ms would delay each of them.
"""

_LISTEN: Final = re.compile(r"(?:(?P<host>[^:\[\]]+|\[[^\[\]]+\]):)?(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that listens on a port until the `with` block ends."""

    socket: socket.socket

    @classmethod
    def of(cls, listen: str, *, anywhere: bool = False) -> Self:
        """Listen on `PORT` of this machine, or on `HOST:PORT`.

        The host must be a loopback address, or with `anywhere` the address of any interface.

        Raises:
            SettingsError: it is neither, or the port can't be bound.
        """
        address, port = _parsed(listen, anywhere=anywhere)
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        # asyncio switches Nagle's algorithm off only if the protocol is given. With it, each answer
        # takes 40 ms.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((str(address), port))
            # From here on clients wait instead of being refused.
            listener.listen(BACKLOG)
        except (OSError, OverflowError) as error:
            listener.close()
            raise SettingsError(f"--http: can't listen on {listen}: {error}") from None
        return cls(listener)

    @property
    def port(self) -> int:
        """The port that was bound, also if port 0 was given."""
        return self.socket.getsockname()[1]

    @property
    def hosts(self) -> list[str]:
        """The values of `Host` that mean this address."""
        own = self.socket.getsockname()[0]
        name = f"[{own}]" if ":" in own else own
        return [f"{host}:{self.port}" for host in dict.fromkeys((name, "127.0.0.1", "localhost"))]

    @property
    def url(self) -> str:
        """The URL for clients."""
        return f"http://{self.hosts[0]}{PATH}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.socket.close()


def serve_http(server: Server[Any], listener: Listener) -> None:
    """Serve until a signal stops the process; calls in progress then have `GRACE` seconds."""
    serve_app(asgi(server, listener), listener)


def serve_app(
    app: ASGIApp,
    listener: Listener,
    connection: type[Connection] = Connection,
    grace: int = GRACE,
    **options: Any,
) -> None:
    """Serve an application until a signal stops the process; `options` are uvicorn's."""
    config = uvicorn.Config(
        app,
        http=connection,
        h11_max_incomplete_event_size=MAX_HEAD,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=grace,
        **options,
    )
    http = HttpServer(config)
    http.take_signals()
    sys.setswitchinterval(SWITCH_INTERVAL)
    asyncio.run(http.serve([listener.socket]))


def session_manager(
    server: Server[Any], hosts: list[str], origins: list[str], most_sessions: int
) -> StreamableHTTPSessionManager:
    """Build the SDK's manager of sessions, within our limits."""
    return StreamableHTTPSessionManager(
        server,
        max_request_body_size=MAX_BODY,
        max_sessions=most_sessions,
        session_idle_timeout=SESSION_TIME,
        security_settings=TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins),
    )


def asgi(server: Server[Any], listener: Listener) -> Starlette:
    """Build the ASGI application, which answers at `PATH`."""
    # The server has no pages, and pages of other ports on this machine are refused too.
    origins = [f"http://{host}" for host in listener.hosts]
    manager = session_manager(server, listener.hosts, origins, MAX_SESSIONS)
    # No GET: the server sends nothing unasked, so the stream would stay empty, and it would delay
    # the shutdown.
    bodies = Bodies(StreamableHTTPASGIApp(manager))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with manager.run():
            yield
            # uvicorn does not wait for the calls that it has cut off. The audit log and the
            # connections to the site would be closed during a write.
            await bodies.ended()

    route = Route(PATH, bodies, methods=["POST", "DELETE"])
    return Starlette(routes=[route], lifespan=lifespan)


def _parsed(
    listen: str, *, anywhere: bool
) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]:
    parts = _LISTEN.fullmatch(listen)
    if parts is None:
        raise SettingsError(f"--http: {listen!r} is neither PORT nor HOST:PORT")
    host = (parts["host"] or "127.0.0.1").strip("[]")
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        address = None
    if address is None and anywhere:
        raise SettingsError(f"--http: {host} is not an IP address; 0.0.0.0 and :: mean all")
    if address is None or not (anywhere or address.is_loopback):
        raise SettingsError(
            f"--http: {host} is not a loopback address; there is no authentication, so only "
            "127.0.0.1, ::1 and localhost are allowed"
        )
    return address, int(parts["port"])


class HttpServer(uvicorn.Server):
    """Ends with status 0 on a signal; uvicorn's own class raises the signal again afterwards."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Accept no further calls; a second Ctrl-C does not wait for those in progress.

        sse-starlette replaces uvicorn's own handler with one that cuts off answers to clients of
        the older protocols.
        """
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    def take_signals(self) -> None:
        """Install the signal handlers, before the event loop runs.

        Otherwise asyncio cancels the start if Ctrl-C comes during it, and uvicorn logs that as a
        failure.
        """

        def handler(sig: int, frame: FrameType | None) -> None:
            # No bound method: sse-starlette looks for the server of one, and cuts off the answers
            # under way half a second after the signal.
            self.handle_exit(sig, frame)

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and exclude everything loaded so far from garbage collection.

        Otherwise each collection stops all answers for a tenth of a second.
        """
        await super().startup(sockets)
        gc.freeze()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield
