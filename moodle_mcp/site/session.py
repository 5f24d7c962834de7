"""A Moodle site with a token: function calls, forms for scripts, and the site's description."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO, Final, TypeAlias

import anyio
import httpx2

from moodle_mcp.background import Background
from moodle_mcp.errors import CallError, Kind
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
"""Seconds that listing the tools waits for the site before answering without it."""

_REJECTIONS: Final = frozenset({Kind.INVALID_TOKEN, Kind.ACCOUNT_BLOCKED})

Progress: TypeAlias = Callable[[int, int | None], Awaitable[None]]
"""Called with the bytes transferred and, if known, the total."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form for one of Moodle's scripts outside the web-service protocols.

    `path` follows the site's base address and contains no token. `file` is a file's name and its
    content, opened for reading bytes.
    """

    path: str
    fields: Mapping[str, str]
    file: tuple[str, BinaryIO] | None = None


@dataclass(frozen=True, slots=True)
class OnRejection:
    """What to do when the site no longer accepts the token, and the hint for the error."""

    act: Callable[[], Awaitable[None]]
    hint: str


class SiteSession:
    """A site and a token."""

    def __init__(
        self,
        connection: Connection,
        *,
        user_agent: str = "moodle-mcp",
        transport: Transport | None = None,
        background: Background | None = None,
        on_rejection: OnRejection | None = None,
    ) -> None:
        """Prepare to act with a connection's token; nothing is sent yet.

        Whoever passes a shared `transport` must close it. Without one, the site opens its own.
        """
        self._on_rejection = on_rejection
        self.address = connection.address
        self._token = connection.token
        self.secrets = Secrets(connection.token.get_secret_value())
        """Secrets to redact from everything that the site answers."""
        self.user_agent = user_agent
        self._owns_transport = transport is None
        self.transport = transport or Transport(connection.address, user_agent)
        self._protocols = connection.protocols
        # With a single protocol there is nothing to negotiate.
        only = self._protocols[0] if len(self._protocols) == 1 else None
        self._protocol = only
        self._informant = only
        self._info: SiteInfo | None = None
        self._lock = anyio.Lock()
        self.background = background or Background()
        """Runs the CPU-heavy work on requests and answers."""

    async def aclose(self) -> None:
        """Close the connections, unless the transport is shared."""
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
        """Send one request once, decode its answer and redact secrets from it.

        `timeout` is in seconds and covers the whole request including connecting. `alone` uses a
        new connection: bytes left over from another answer can't be mistaken for this one, and a
        closing idle connection can't leave the outcome unknown. `own` says whether an answer with
        the shape of a failure is the function's regular answer; by default none is.
        `hands_out_keys` keeps keys and tokens in the answer, for functions that exist to return
        them.

        Raises:
            CallError: `reached` is False if nothing left this machine. The error contains neither
                the token nor a secret argument, even if the site or a proxy echoed it.
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
            raise secrets.error(
                await self._if_rejected(error, request.protocol, request.function)
            ) from None

    async def _if_rejected(
        self, error: CallError, protocol: Protocol, function: str | None = None
    ) -> CallError:
        """Act on a rejected token, if the site also refuses to say whose it is.

        Moodle gives the same answer when PHP has dropped the body with the token.
        """
        on_rejection = self._on_rejection
        if on_rejection is None or error.fault.kind not in _REJECTIONS:
            return error
        if function == SITE_INFO:
            await on_rejection.act()
        else:
            try:
                await self.send(protocol.encode(SITE_INFO, {}), timeout=INFO_TIMEOUT)
            except CallError as about:
                if about.fault.kind not in _REJECTIONS:
                    return error
            else:
                return error
        return error.but(hint=on_rejection.hint)

    @asynccontextmanager
    async def post(
        self, form: Form, *, silence: float, progress: Progress | None = None
    ) -> AsyncGenerator[httpx2.Response]:
        """Post a form with the token as its first field; the caller reads the answer.

        `silence` is how many seconds may pass without a byte in either direction. `progress` gets
        the bytes sent. The answer is requested uncompressed.

        Raises:
            CallError: also for failures while the block reads the answer. It never contains the
                token.
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
            rejected = await self._if_rejected(error, self._protocol or self._protocols[-1])
            raise self.secrets.error(rejected) from None

    async def protocol(self) -> Protocol:
        """Return the protocol to send a call in.

        If several are allowed, the site is asked about itself in all of them at the same time, and
        the result is remembered once one answers. Until then, this is the one that exists on the
        site, or else the last one: a call in it then reports what is wrong.
        """
        if self._protocol is None:
            async with self._lock:
                if self._protocol is None:
                    return (await self._negotiate()).protocol
        return self._protocol

    async def info(self, *, fresh: bool = False) -> SiteInfo:
        """Return the site's description of itself and the token; cached unless `fresh`.

        Raises:
            CallError: the site did not answer; the next call asks again.
        """
        async with self._lock:
            if self._informant is None:
                return (await self._negotiate()).info()
            if self._info is None or fresh:
                self._info = await self._ask_info(self._informant)
            return self._info

    async def _negotiate(self) -> Negotiation:
        """Ask the site about itself in every protocol; remember the result if one answers."""
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
        """The cached result of `info`; None before the first."""
        return self._info


class _Reported(httpx2.AsyncByteStream):
    """A request body that reports progress as it is read."""

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
