"""One Moodle site over HTTP: one pooled client, one request at a time, one answer or one error."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO, Final, TypeAlias

import anyio
import httpx2

from moodle_mcp.errors import CallError, Fault, Kind, Stage
from moodle_mcp.site.address import Address
from moodle_mcp.site.connection import Connection
from moodle_mcp.site.decoding import Answer, IsOwnAnswer, Response, always_a_failure, decode
from moodle_mcp.site.info import SITE_INFO, SiteInfo, refused_altogether, site_info
from moodle_mcp.site.meeting import Greeting, Meeting
from moodle_mcp.site.protocol import Post, Protocol, Request

MAX_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of one answer, unpacked, beyond which it is not read on."""

KEEP_ALIVE: Final = 4.0
"""Seconds that an idle connection is kept: Apache closes its end after 5, and a request that meets
a closing connection is one of which nobody knows whether it arrived."""

CONNECT_TIMEOUT: Final = 5.0
INFO_TIMEOUT: Final = 8.0
"""Seconds that a list of tools waits for a site before it is answered without it."""

Progress: TypeAlias = Callable[[int, int | None], Awaitable[None]]
"""Told the bytes that have gone or come and, where it is known, of how many."""

_REMOVED: Final = b"TOKEN-REMOVED"


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
    """A site and a token. The HTTP clients are made when they are needed."""

    def __init__(self, connection: Connection, *, user_agent: str = "moodle-mcp") -> None:
        self.address = connection.address
        self._token = connection.token
        self.user_agent = user_agent
        self._clients: dict[bool, httpx2.AsyncClient] = {}
        self._tls: ssl.SSLContext | None = None
        self._protocols = connection.protocols
        # Where there is no choice nothing has to be asked.
        only = self._protocols[0] if len(self._protocols) == 1 else None
        self._protocol = only
        self._informant = only
        self._info: SiteInfo | None = None
        self._lock = anyio.Lock()

    async def aclose(self) -> None:
        """Close the pooled connections."""
        for client in self._clients.values():
            await client.aclose()

    async def send(
        self,
        request: Request,
        *,
        timeout: float,  # noqa: ASYNC109
        alone: bool = False,
        own: IsOwnAnswer = always_a_failure,
    ) -> Answer:
        """Send one request once and decode its answer.

        `timeout` is in seconds and spans the whole request, connecting included. `alone` gives it
        a connection of its own: what is left over of another answer can't be taken for its own,
        and no end of an idle connection puts it in doubt. `own` tells whether an answer with the
        shape of a failure is the function's own; without it none is.

        Raises:
            CallError: with `reached` False if nothing of it left this machine.
        """
        sent = request.protocol.post(request, self.address, self._token.get_secret_value())
        response = await post(self._http(alone=alone), sent, timeout=timeout)
        return decode(self.without_token(response), request.protocol, own=own)

    @asynccontextmanager
    async def post(
        self, form: Form, *, silence: float, progress: Progress | None = None
    ) -> AsyncGenerator[httpx2.Response]:
        """Post a form with the token as its first field; the answer is read by the caller.

        `silence` are the seconds that may pass without a byte either way; `progress` is told the
        bytes that were sent. A compressed answer is not asked for.

        Raises:
            CallError: also for what happens while the answer is read inside the block.
        """
        client = self._http(alone=form.file is not None)
        request = client.build_request(
            "POST",
            f"{self.address.base}{form.path}",
            data={"token": self._token.get_secret_value(), **form.fields},
            files=None if form.file is None else {"file": form.file},
            headers={"Accept": "*/*", "Accept-Encoding": "identity"},
            timeout=httpx2.Timeout(silence, connect=min(CONNECT_TIMEOUT, silence)),
        )
        if progress is not None:
            request = _with_progress(request, progress)
        try:
            response = await client.send(request, stream=True)
            try:
                yield response
            finally:
                await response.aclose()
        except httpx2.HTTPError as error:
            raise _transport_error(error, silence) from None

    async def protocol(self) -> Protocol:
        """The protocol to send a call in.

        Where there is a choice, the site is asked about itself in each of them at the same time,
        and what answered is remembered. While none answers, it is the one that is there, or the
        last: a call in it then says what is wrong.
        """
        if self._protocol is None:
            async with self._lock:
                if self._protocol is None:
                    return (await self._meet()).protocol
        return self._protocol

    async def info(self, *, fresh: bool = False) -> SiteInfo:
        """What the site says of itself and the token; asked once, or again if `fresh`.

        Raises:
            CallError: the site did not answer it; the next call asks again.
        """
        async with self._lock:
            if self._informant is None:
                return (await self._meet()).info()
            if self._info is None or fresh:
                self._info = await self._ask_info(self._informant)
            return self._info

    async def _meet(self) -> Meeting:
        """Ask the site about itself in every protocol; remember what came of it if one answers."""
        greetings: dict[Protocol, Greeting] = {}

        async def greet(protocol: Protocol) -> None:
            try:
                greetings[protocol] = await self._ask_info(protocol)
            except CallError as error:
                greetings[protocol] = error

        async with anyio.create_task_group() as tasks:
            for protocol in self._protocols:
                tasks.start_soon(greet, protocol)
        meeting = Meeting({protocol: greetings[protocol] for protocol in self._protocols})
        if meeting.answered:
            self._info = meeting.info()
            self._protocol, self._informant = meeting.protocol, meeting.informant
        return meeting

    async def _ask_info(self, protocol: Protocol) -> SiteInfo:
        try:
            answer = await self.send(protocol.encode(SITE_INFO, {}), timeout=INFO_TIMEOUT)
        except CallError as error:
            if error.fault.errorcode == "accessexception":
                raise error.but(hint=refused_altogether(protocol)) from None
            raise
        return site_info(answer.value)

    @property
    def known_info(self) -> SiteInfo | None:
        """The last answer of `info`, without asking."""
        return self._info

    def without_token(self, response: Response) -> Response:
        """The response with the token taken out, should the site or a proxy echo it."""
        token = self._token.get_secret_value()
        if not token:
            return response
        return replace(
            response,
            body=response.body.replace(token.encode("ascii"), _REMOVED),
            reason=self.without_token_in(response.reason),
            location=response.location and self.without_token_in(response.location),
        )

    def without_token_in(self, text: str) -> str:
        """The text with the token taken out."""
        token = self._token.get_secret_value()
        return text.replace(token, _REMOVED.decode()) if token else text

    def _http(self, *, alone: bool) -> httpx2.AsyncClient:
        """The client whose connections are kept for the next request, or are `alone`."""
        if alone not in self._clients:
            self._tls = self._tls or tls_context(self.address)
            client = new_client(self.address, self.user_agent, self._tls, alone=alone)
            self._clients[alone] = client
        return self._clients[alone]


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


def tls_context(address: Address) -> ssl.SSLContext:
    """What a client needs for TLS, which takes 20 ms and 4 MB to make.

    What stays on this machine is plain http through no proxy: it gets one that trusts nobody.
    """
    if address.stays_here:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx2.create_ssl_context()


def new_client(
    address: Address, user_agent: str, tls: ssl.SSLContext, *, alone: bool = True
) -> httpx2.AsyncClient:
    """A client for one site, which follows no redirects; `alone` keeps no connection open."""
    return httpx2.AsyncClient(
        follow_redirects=False,
        # What is meant to stay on this machine goes through no proxy.
        trust_env=not address.stays_here,
        verify=tls,
        limits=httpx2.Limits(
            max_keepalive_connections=0 if alone else None, keepalive_expiry=KEEP_ALIVE
        ),
        headers={"User-Agent": user_agent, "Accept": "application/json"},
    )


async def post(
    client: httpx2.AsyncClient,
    sent: Post,
    *,
    timeout: float,  # noqa: ASYNC109
) -> Response:
    """Send something once and read the whole answer; `timeout` is in seconds and spans both.

    Raises:
        CallError: with `reached` False if nothing of it left this machine.
    """
    try:
        with anyio.fail_after(timeout):
            async with client.stream(
                "POST",
                sent.url,
                content=sent.body,
                headers=sent.headers,
                timeout=httpx2.Timeout(timeout, connect=min(CONNECT_TIMEOUT, timeout)),
            ) as response:
                return Response(
                    status=response.status_code,
                    body=await _read(response),
                    reason=response.reason_phrase,
                    location=response.headers.get("location"),
                    retry_after=response.headers.get("retry-after"),
                )
    except TimeoutError:
        raise _timed_out(timeout) from None
    except httpx2.HTTPError as error:
        raise _transport_error(error, timeout) from None


async def _read(response: httpx2.Response) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_ANSWER:
            message = f"The answer is longer than {MAX_ANSWER} bytes and was not read to its end."
            raise CallError(
                Fault(Kind.TOO_LARGE, message, hint="Ask for less: one course, one page, one user.")
            )
    return b"".join(chunks)


def _timed_out(seconds: float) -> CallError:
    within = f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.1f}".removesuffix(".0")
    return CallError(Fault(Kind.TIMEOUT, f"The site did not answer within {within} seconds."))


def _transport_error(error: httpx2.HTTPError, seconds: float) -> CallError:
    """The fault for what the HTTP library raised, without its text: it can hold the address."""
    match error:
        case httpx2.ConnectTimeout() | httpx2.PoolTimeout():
            message = "No connection to the site came about in time."
            return CallError(Fault(Kind.TIMEOUT, message), reached=False, stage="connection")
        case httpx2.ConnectError():
            stage, fault = _connect_fault(error)
            return CallError(fault, reached=False, stage=stage)
        case httpx2.ProxyError() | httpx2.UnsupportedProtocol():
            message = "The proxy on the way to the site refused the connection."
            return CallError(Fault(Kind.UNREACHABLE, message), reached=False, stage="connection")
        case httpx2.TimeoutException():
            return _timed_out(seconds)
        case httpx2.DecodingError():
            message = "The answer's compression is broken."
            return CallError(Fault(Kind.BAD_ANSWER, message))
        case _:
            message = "The connection broke before the whole answer had come."
            return CallError(Fault(Kind.UNREACHABLE, message))


def _connect_fault(error: BaseException) -> tuple[Stage, Fault]:
    cause = _cause(error, ssl.SSLCertVerificationError)
    if cause is not None:
        reason = getattr(cause, "verify_message", "").rstrip(".") or "it can't be verified"
        return "TLS", Fault(
            Kind.UNREACHABLE,
            f"The site's TLS certificate is not trusted: {reason}.",
            hint="The operator installs the certificate's authority in this system's trust store, "
            "or names a file with it in SSL_CERT_FILE; or corrects the host name in MOODLE_URL.",
            retryable=False,
        )
    if _cause(error, ssl.SSLError) is not None:
        return "TLS", Fault(
            Kind.UNREACHABLE,
            "The site does not speak TLS at this address.",
            hint="The operator checks the scheme (https) and the port in MOODLE_URL.",
            retryable=False,
        )
    if _cause(error, socket.gaierror) is not None:
        return "host name", Fault(
            Kind.UNREACHABLE,
            "The site's host name is not known (DNS).",
            hint="The operator checks the host name in MOODLE_URL and this machine's network.",
        )
    message = "The site refused the connection, or nothing is there."
    return "connection", Fault(Kind.UNREACHABLE, message)


def _cause(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    """The first exception of a kind among an error and its causes."""
    seen = 0
    while error is not None and seen < 10:
        if isinstance(error, kind):
            return error
        error, seen = error.__cause__ or error.__context__, seen + 1
    return None
