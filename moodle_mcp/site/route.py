"""Track how far a request got, and turn the HTTP library's exceptions into errors."""

from __future__ import annotations

import socket
import ssl
from typing import Any, Final, TypeAlias

import anyio
import httpx2
import socksio

from moodle_mcp.errors import CallError, Delivery, Fault, Kind, Stage
from moodle_mcp.site.certificates import trusted_instead
from moodle_mcp.site.proxies import Proxy

Failure: TypeAlias = httpx2.HTTPError | socksio.SOCKSError
"""Exceptions of the HTTP library; for some proxies it lets the SOCKS library's through."""

_TO_THE_PROXY: Final = ("connection.connect_tcp", "connection.start_tls", "socks.connect_tcp")
"""The HTTP library's names for the steps that reach a proxy."""

_SOCKS_REQUEST: Final = "socks.setup_socks5_connection"
_TLS_THROUGH_PROXY: Final = ("proxy.start_tls", "socks.start_tls")


class Route:
    """Follows one request; `proxy` is the one that the environment names for the site, if any."""

    def __init__(self, proxy: Proxy | None, *, tls: bool) -> None:
        self._proxy = proxy
        self._tls = tls
        self._step = ""
        self._connecting = False
        self._by_proxy: Proxy | None = None
        self._stream: Any = None

    @property
    def proxy(self) -> Proxy | None:
        """The proxy to which this request opened a connection."""
        return self._by_proxy

    async def follow(self, event: str, info: dict[str, Any]) -> None:
        """Trace hook of the HTTP library: `NAME.started`, `NAME.complete` or `NAME.failed`."""
        step, _, state = event.rpartition(".")
        match state:
            case "started":
                self._step = step
                if step.endswith(".connect_tcp"):
                    self._begun(step, info["host"], info["port"])
            case "complete" if step == "socks.connect_tcp":
                self._stream = info["return_value"]
            case "complete" if step in (_TLS_THROUGH_PROXY if self._tls else (_SOCKS_REQUEST,)):
                self._connecting = False
            case "failed" if step == _SOCKS_REQUEST:
                # The HTTP library leaves the connection open to a SOCKS proxy that has refused
                # (seen with 2.16.2).
                with anyio.CancelScope(shield=True):
                    await self._stream.aclose()
            case _:
                pass

    def _begun(self, step: str, host: str, port: int) -> None:
        """Record that a connection to the site or the proxy was started."""
        if self._proxy is not None and self._proxy.place == (host, port):
            self._by_proxy = self._proxy
            # For a site without TLS, an HTTP proxy forwards the request itself.
            self._connecting = self._tls or step.startswith("socks.")

    def failed(self, error: Failure, seconds: float) -> CallError:
        """Return the error for an exception; its text is left out, as it may have the address."""
        if self._by_proxy is not None and (through := self._at_proxy(self._by_proxy, error)):
            return through
        match error:
            case httpx2.ConnectTimeout() | httpx2.PoolTimeout():
                message = "Connecting to the site took too long."
                return CallError(
                    Fault(Kind.TIMEOUT, message), Delivery.NOT_SENT, stage="connection"
                )
            case httpx2.ConnectError():
                stage, fault = _connect_fault(error)
                return CallError(fault, Delivery.NOT_SENT, stage=stage)
            case httpx2.ProxyError() | httpx2.UnsupportedProtocol():
                message = "The proxy on the way to the site refused the connection."
                return CallError(Fault(Kind.UNREACHABLE, message), Delivery.NOT_SENT, stage="proxy")
            case httpx2.TimeoutException():
                return self.timed_out(seconds)
            case httpx2.DecodingError():
                message = "The answer's compressed data is corrupt."
                return CallError(Fault(Kind.BAD_ANSWER, message))
            case _:
                message = "The connection broke before the answer was complete."
                return CallError(Fault(Kind.UNREACHABLE, message))

    def timed_out(self, seconds: float) -> CallError:
        """Return the error for a request without a complete answer within `seconds`."""
        within = f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.1f}".removesuffix(".0")
        if self._by_proxy is not None and self._connecting:
            return self._by_proxy.silent()
        return CallError(Fault(Kind.TIMEOUT, f"The site did not answer within {within} seconds."))

    def unauthenticated(self) -> CallError:
        """Return the error for status 407, which only a proxy sends."""
        proxy = self._by_proxy or self._proxy
        if proxy is None:
            message = "A proxy on the way to the site asks for a user name and a password."
            return CallError(Fault(Kind.UNREACHABLE, message, retryable=False), Delivery.REJECTED)
        return proxy.refused("407")

    def _at_proxy(self, proxy: Proxy, error: Failure) -> CallError | None:
        """Return the error if the proxy failed, or failed to reach the site."""
        match error:
            case httpx2.ProxyError():
                return proxy.refused(str(error))
            case httpx2.TimeoutException() if self._connecting or self._step in _TO_THE_PROXY:
                return proxy.silent()
            case httpx2.ConnectError() if self._step in _TO_THE_PROXY:
                return proxy.unreachable(_proxy_problem(error))
            case httpx2.ConnectError():
                return None
            case _ if self._connecting:
                return proxy.unreachable("broke the connection before the site was reached")
            case _:
                return None


def _proxy_problem(error: BaseException) -> str:
    """Say why connecting to a proxy failed."""
    if (certificate := _untrusted(error)) is not None:
        return f"has a TLS certificate that is not trusted ({certificate})"
    if _cause(error, ssl.SSLError) is not None:
        return "does not speak TLS, although its address begins with https"
    if _cause(error, socket.gaierror) is not None:
        return "has an unknown host name (DNS)"
    return "refused the connection, or nothing listens there"


def _connect_fault(error: BaseException) -> tuple[Stage, Fault]:
    """Say why connecting to the site failed, and at which stage."""
    if (certificate := _untrusted(error)) is not None:
        return "TLS", Fault(
            Kind.UNREACHABLE,
            f"The site's TLS certificate is not trusted: {certificate}.",
            hint=f"{trusted_instead()}The operator installs the issuing authority's certificate in "
            "this system's trust store, or names a file with it in SSL_CERT_FILE; or corrects the "
            "host name in MOODLE_URL.",
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
            "The site's host name is unknown (DNS).",
            hint="The operator checks the host name in MOODLE_URL and this machine's network.",
        )
    message = "The site refused the connection, or nothing listens there."
    return "connection", Fault(Kind.UNREACHABLE, message)


def _untrusted(error: BaseException) -> str | None:
    """Say why a certificate is not trusted; None if that is not the cause."""
    cause = _cause(error, ssl.SSLCertVerificationError)
    if cause is None:
        return None
    return getattr(cause, "verify_message", "").rstrip(".") or "it can't be verified"


def _cause(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    """Return the first exception of a kind in an error's chain of causes."""
    seen = 0
    while error is not None and seen < 10:
        if isinstance(error, kind):
            return error
        error, seen = error.__cause__ or error.__context__, seen + 1
    return None
