"""The address of a Moodle site, checked once, so that the token goes nowhere else."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx2

from moodle_mcp.errors import SettingsError

REST_ENTRY: Final = "/webservice/rest/server.php"
RESTFUL_ENTRY: Final = "/webservice/restful/server.php"
TOKEN_ENTRY: Final = "/login/token.php"  # noqa: S105 - an address
_PASTED: Final = (REST_ENTRY, RESTFUL_ENTRY, "/login/index.php", "/index.php")


@dataclass(frozen=True, slots=True)
class Address:
    """A site's base address without a slash at its end, such as `https://m.example/moodle`."""

    base: str

    @property
    def stays_here(self) -> bool:
        """Whether it is plain http to this machine's loopback interface."""
        parts = urlsplit(self.base)
        return parts.scheme == "http" and is_loopback(parts.hostname or "")


def parse_address(
    url: str, *, plain_http_allowed: bool = False, name: str = "MOODLE_URL"
) -> Address:
    """The address that an operator wrote; the page's own file name at its end may stay on it.

    `name` is what errors call it.

    Raises:
        SettingsError: it is not an https address of a site, or it is plain http to another
            machine and the operator has not allowed that.
    """
    text = url.strip()
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
        httpx2.URL(scheme=parts.scheme, host=host or "")
    except (ValueError, httpx2.InvalidURL):
        raise SettingsError(f"{name} is not an address: expected https://host/path") from None
    if not parts.scheme or not host:
        raise SettingsError(f"{name} is not a full address: expected https://host/path")
    if parts.username is not None or parts.password is not None:
        raise SettingsError(f"{name} must not contain a user name or password")
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise SettingsError(f"{name} must not contain ? or #: expected https://host/path")
    if "\\" in text or any(char.isspace() or not char.isprintable() for char in text):
        raise SettingsError(f"{name} must not contain backslashes, spaces or control characters")
    if parts.scheme not in ("https", "http"):
        raise SettingsError(f"{name} must begin with https://, not {parts.scheme}://")
    if parts.scheme == "http" and not (plain_http_allowed or is_loopback(host)):
        raise SettingsError(
            f"{name} must begin with https://: over http the token could be read on its way "
            "(MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 allows it all the same)"
        )
    path = parts.path.rstrip("/")
    for pasted in _PASTED:
        path = path.removesuffix(pasted)
    return Address(f"{parts.scheme}://{parts.netloc}{path}")


def is_loopback(host: str) -> bool:
    """Whether a host name or IP address is this machine's loopback interface."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
