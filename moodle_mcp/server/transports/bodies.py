"""Reads the whole body of an HTTP request, within limits of size and time, before it is parsed."""

from __future__ import annotations

import re
from typing import Final

import anyio
import anyio.to_thread
from mcp_types import JSONRPCError
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from moodle_mcp.jsontree import has_more_values
from moodle_mcp.server.transports.jsonrpc_lines import (
    MAX_VALUES,
    UnreadableError,
    parse_line,
    refusal_of_id,
    refusal_of_values,
    request_id,
)

MAX_BODY: Final = 4 * 1024 * 1024
"""Most bytes of one request; a larger one is answered with 413."""

MAX_HELD: Final = 4 * MAX_BODY
"""Most bytes of all request bodies in progress; a further request is answered with 503."""

BODY_TIME: Final = 20.0
"""Seconds within which a body must arrive; otherwise the request is answered with 408."""

END_TIME: Final = 10.0
"""Seconds that writes have to finish after the server has stopped."""

_ODD_ID: Final = re.compile(rb'"id"\s*+:\s*+(?!"|-?[0-9]++\s*+[,}])')
"""An id that can't be answered: neither a string nor an integer."""


class Bodies:
    """ASGI middleware that refuses bodies that are too large, too many or too slow."""

    def __init__(self, app: ASGIApp, body_time: float = BODY_TIME) -> None:
        self._app = app
        self._body_time = body_time
        self._held = 0
        self._under_way = 0
        self._ids: set[tuple[bytes, str]] = set()
        self._all_ended = anyio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytearray()
        self._under_way += 1
        try:
            refusal = await self._read(receive, body)
            app = refusal or await self._passing_once(bytes(body), scope)
            await app(scope, receive, send)
        finally:
            self._held -= len(body)
            self._under_way -= 1
            if not self._under_way:
                self._all_ended.set()

    async def ended(self) -> None:
        """Wait until no request is in progress, for at most `END_TIME` seconds."""
        self._all_ended = anyio.Event()
        if self._under_way:
            with anyio.move_on_after(END_TIME):
                await self._all_ended.wait()

    async def _read(self, receive: Receive, body: bytearray) -> Response | None:
        """Read a body; return the response that refuses it, or None."""
        try:
            with anyio.fail_after(self._body_time):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        # The part that arrived may be a whole message, which must not be run.
                        return _refusal(400, "The request ended before its body was complete.")
                    chunk: bytes = message.get("body", b"")
                    body += chunk
                    self._held += len(chunk)
                    if len(body) > MAX_BODY:
                        return _refusal(413, f"A request may have at most {MAX_BODY:,} bytes.")
                    if self._held > MAX_HELD:
                        return _refusal(503, "Too many large requests are in progress; try later.")
                    if not message.get("more_body"):
                        break
        except TimeoutError:
            return _refusal(
                408, f"The request did not arrive within {self._body_time:.0f} seconds."
            )
        if has_more_values(body, MAX_VALUES):
            return _reply(413, refusal_of_values(bytes(body)))
        if _ODD_ID.search(body):
            # The SDK would take it for a notification and answer 202 without running it.
            try:
                await anyio.to_thread.run_sync(parse_line, bytes(body))
            except UnreadableError as error:
                return None if error.reply is None else _reply(400, error.reply)
        return None

    async def _passing_once(self, body: bytes, scope: Scope) -> ASGIApp:
        """The application with a body that has been read, if no request with its id is under way.

        The SDK would give the answer to one of the two to the other, which it takes `7` and `"7"`
        for as well.
        """
        if b'"method"' not in body:
            return self._passing(await _readable(body))
        session = dict(scope.get("headers", ())).get(b"mcp-session-id")
        number = request_id(body)
        if session is None or number is None:
            return self._passing(body)
        key = (session, str(number))
        if key in self._ids:
            return _reply(400, refusal_of_id(number))

        async def passing(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Message) -> None:
                # Whoever has the whole answer may use the id again.
                if message["type"] == "http.response.body" and not message.get("more_body"):
                    self._ids.discard(key)
                await send(message)

            self._ids.add(key)
            try:
                await self._passing(body)(scope, receive, sent)
            finally:
                self._ids.discard(key)

        return passing

    def _passing(self, body: bytes) -> ASGIApp:
        """Return the application with a body that has been read."""

        async def passing(scope: Scope, receive: Receive, send: Send) -> None:
            read: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

            async def replayed() -> Message:
                return read.pop() if read else await receive()

            await self._app(scope, replayed, send)

        return passing


async def _readable(body: bytes) -> bytes:
    """An answer to a question of ours; an error in the place of one that can't be read."""
    try:
        message = await anyio.to_thread.run_sync(parse_line, body)
    except UnreadableError:
        return body
    return message.model_dump_json(by_alias=True, exclude_unset=True).encode()


def _reply(status: int, reply: JSONRPCError) -> Response:
    return Response(reply.model_dump_json(by_alias=True), status, media_type="application/json")


def _refusal(status: int, text: str) -> Response:
    # The rest of the body is not read.
    return Response(f"{text}\n", status, {"Connection": "close"}, media_type="text/plain")
