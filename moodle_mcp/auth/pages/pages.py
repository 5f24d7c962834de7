"""All pages, with their routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from moodle_mcp.auth.pages.connections import ConnectionPages
from moodle_mcp.auth.pages.consent import ConsentPages
from moodle_mcp.auth.pages.rendering import Renderer
from moodle_mcp.auth.pages.sign_in import SignInPages

PageRoute: TypeAlias = tuple[str, Callable[[Request], Awaitable[Response]], list[str]]


class Pages:
    """The pages of one server."""

    def __init__(
        self,
        renderer: Renderer,
        sign_in: SignInPages,
        consent: ConsentPages,
        connections: ConnectionPages,
    ) -> None:
        self._renderer = renderer
        self._sign_in = sign_in
        self._consent = consent
        self._connections = connections

    def routes(self) -> list[PageRoute]:
        """Each page's path, handler and methods."""
        return [
            ("/sign-in/{number}", self._sign_in.password, ["GET", "POST"]),
            ("/sign-in/{number}/link", self._sign_in.link, ["GET", "POST"]),
            ("/consent/{number}", self._consent.consent, ["GET", "POST"]),
            ("/connections", self._connections.connections, ["GET", "POST"]),
            ("/style.css", self._style, ["GET"]),
        ]

    def error(self, request: Request, problem: str, status: int) -> Response:
        """A page that says what is wrong."""
        return self._renderer.render(request, "error", status, problem=problem)

    async def _style(self, request: Request) -> Response:
        return self._renderer.style(request)
