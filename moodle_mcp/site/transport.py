"""Send HTTP requests to one site over pooled clients; each ends in one response or one error."""

from __future__ import annotations

import math
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import anyio
import httpx2
import socksio

from moodle_mcp.errors import CallError, Delivery, Fault, Kind
from moodle_mcp.site.address import Address
from moodle_mcp.site.certificates import tls_context
from moodle_mcp.site.decoding import too_large
from moodle_mcp.site.protocol import Post
from moodle_mcp.site.proxies import Proxy, environment_proxies
from moodle_mcp.site.response import Response
from moodle_mcp.site.route import Route

MAX_ANSWER: Final = 16 * 1024 * 1024
"""Maximum bytes of an answer after decompression; reading stops beyond it."""

KEEP_ALIVE: Final = 4.0
"""Seconds that an idle connection is kept. Apache closes its end after 5, and if a connection
closes while a request is sent, nobody knows whether the request arrived."""

CONNECT_TIMEOUT: Final = 5.0

_AUTHENTICATION_REQUIRED: Final = 407


class Transport:
    """The HTTP clients for one site, created on demand, and their TLS context."""

    def __init__(self, address: Address, user_agent: str) -> None:
        self._address = address
        self._user_agent = user_agent
        self._clients: dict[bool, httpx2.AsyncClient] = {}
        self._urls: dict[str, httpx2.URL] = {}
        """The URLs of requests, parsed once: there are few, and parsing takes long."""
        self._tls: ssl.SSLContext | None = None
        self._candidate: Proxy | None = None
        self.proxy: Proxy | None = None
        """The proxy used to reach the site, set once a connection was started."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the pooled connections."""
        for client in self._clients.values():
            await client.aclose()

    async def post(
        self,
        sent: Post,
        *,
        timeout: float,  # noqa: ASYNC109
        alone: bool = True,
    ) -> Response:
        """Send a request once and read the whole answer; `timeout` is in seconds for both.

        `alone` uses a new connection.

        Raises:
            CallError: `reached` is False if nothing left this machine.
        """
        if sent.url not in self._urls:
            self._urls[sent.url] = httpx2.URL(sent.url)
        request = self.client(alone=alone).build_request(
            "POST",
            self._urls[sent.url],
            content=sent.body,
            headers=sent.headers,
            timeout=timeouts(timeout),
        )
        async with self.exchange(request, alone=alone, seconds=timeout, whole=timeout) as response:
            return Response(
                status=response.status_code,
                body=await _read(response),
                reason=response.reason_phrase,
                location=response.headers.get("location"),
                retry_after=response.headers.get("retry-after"),
            )

    @asynccontextmanager
    async def exchange(
        self,
        request: httpx2.Request,
        *,
        alone: bool,
        seconds: float,
        whole: float = math.inf,
    ) -> AsyncGenerator[httpx2.Response]:
        """Send a request built by `client`; the block reads the answer.

        `seconds` is the request's timeout in seconds; `whole` limits everything including the
        block.

        Raises:
            CallError: also for failures while the answer is read.
        """
        client = self.client(alone=alone)
        route = Route(self._candidate, tls=request.url.scheme == "https")
        request.extensions["trace"] = route.follow
        try:
            with anyio.fail_after(whole):
                response = await client.send(request, stream=True)
                try:
                    if response.status_code == _AUTHENTICATION_REQUIRED:
                        raise route.unauthenticated()
                    yield response
                finally:
                    await response.aclose()
        except TimeoutError:
            raise route.timed_out(whole) from None
        except (httpx2.HTTPError, socksio.SOCKSError) as error:
            raise route.failed(error, seconds) from None
        finally:
            self.proxy = route.proxy or self.proxy

    def client(self, *, alone: bool) -> httpx2.AsyncClient:
        """Return the client that reuses connections or, if `alone`, the one that does not.

        Raises:
            CallError: the environment's proxy or certificate settings can't be used.
        """
        if alone not in self._clients:
            self._candidate = _checked_proxy(self._address)
            self._tls = self._tls or tls_context(self._address)
            self._clients[alone] = self._new_client(self._tls, alone=alone)
        return self._clients[alone]

    def _new_client(self, tls: ssl.SSLContext, *, alone: bool) -> httpx2.AsyncClient:
        try:
            return httpx2.AsyncClient(
                follow_redirects=False,
                # Loopback requests must not go through a proxy.
                trust_env=not self._address.stays_here,
                verify=tls,
                # A cookie that one user's answer set would go along with another's request.
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                limits=httpx2.Limits(
                    max_keepalive_connections=0 if alone else None, keepalive_expiry=KEEP_ALIVE
                ),
                headers={"User-Agent": self._user_agent, "Accept": "application/json"},
            )
        except (ValueError, httpx2.InvalidURL, ImportError, OSError) as error:
            raise _no_client(error) from None


def timeouts(seconds: float) -> httpx2.Timeout:
    """Return timeouts for a request that may be silent for `seconds`; connecting has its own."""
    return httpx2.Timeout(seconds, connect=min(CONNECT_TIMEOUT, seconds))


def _checked_proxy(address: Address) -> Proxy | None:
    """Return the proxy that the environment names for the site; NO_PROXY may still exempt it.

    Raises:
        CallError: any of the proxies, for whatever scheme, can't be used. The HTTP library would
            then refuse to create a client.
    """
    if address.stays_here:
        return None
    proxies = environment_proxies()
    for proxy in proxies.values():
        if problem := proxy.problem:
            raise proxy.unusable(problem)
    return proxies.get(urlsplit(address.base).scheme) or proxies.get("all")


def _no_client(error: Exception) -> CallError:
    """Return the error if the HTTP library rejects the environment for a reason not checked."""
    names = ", ".join(proxy.variable for proxy in environment_proxies().values())
    return CallError(
        Fault(
            Kind.UNREACHABLE,
            f"The HTTP client can't be created in this environment ({type(error).__name__}).",
            hint=f"The operator checks the proxy settings ({names or 'none is set'}, NO_PROXY) and "
            "whether this server's Python packages are complete (`pip check`).",
            retryable=False,
        ),
        delivery=Delivery.NOT_SENT,
        stage="environment",
    )


async def _read(response: httpx2.Response) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_ANSWER:
            raise too_large(f"more than {MAX_ANSWER:,} bytes")
    return b"".join(chunks)
