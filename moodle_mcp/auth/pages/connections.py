"""The page of connected agents: what somebody has allowed, and how to end it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from moodle_mcp.auth import scopes
from moodle_mcp.auth.cookies import Cookies
from moodle_mcp.auth.grants import Grant, Grants
from moodle_mcp.auth.pages.forms import is_from_our_page
from moodle_mcp.auth.pages.rendering import Renderer
from moodle_mcp.auth.sign_ins import Browsers, SignedIn, SignIns
from moodle_mcp.catalogue.classification import Access

_DAY: Final = 86_400
_NO_STORE: Final = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class ConnectionPages:
    """Shows people their own grants. `clock` is in Unix seconds."""

    renderer: Renderer
    sign_ins: SignIns
    browsers: Browsers
    grants: Grants
    cookies: Cookies
    clock: Callable[[], float] = field(default=time.time)

    async def connections(self, request: Request) -> Response:
        """The list, or the end of some of it. Whoever has not signed in must do so."""
        cookie = self.cookies.of(request)
        known = await self.browsers.find(cookie)
        if known is None or cookie is None:
            return await self._sign_in(cookie)
        if request.method == "GET":
            return await self._list(request, known)
        if not await is_from_our_page(request, known.csrf):
            return self.renderer.render(request, "error", 403, problem="other_page")
        form = await request.form()
        if "sign_out" in form:
            await self.browsers.sign_out(cookie)
            return self.renderer.render(request, "message", message="signed_out")
        await self.grants.end_of_person(known.person, [str(each) for each in form.getlist("end")])
        return RedirectResponse("/connections", 303, _NO_STORE)

    async def _sign_in(self, cookie: str | None) -> Response:
        browser = cookie or self.cookies.new()
        found = await self.sign_ins.start(browser, None)
        response = RedirectResponse(f"/sign-in/{found.id}", 303, _NO_STORE)
        self.cookies.set(response, browser)
        return response

    async def _list(self, request: Request, known: SignedIn) -> Response:
        grants = await self.grants.of_person(known.person)
        return self.renderer.render(
            request,
            "connections",
            csrf=known.csrf,
            person=known.person.name,
            site=urlsplit(known.person.site).netloc,
            grants=[self._shown(grant) for grant in grants],
        )

    def _shown(self, grant: Grant) -> dict[str, Any]:
        access = scopes.access_of(grant.draft.scopes) or Access.READ
        return {
            "id": grant.id,
            "client": grant.draft.client_name,
            "target": grant.draft.redirect_host,
            "access": access.value,
            "made": _date(grant.made),
            "used": None if self.clock() - grant.used < _DAY else _date(grant.used),
        }


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
