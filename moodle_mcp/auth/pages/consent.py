"""The consent page: who wants to act for whom, and how far. It is asked every time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

from mcp.server.auth.provider import AuthorizeError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from moodle_mcp.auth import authorization, scopes
from moodle_mcp.auth.authorization import Rules
from moodle_mcp.auth.codes import Codes
from moodle_mcp.auth.cookies import Cookies
from moodle_mcp.auth.grants import Draft
from moodle_mcp.auth.pages.forms import is_from_our_page
from moodle_mcp.auth.pages.rendering import Renderer
from moodle_mcp.auth.redirects import shown_target, source_expression
from moodle_mcp.auth.sign_ins import Asked, SignIn, SignIns
from moodle_mcp.auth.vault import Vault
from moodle_mcp.catalogue.classification import Access

DOUBLE_CLICK: Final = 10.0
"""Seconds within which a second answer counts as a second click on the first one."""

_NO_STORE: Final = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class ConsentPages:
    """Asks a person who has signed in whether a client may act for them. `clock`: Unix seconds."""

    renderer: Renderer
    sign_ins: SignIns
    codes: Codes
    vault: Vault
    cookies: Cookies
    rules: Rules
    clock: Callable[[], float] = field(default=time.time)

    async def consent(self, request: Request) -> Response:
        """The question, and its answer."""
        number = request.path_params["number"]
        found = await self.sign_ins.find(number, self.cookies.of(request))
        if found is None or found.asked is None:
            return self.renderer.render(request, "error", 400, problem="sign_in_gone")
        if found.person is None:
            return RedirectResponse(f"/sign-in/{found.id}", 303, _NO_STORE)
        if request.method == "GET":
            return self._question(request, found, found.asked)
        if not await is_from_our_page(request, found.csrf):
            return self.renderer.render(request, "error", 403, problem="other_page")
        return await self._answered(request, found, found.asked)

    async def _answered(self, request: Request, found: SignIn, asked: Asked) -> Response:
        """Send the browser back to the client; a second click gets the first one's answer.

        Later, that answer would tell the client of a code that it has used already.
        """
        if found.answer is not None and self.clock() - found.answered > DOUBLE_CLICK:
            return self.renderer.render(request, "message", message="already_answered")
        if found.answer is None:
            form = await request.form()
            if form.get("decision") == "allow":
                ticked = [str(each) for each in form.getlist("scope")]
                redirect = await self._allowed(found, asked, ticked)
            else:
                denied = AuthorizeError("access_denied", "the person declined")
                redirect = authorization.refusal(
                    self.rules, asked.redirect_uri, asked.state, denied
                )
            sealed = self.vault.seal(redirect, bound_to=found.id)

            def change(current: SignIn) -> SignIn | None:
                if current.answer is not None:
                    return None
                # Nobody needs the token any more.
                return replace(current, answer=sealed, answered=self.clock(), moodle_token=None)

            found = await self.sign_ins.change(found.id, change) or found
        if found.answer is None:
            return self.renderer.render(request, "error", 400, problem="sign_in_gone")
        return RedirectResponse(self.vault.open(found.answer, bound_to=found.id), 303, _NO_STORE)

    async def _allowed(self, found: SignIn, asked: Asked, ticked: list[str]) -> str:
        if found.person is None or found.moodle_token is None:
            raise AssertionError("the person is known by now")
        draft = Draft(
            id=found.grant,
            person=found.person,
            client_id=asked.client_id,
            client_name=asked.client_name,
            redirect_host=shown_target(asked.redirect_uri),
            scopes=_chosen(asked.scopes, ticked),
            resource=asked.resource,
            moodle_token=found.moodle_token,
            refreshes=asked.refreshes,
        )
        code = await self.codes.make(
            draft,
            asked.challenge,
            asked.redirect_uri,
            redirect_was_given=asked.redirect_was_given,
        )
        return authorization.answer(self.rules, asked.redirect_uri, asked.state, {"code": code})

    def _question(self, request: Request, found: SignIn, asked: Asked) -> Response:
        access = scopes.access_of(asked.scopes) or Access.READ
        values: dict[str, Any] = {
            "number": found.id,
            "csrf": found.csrf,
            "client": asked.client_name,
            "target": shown_target(asked.redirect_uri),
            "client_host": urlsplit(asked.client_id).netloc if asked.is_verified else None,
            "is_native": asked.is_native,
            "person": found.person.name if found.person else "",
            "site": urlsplit(found.person.site).netloc if found.person else "",
            "may_write": access.allows(Access.WRITE),
            "may_destroy": access.allows(Access.DESTRUCTIVE),
            "stays": asked.refreshes,
            "is_answered": found.answer is not None,
        }
        return self.renderer.render(
            request, "consent", redirects_to=source_expression(asked.redirect_uri), **values
        )


def _chosen(asked: tuple[str, ...], ticked: list[str]) -> tuple[str, ...]:
    """The scopes that were asked for and ticked. Reading needs no tick; deleting needs writing."""
    within = [
        scope
        for scope in asked
        if scope in (scopes.scope_of(Access.READ), scopes.OFFLINE) or scope in ticked
    ]
    access = scopes.access_of(within) or Access.READ
    return (
        *scopes.scopes_up_to(access),
        *([scopes.OFFLINE] if scopes.OFFLINE in within else []),
    )
