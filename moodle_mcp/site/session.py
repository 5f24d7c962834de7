"""One Moodle site and a token: calls, forms for scripts, and what the site says of itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO, Final, TypeAlias

import anyio
import httpx2

from moodle_mcp.background import Background
from moodle_mcp.errors import CallError
from moodle_mcp.jsontree import LARGE_TEXT
from moodle_mcp.redaction.known import Secrets
from moodle_mcp.redaction.values import without_secrets
from moodle_mcp.site.connection import Connection
from moodle_mcp.site.decoding import Answer, IsOwnAnswer, always_a_failure, decode
from moodle_mcp.site.diagnosis import diagnosed_info
from moodle_mcp.site.info import SITE_INFO, SiteInfo, site_info
from moodle_mcp.site.negotiation import Negotiation, SelfDescription
from moodle_mcp.site.protocol import Protocol, Request
from moodle_mcp.site.transport import Transport, timeouts

INFO_TIMEOUT: Final = 8.0
"""Seconds that a list of tools waits for a site before it is answered without it."""

Progress: TypeAlias = Callable[[int, int | None], Awaitable[None]]
"""Told the bytes that have gone or come and, where it is known, of how many."""


@dataclass(frozen=True, slots=True)
class Form:
    """What is posted to one of Moodle's scripts that are no web-service functions.

    `path` stands behind the site's base address and has no token in it; `file` is a file's name
    and its content, opened for reading bytes.
    """

    path: str
    fields: Mapping[str, str]
    file: tuple[str, BinaryIO] | None = None


class Site:
    """A site and a token."""

    def __init__(
        self,
        connection: Connection,
        *,
        user_agent: str = "moodle-mcp",
        transport: Transport | None = None,
        background: Background | None = None,
    ) -> None:
        """Act with a connection's token; nothing is sent yet.

        Who shares a `transport` closes it; without one it is the session's own.
        """
        self.address = connection.address
        self._token = connection.token
        self.secrets = Secrets(connection.token.get_secret_value())
        """What is taken out of all that the site says."""
        self.user_agent = user_agent
        self._owns_transport = transport is None
        self.transport = transport or Transport(connection.address, user_agent)
        self._protocols = connection.protocols
        # Where there is no choice nothing has to be asked.
        only = self._protocols[0] if len(self._protocols) == 1 else None
        self._protocol = only
        self._informant = only
        self._info: SiteInfo | None = None
        self._lock = anyio.Lock()
        self.background = background or Background()
        """Does the long work on what goes to the site and comes from it."""

    async def aclose(self) -> None:
        """Close the connections that are the session's own."""
        if self._owns_transport:
            await self.transport.aclose()

    async def send(
        self,
        request: Request,
        *,
        timeout: float,  # noqa: ASYNC109
        alone: bool = False,
        own: IsOwnAnswer = always_a_failure,
        hands_out_keys: bool = False,
    ) -> Answer:
        """Send one request once and decode its answer, and take secrets out of it.

        `timeout` is in seconds and spans the whole request, connecting included. `alone` gives it
        a connection of its own: what is left over of another answer can't be taken for its own,
        and no end of an idle connection puts it in doubt. `own` tells whether an answer with the
        shape of a failure is the function's own; without it none is. `hands_out_keys` leaves keys
        and tokens in the answer of a function that is there for them.

        Raises:
            CallError: with `reached` False if nothing of it left this machine. Neither the token
                nor a secret of the arguments is in it, should the site or a proxy echo it.
        """
        secrets = self.secrets.and_of(request.secrets) if request.secrets else self.secrets
        sent = request.protocol.post(request, self.address, self._token.get_secret_value())
        try:
            response = await self.transport.post(sent, timeout=timeout, alone=alone)

            def decoded() -> Answer:
                answer = decode(response, request.protocol, own=own)
                value = without_secrets(answer.value, secrets, hands_out_keys=hands_out_keys)
                return replace(answer, value=value)

            return await self.background.run_if(len(response.body) > LARGE_TEXT, decoded)
        except CallError as error:
            raise secrets.error(error) from None

    @asynccontextmanager
    async def post(
        self, form: Form, *, silence: float, progress: Progress | None = None
    ) -> AsyncGenerator[httpx2.Response]:
        """Post a form with the token as its first field; the answer is read by the caller.

        `silence` are the seconds that may pass without a byte either way; `progress` is told the
        bytes that were sent. A compressed answer is not asked for.

        Raises:
            CallError: also for what happens while the answer is read inside the block; the token
                is not in it.
        """
        alone = form.file is not None
        request = self.transport.client(alone=alone).build_request(
            "POST",
            f"{self.address.base}{form.path}",
            data={"token": self._token.get_secret_value(), **form.fields},
            files=None if form.file is None else {"file": form.file},
            headers={"Accept": "*/*", "Accept-Encoding": "identity"},
            timeout=timeouts(silence),
        )
        if progress is not None:
            request = _with_progress(request, progress)
        try:
            async with self.transport.exchange(request, alone=alone, seconds=silence) as response:
                yield response
        except CallError as error:
            raise self.secrets.error(error) from None

    async def protocol(self) -> Protocol:
        """The protocol to send a call in.

        Where there is a choice, the site is asked about itself in each of them at the same time,
        and what answered is remembered. While none answers, it is the one that is there, or the
        last: a call in it then says what is wrong.
        """
        if self._protocol is None:
            async with self._lock:
                if self._protocol is None:
                    return (await self._negotiate()).protocol
        return self._protocol

    async def info(self, *, fresh: bool = False) -> SiteInfo:
        """What the site says of itself and the token; asked once, or again if `fresh`.

        Raises:
            CallError: the site did not answer it; the next call asks again.
        """
        async with self._lock:
            if self._informant is None:
                return (await self._negotiate()).info()
            if self._info is None or fresh:
                self._info = await self._ask_info(self._informant)
            return self._info

    async def _negotiate(self) -> Negotiation:
        """Ask the site about itself in every protocol; remember what came of it if one answers."""
        descriptions: dict[Protocol, SelfDescription] = {}

        async def ask(protocol: Protocol) -> None:
            try:
                descriptions[protocol] = await self._ask_info(protocol)
            except CallError as error:
                descriptions[protocol] = error

        async with anyio.create_task_group() as tasks:
            for protocol in self._protocols:
                tasks.start_soon(ask, protocol)
        negotiation = Negotiation(
            {protocol: descriptions[protocol] for protocol in self._protocols}
        )
        if negotiation.answered:
            self._info = negotiation.info()
            self._protocol, self._informant = negotiation.protocol, negotiation.informant
        return negotiation

    async def _ask_info(self, protocol: Protocol) -> SiteInfo:
        try:
            answer = await self.send(protocol.encode(SITE_INFO, {}), timeout=INFO_TIMEOUT)
        except CallError as error:
            raise diagnosed_info(protocol, error) from None
        return site_info(answer.value)

    @property
    def known_info(self) -> SiteInfo | None:
        """The last answer of `info`, without asking."""
        return self._info


class _Reported(httpx2.AsyncByteStream):
    """A request's body that tells how much of it has been taken."""

    def __init__(self, body: httpx2.AsyncByteStream, total: int, progress: Progress) -> None:
        self._body = body
        self._total = total
        self._progress = progress

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        sent = 0
        async for chunk in self._body:
            yield chunk
            sent += len(chunk)
            await self._progress(sent, self._total)


def _with_progress(request: httpx2.Request, progress: Progress) -> httpx2.Request:
    total = int(request.headers["content-length"])
    assert isinstance(request.stream, httpx2.AsyncByteStream)  # noqa: S101 - it was built so above
    return httpx2.Request(
        request.method,
        request.url,
        headers=request.headers,
        stream=_Reported(request.stream, total, progress),
        extensions=request.extensions,
    )
