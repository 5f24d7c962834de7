"""The address of a Moodle site, read once from what a person pasted and checked.

The token goes to this address and nowhere else.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import httpx2

from moodle_mcp.errors import SettingsError
from moodle_mcp.site.pages import UnclearError, base_path

REST_ENTRY: Final = "/webservice/rest/server.php"
RESTFUL_ENTRY: Final = "/webservice/restful/server.php"
TOKEN_ENTRY: Final = "/login/token.php"  # noqa: S105 - an address

_MAX_HOST: Final = 253
"""Letters of a host name, as DNS has it."""

_LAST_DOT: Final = re.compile(r"\.(?=(?::[0-9]*)?$)")
"""The dot that may end a host name, before the port."""

_MARKS: Final = ".,;"
"""What may follow an address in a sentence."""

_PAIRS: Final = ("<>", '""', "''", "“”", "\u2018\u2019", "„“", "«»", "()")
_TOKEN: Final = re.compile(
    r"(?i)(?<![a-z])(?:ws|private|auth)?token=[^&#]|tokenpluginfile\.php/\w|(?<!\w)[0-9a-f]{32}(?!\w)"
)
"""What a token looks like in an address: by its name, or as 32 hexadecimal digits."""

RESET_ADVICE: Final = (
    "Others may have seen that token: reset it on the site under Preferences > User account > "
    "Security keys, or let an administrator delete it."
)


@dataclass(frozen=True, slots=True)
class Address:
    """A site's base address without a slash at its end, such as `https://m.example/moodle`.

    `had_token` says whether a token stood in the address that it was read from.
    """

    base: str
    had_token: bool = field(default=False, compare=False)

    @property
    def stays_here(self) -> bool:
        """Whether it is plain http to this machine's loopback interface."""
        parts = urlsplit(self.base)
        return parts.scheme == "http" and is_loopback(parts.hostname or "")


def parse_address(
    url: str, *, plain_http_allowed: bool = False, name: str = "MOODLE_URL"
) -> Address:
    """Return the site's address from what a person pasted, which may be any page of the site.

    Marks around the address, a query, a fragment and the path of a known page are cut off. `name`
    is what errors call the address; no error repeats it, because it may hold a password or token.

    Raises:
        SettingsError: it is not an https address of a site, it is plain http to another machine
            and the operator has not allowed that, or it is not clear where the site begins.
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
    """What to tell a person if the address that was pasted, called `name`, had a token in it."""
    return f"{_has_token(name)} {address.base} is used." if address.had_token else None


def _has_token(name: str) -> str:
    return f"{name[0].upper()}{name[1:]} has a token in it. {RESET_ADVICE}"


def _unwrapped(url: str) -> str:
    """The address without the blanks, marks and full stop that were copied with it."""
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
            f"{name} must begin with https://: over http the token could be read on its way "
            "(MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 allows it all the same)"
        )
    try:
        place = _LAST_DOT.sub("", parts.netloc)
        base = f"{parts.scheme}://{place}{_site_path(parts.path)}"
        httpx2.URL(base)
    except httpx2.InvalidURL:
        raise SettingsError(f"{name} is not an address: it is too long") from None
    except UnclearError:
        raise SettingsError(
            f"{name} is the address of a page from which the site's own is not clear: expected "
            "the address of the site's front page, https://host/path"
        ) from None
    return base


def _site_path(path: str) -> str:
    """The path of the site that a page's path belongs to, which is its own site's path.

    Raises:
        UnclearError: it is not clear from the path.
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
