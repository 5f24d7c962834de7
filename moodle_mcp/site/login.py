"""Get a token from a site: with a password, or through the browser (single sign-on).

Either way Moodle returns the user's token for a service, and creates one if there is none. The
password is sent to `login/token.php` once, in a request body. In the browser the person signs in
as usual. The page meant for Moodle's app then shows a link that contains the token, and the person
pastes that link.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import unquote, urlencode, urlsplit

from pydantic import SecretStr

from moodle_mcp.errors import CallError, Fault, Kind
from moodle_mcp.redaction.known import Secrets
from moodle_mcp.site.address import TOKEN_ENTRY, Address
from moodle_mcp.site.connection import is_token
from moodle_mcp.site.decoding import decode
from moodle_mcp.site.protocol import Post
from moodle_mcp.site.transport import Transport

MOBILE_SERVICE: Final = "moodle_mobile_app"
"""A service that every Moodle has, and for which users may usually create tokens."""

LOGIN_TIMEOUT: Final = 30.0
"""Seconds; a site may have to ask a slow LDAP server."""

_PUBLIC_CONFIG_ENTRY: Final = "/lib/ajax/service-nologin.php"
_PUBLIC_CONFIG: Final = "tool_mobile_get_public_config"
_SCHEME: Final = "moodlemcp"
_LOGIN_IN_THE_APP: Final = 1
_MAX_SHOWN: Final = 500
_PARTS: Final = ":::"
_END: Final = re.compile(r"/?#?/?$")
_AGAIN: Final = (
    "Run the command again, open the page that it names, and paste the link from that page."
)


async def token_for_password(
    address: Address, username: str, password: SecretStr, service: str, *, user_agent: str
) -> SecretStr:
    """Return the user's token for a service, given by its short name.

    Raises:
        CallError: the site refused or did not answer. No error contains the password.
    """
    secret = password.get_secret_value()
    fields = {"username": username, "password": secret, "service": service}
    try:
        answer = await _post(address, TOKEN_ENTRY, urlencode(fields).encode(), user_agent)
        match answer:
            case {"token": token}:
                return _token(token)
            case _:
                return _token(None)
    except CallError as error:
        raise Secrets(arguments=[secret]).error(error) from None


@dataclass(frozen=True, slots=True)
class Launch:
    """A started sign-in through the browser; accepts one answer.

    `page` is the address where the person signs in. `signatures` are the possible prefixes of the
    site's answer to this sign-in and no other.
    """

    page: str
    signatures: frozenset[str]

    def token_in(self, pasted: str) -> SecretStr:
        """Return the token in the pasted address, `scheme://token=BASE64`.

        Raises:
            CallError: it is no such address, or it answers another sign-in or site.
        """
        parts = _decoded(pasted).split(_PARTS)
        if len(parts) not in (2, 3):
            raise _not_an_answer()
        if not any(hmac.compare_digest(parts[0], known) for known in self.signatures):
            message = "The pasted address belongs to another sign-in or another site."
            raise CallError(Fault(Kind.BAD_ANSWER, message, hint=_AGAIN))
        # A third part is the key of a browser session, which is not needed here.
        return _token(parts[1])


async def launch(address: Address, service: str, *, user_agent: str) -> Launch:
    """Start a sign-in through the browser.

    Raises:
        CallError: the site does not offer it or did not answer.
    """
    asked = json.dumps([{"index": 0, "methodname": _PUBLIC_CONFIG, "args": {}}]).encode()
    answer = await _post(
        address, _PUBLIC_CONFIG_ENTRY, asked, user_agent, content_type="application/json"
    )
    match answer:
        case [{"error": False, "data": {"wwwroot": str(), "launchurl": str()} as config}]:
            return _launch(address, service, cast("dict[str, Any]", config))
        case _:
            message = "The site does not say how Moodle's app signs in."
            raise CallError(Fault(Kind.BAD_ANSWER, message))


def _launch(address: Address, service: str, config: dict[str, Any]) -> Launch:
    here = _place(address.base)
    addresses = {str(config["wwwroot"]), str(config.get("httpswwwroot"))}
    roots = {root for root in addresses if _place(root) == here}
    page: str = config["launchurl"]
    if not config.get("enablewebservices"):
        raise CallError(Fault(Kind.WEB_SERVICES_OFF, "Web services are switched off."))
    if config["wwwroot"] not in roots:
        raise CallError(
            Fault(
                Kind.WRONG_ADDRESS,
                f"The site calls itself {config['wwwroot'][:_MAX_SHOWN]}.",
                hint="Sign in to that address.",
            )
        )
    if not any(page.startswith(f"{root}/") for root in roots) or not _can_be_opened(page):
        raise CallError(Fault(Kind.BAD_ANSWER, "The site's sign-in page is not on the site."))
    if config.get("typeoflogin") == _LOGIN_IN_THE_APP and not config.get("identityproviders"):
        raise CallError(
            Fault(
                Kind.MOODLE_ERROR,
                "The site does not offer signing in through the browser.",
                hint="Sign in with user name and password (without --sso). Or an administrator "
                "sets Site administration > General > Mobile app > Mobile authentication > Type "
                "of login to a browser window.",
            )
        )
    passport = secrets.token_hex(16)
    # With `confirmed` Moodle shows a page with a link that can be copied. Otherwise it redirects
    # to an address that the browser can't open, and many browsers then don't show it.
    query = {"service": service, "passport": passport, "urlscheme": _SCHEME, "confirmed": "1"}
    return Launch(f"{page}?{urlencode(query)}", _signatures({*roots, address.base}, passport))


def _can_be_opened(page: str) -> bool:
    """Whether it is an http(s) address: the browser must not run a script or get other words."""
    return page.startswith(("https://", "http://")) and page.isprintable() and " " not in page


def _signatures(roots: set[str], passport: str) -> frozenset[str]:
    # As in Moodle's app: behind a proxy, a site may report its address as http instead of https.
    places = {root.partition("://")[2] for root in roots}
    spelt = (f"{scheme}://{place}{passport}" for place in places for scheme in ("https", "http"))
    return frozenset(
        hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() for text in spelt
    )


def _place(url: str) -> str:
    """Return host, port and path, which identify a site; empty if it is not an address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.netloc.lower()}{parts.path.rstrip('/')}"


def _decoded(pasted: str) -> str:
    text = unquote(pasted.strip().strip("'\"")).rpartition("://token=")[2]
    # Some systems and sites append these to the address.
    text = _END.sub("", text).removeprefix("token=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise _not_an_answer() from None


def _not_an_answer() -> CallError:
    message = "This is not the link from the site's sign-in page."
    hint = "Paste the whole link, which looks like moodlemobile://token=... ."
    return CallError(Fault(Kind.BAD_ANSWER, message, hint=hint))


def _token(value: object) -> SecretStr:
    if not isinstance(value, str) or not is_token(value):
        raise CallError(Fault(Kind.BAD_ANSWER, "The site's answer holds no token."))
    return SecretStr(value)


async def _post(
    address: Address,
    entry: str,
    body: bytes,
    user_agent: str,
    content_type: str = "application/x-www-form-urlencoded",
) -> Any:
    async with Transport(address, user_agent) as transport:
        sent = Post(f"{address.base}{entry}", {"Content-Type": content_type}, body)
        response = await transport.post(sent, timeout=LOGIN_TIMEOUT)
    return decode(response).value
