"""An HTTP server protocol that lets the application cut its connection, to simulate faults."""

from __future__ import annotations

from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

DROP: Final = "demo.drop"
"""The ASGI extension that contains the function to cut the connection."""


class DroppingProtocol(H11Protocol):
    """uvicorn's protocol, which also passes the transport's abort to the application."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.app = _with_drop(self.app, transport)


def _with_drop(app: Any, transport: Any) -> Any:
    async def call(scope: Any, receive: Any, send: Any) -> None:
        scope.setdefault("extensions", {})[DROP] = {"drop": transport.abort}
        await app(scope, receive, send)

    return call
