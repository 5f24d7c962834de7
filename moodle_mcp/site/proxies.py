"""Find and check the proxies that the environment names, as the HTTP library does. No I/O."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.request import getproxies

import httpx2

from moodle_mcp.errors import CallError, Delivery, Fault, Kind
from moodle_mcp.site.moodle_errors import plain

_PORTS: Final = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
"""The schemes that the HTTP library supports, with their default ports."""

_FORM: Final = "expected http://host:port, https://host:port or socks5://host:port"
_LONGEST_SOCKS_WORD: Final = 255
"""Maximum bytes of a user name and of a password in SOCKS5 (RFC 1929)."""

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HOST_AND_PORT: Final = re.compile(r"(\[[^\]]*\]|[^:]*)(?::([0-9]+)|(:).*)?", re.DOTALL)
_STATUS: Final = re.compile(r"[1-5][0-9]{2}(?![0-9])")
_AUTHENTICATION_REQUIRED: Final = "407"
_SOCKS_AUTHENTICATION: Final = ("Requested ", "Invalid username/password")
"""Prefixes of the HTTP library's messages when a SOCKS proxy wants other credentials or none."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy and the variable that names it.

    `value` is the raw setting and may contain a password: show people only `label`.
    """

    variable: str
    value: str = field(repr=False)

    @property
    def label(self) -> str:
        """The variable and its value, without user name, password, path and query."""
        scheme = _SCHEME.match(self.value)
        rest = self.value[scheme.end() :] if scheme else self.value
        place = re.split(r"[/?#]", rest.rpartition("@")[2])[0]
        parts = _HOST_AND_PORT.fullmatch(place)
        host, port, odd = parts.groups() if parts else ("…", None, None)
        shown = f"{host}:{port}" if port else f"{host}:…" if odd else host
        return f"{self.variable}={plain((scheme[0] if scheme else '') + shown)}"

    @property
    def place(self) -> tuple[str, int]:
        """The host and port to connect to.

        Raises:
            ValueError, httpx2.InvalidURL: it has a `problem`.
        """
        url = httpx2.Proxy(self._address).url
        return url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme]

    @property
    def _address(self) -> str:
        """The value as the HTTP library completes it."""
        return self.value if "://" in self.value else f"http://{self.value}"

    @property
    def has_user(self) -> bool:
        """Whether its setting has a user name or password."""
        return "@" in self.value

    @property
    def problem(self) -> str | None:
        """Why the HTTP library could not use it."""
        scheme = _SCHEME.match(self.value)
        if scheme and scheme[1].lower() not in _PORTS:
            return f"the scheme {scheme[1]} is not supported; {_FORM}"
        try:
            proxy = httpx2.Proxy(self._address)
        except (ValueError, httpx2.InvalidURL):
            return f"it is not an address; {_FORM}"
        if not proxy.url.host:
            return f"it has no host; {_FORM}"
        if proxy.url.port is not None and not 0 < proxy.url.port < 65_536:
            return "its port is not between 1 and 65535"
        words = proxy.raw_auth or ()
        if proxy.url.scheme.startswith("socks") and max(map(len, words), default=0) > (
            _LONGEST_SOCKS_WORD
        ):
            return f"SOCKS user names and passwords have at most {_LONGEST_SOCKS_WORD} bytes"
        return None

    def unusable(self, problem: str) -> CallError:
        """Return the error for a setting that is not a usable proxy."""
        return CallError(
            Fault(
                Kind.UNREACHABLE,
                f"The proxy setting {self.label} can't be used: {problem}.",
                hint=f"The operator corrects {self.variable} in this server's environment, or "
                "removes it if no proxy is needed.",
                retryable=False,
            ),
            Delivery.NOT_SENT,
            stage="environment",
        )

    def refused(self, reason: str) -> CallError:
        """Return the error for a proxy that answered but did not connect to the site.

        `reason` is the HTTP library's; for an HTTP proxy it begins with the response's status.
        """
        status = _STATUS.match(reason)
        if (status and status[0] == _AUTHENTICATION_REQUIRED) or reason.startswith(
            _SOCKS_AUTHENTICATION
        ):
            return self._wants_user()
        code = f" (status {status[0]})" if status else ""
        return self._failed(
            f"The proxy {self.label} did not connect to the site{code}.",
            "The operator checks the host name and port in MOODLE_URL, and whether the proxy may "
            "connect there; or adds the site's host to NO_PROXY if it is reached directly.",
        )

    def _wants_user(self) -> CallError:
        if self.has_user:
            message = f"The proxy {self.label} refuses the user name and password that are set."
        else:
            message = f"The proxy {self.label} asks for a user name and a password."
        return self._failed(
            message,
            f"The operator sets {self.variable} to scheme://user:password@host:port, with special "
            "characters percent-encoded. This is not the Moodle password.",
            retryable=False,
        )

    def unreachable(self, problem: str) -> CallError:
        """Return the error for an unreachable proxy; `problem` is a phrase such as "is down"."""
        return self._failed(
            f"The proxy {self.label} {problem}.",
            f"The operator checks {self.variable} and whether the proxy is up; or removes it, or "
            "adds the site's host to NO_PROXY, if the site is reached directly.",
        )

    def silent(self) -> CallError:
        """Return the error for a proxy that did not connect to the site in time."""
        message = f"The proxy {self.label} did not connect to the site in time."
        return CallError(Fault(Kind.TIMEOUT, message), Delivery.NOT_SENT, stage="proxy")

    def _failed(self, message: str, hint: str, *, retryable: bool | None = None) -> CallError:
        return CallError(
            Fault(Kind.UNREACHABLE, message, hint=hint, retryable=retryable),
            Delivery.NOT_SENT,
            stage="proxy",
        )


def environment_proxies() -> dict[str, Proxy]:
    """Return the proxies by the scheme of a site's address ("http", "https") or "all".

    On Windows and macOS the system's settings apply if no variable is set.
    """
    values = getproxies()
    if "*" in (host.strip() for host in values.get("no", "").split(",")):
        return {}
    return {
        scheme: Proxy(_variable(scheme), values[scheme])
        for scheme in ("http", "https", "all")
        if values.get(scheme)
    }


def _variable(scheme: str) -> str:
    """Return the variable that names the proxy for a scheme; lower case wins, as is usual."""
    wanted = f"{scheme}_proxy"
    if os.environ.get(wanted):
        return wanted
    set_ones = (name for name, value in os.environ.items() if value and name.lower() == wanted)
    return next(set_ones, f"the system's {wanted}")
