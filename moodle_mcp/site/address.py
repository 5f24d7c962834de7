"""Parse and check the address of a Moodle site.

The server sends the token to this address only.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import httpx2

from moodle_mcp.errors import SettingsError
from moodle_mcp.site.page_paths import UnclearError, base_path

REST_ENTRY: Final = "/webservice/rest/server.php"
RESTFUL_ENTRY: Final = "/webservice/restful/server.php"
TOKEN_ENTRY: Final = "/login/token.php"  # noqa: S105 - an address

_MAX_HOST: Final = 253
"""Maximum characters of a DNS host name."""

_LAST_DOT: Final = re.compile(r"\.(?=(?::[0-9]*)?$)")
"""A trailing dot of a host name, before the port."""

_MARKS: Final = ".,;"
"""Punctuation that people copy along with an address."""

_PAIRS: Final = ("<>", '""', "''", "“”", "\u2018\u2019", "„“", "«»", "()")
_TOKEN: Final = re.compile(
    r"(?i)(?<![a-z])(?:ws|private|auth)?token=[^&#]|tokenpluginfile\.php/\w|(?<!\w)[0-9a-f]{32}(?!\w)"
)
"""A token in an address: a `token` parameter, or 32 hexadecimal digits."""

RESET_ADVICE: Final = (
    "Others may have seen that token: reset it on the site under Preferences > User account > "
    "Security keys, or ask an administrator to delete it."
)


@dataclass(frozen=True, slots=True)
class Address:
    """A site's base address without a trailing slash, such as `https://m.example/moodle`.

    `had_token` is True if the pasted address contained a token.
    """

    base: str
    had_token: bool = field(default=False, compare=False)

    @property
    def stays_here(self) -> bool:
        """Whether this is plain http to the loopback interface."""
        parts = urlsplit(self.base)
        return parts.scheme == "http" and is_loopback(parts.hostname or "")


def parse_address(
    url: str, *, plain_http_allowed: bool = False, name: str = "MOODLE_URL"
) -> Address:
    """Return the site's address from a pasted address, which may be that of any page of the site.

    Surrounding punctuation, query, fragment and the path of a known page are removed. `name` is
    what errors call the address. Errors never quote it, because it may contain a password or token.

    Raises:
        SettingsError: the address is not https, it is plain http to another machine and the
            operator has not allowed that, or the site's base path can't be determined.
    """
    text = _unwrapped(url)
    try:
        base = _base(text, name, plain_http_allowed=plain_http_allowed)
    except SettingsError as error:
        if _TOKEN.search(text):
            raise SettingsError(f"{error}. {_has_token(name)}") from None
        raise
    return Address(base, had_token=_TOKEN.search(text, len(base)) is not None)


def token_warning(address: Address, name: str = "MOODLE_URL") -> str | None:
    """Return a warning if the pasted address, called `name`, contained a token."""
    return f"{_has_token(name)} Using {address.base}." if address.had_token else None


def _has_token(name: str) -> str:
    return f"{name[0].upper()}{name[1:]} contains a token. {RESET_ADVICE}"


def _unwrapped(url: str) -> str:
    """Strip white space, quotes, brackets and punctuation that were copied with the address."""
    text, before = url.strip(), ""
    while text != before:
        before = text
        text = text.rstrip(_MARKS).strip()
        if len(text) > 1 and f"{text[0]}{text[-1]}" in _PAIRS:
            text = text[1:-1].strip()
    return text


def _base(text: str, name: str, *, plain_http_allowed: bool) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
        httpx2.URL(scheme=parts.scheme, host=host or "")
    except (ValueError, httpx2.InvalidURL):
        raise SettingsError(f"{name} is not an address: expected https://host/path") from None
    if not parts.scheme or not host:
        raise SettingsError(f"{name} is not a full address: expected https://host/path")
    if len(host) > _MAX_HOST:
        raise SettingsError(f"{name} is not an address: its host name is too long")
    if parts.username is not None or parts.password is not None:
        raise SettingsError(f"{name} must not contain a user name or password")
    if "\\" in text or any(char.isspace() or not char.isprintable() for char in text):
        raise SettingsError(f"{name} must not contain backslashes, spaces or control characters")
    if parts.scheme not in ("https", "http"):
        raise SettingsError(f"{name} must begin with https://, not {parts.scheme}://")
    if parts.scheme == "http" and not (plain_http_allowed or is_loopback(host)):
        raise SettingsError(
            f"{name} must begin with https://: over http others can read the token on the network "
            "(set MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 to allow http)"
        )
    try:
        place = _LAST_DOT.sub("", parts.netloc)
        base = f"{parts.scheme}://{place}{_site_path(parts.path)}"
        httpx2.URL(base)
    except httpx2.InvalidURL:
        raise SettingsError(f"{name} is not an address: it is too long") from None
    except UnclearError:
        raise SettingsError(
            f"{name} is the address of a page that doesn't tell where the site begins: use the "
            "address of the site's front page, https://host/path"
        ) from None
    return base


def _site_path(path: str) -> str:
    """Return the path of the site that a page belongs to; a site's own path is unchanged.

    Raises:
        UnclearError: the path does not determine it.
    """
    while (shorter := base_path(path.rstrip(_MARKS))) != path:
        path = shorter
    return path


def is_loopback(host: str) -> bool:
    """Whether a host name or IP address is this machine's loopback interface."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
