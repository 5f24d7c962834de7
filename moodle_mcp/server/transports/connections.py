"""Connections of HTTP clients: limited in number, and closed when a client stalls."""

from __future__ import annotations

import asyncio
from typing import Final, cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

MAX_CONNECTIONS: Final = 256
"""Most connections; beyond that, the one that has waited longest for a request is closed."""

MAX_HEAD: Final = 16 * 1024
"""Most bytes of a request's line and headers."""

HEAD_TIME: Final = 10.0
"""Seconds within which a request's line and headers must arrive."""

WRITE_TIME: Final = 60.0
"""Seconds within which a client must read a part of an answer."""


class Connection(H11Protocol):
    """One connection, with limits that uvicorn lacks."""

    max_connections = MAX_CONNECTIONS
    head_time = HEAD_TIME

    _awaited: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _idle_since: float = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_request()
        if len(self.connections) > self.max_connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._awaited, self._stalled):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._await_request()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._await_request()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(WRITE_TIME, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()

    @property
    def has_request(self) -> bool:
        """Whether a request's headers have arrived and its answer is not complete yet."""
        # uvicorn's annotation lacks None.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete

    @property
    def may_be_closed(self) -> bool:
        """Whether no complete request is in progress."""
        return not self.has_request or self.cycle.more_body

    def _await_request(self) -> None:
        """Start the timer for a request's headers, or stop it when they have arrived."""
        if self.has_request:
            if self._awaited is not None:
                self._awaited.cancel()
                self._awaited = None
        elif self._awaited is None:
            self._awaited = self.loop.call_later(self.head_time, self.transport.abort)
            self._idle_since = self.loop.time()

    def _make_room(self) -> None:
        """Close the connection that has waited longest, or this one if all others are busy."""
        others: list[Connection] = [
            each for each in self.connections if isinstance(each, Connection)
        ]
        waiting = [each for each in others if each is not self and each.may_be_closed]
        longest = min(waiting, key=lambda each: each._idle_since, default=self)
        # Otherwise it counts until `connection_lost`, which is called later.
        self.connections.discard(longest)
        longest.transport.abort()
