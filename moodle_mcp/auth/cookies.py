"""The cookie that tells one browser from another during a sign-in."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from moodle_mcp.auth.sign_ins import SECONDS

_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Cookies:
    """Reads and sets the cookie. `is_secure` is False only for http on this machine."""

    is_secure: bool

    @property
    def name(self) -> str:
        """The cookie's name. `__Host-`: no other host of the domain can set it."""
        return "__Host-moodle-mcp" if self.is_secure else "moodle-mcp"

    def of(self, request: Request) -> str | None:
        """The browser's cookie, if it is one of ours."""
        value = request.cookies.get(self.name)
        return value if value and _VALUE.fullmatch(value) else None

    def new(self) -> str:
        """A value for a browser that has none."""
        return secrets.token_urlsafe(32)

    def set(self, response: Response, value: str) -> None:
        """Set the cookie, for as long as a sign-in may take."""
        response.set_cookie(
            self.name,
            value,
            max_age=SECONDS,
            path="/",
            secure=self.is_secure,
            httponly=True,
            # Clients send the browser here from pages and programs of their own.
            samesite="lax",
        )
