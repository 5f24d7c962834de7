"""The sign-in pages: user name and password, or the link from Moodle's own sign-in page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from moodle_mcp.auth.attempts import Attempts
from moodle_mcp.auth.cookies import Cookies
from moodle_mcp.auth.grants import binding
from moodle_mcp.auth.moodle import (
    MOST_TYPED,
    MoodleSignIn,
    SignedInPerson,
    WrongPasswordError,
)
from moodle_mcp.auth.pages.forms import is_from_our_page, typed
from moodle_mcp.auth.pages.rendering import Renderer
from moodle_mcp.auth.redirects import shown_target
from moodle_mcp.auth.sign_ins import Browsers, SignIn, SignIns, with_person
from moodle_mcp.auth.vault import Vault
from moodle_mcp.errors import CallError, Kind
from moodle_mcp.site.login import Launch


@dataclass(frozen=True, slots=True)
class SignInPages:
    """Signs people in to Moodle."""

    renderer: Renderer
    sign_ins: SignIns
    browsers: Browsers
    attempts: Attempts
    moodle: MoodleSignIn
    vault: Vault
    cookies: Cookies

    async def password(self, request: Request) -> Response:
        """The form for a user name and a password."""
        found = await self._found(request)
        if found is None:
            return self.renderer.render(request, "error", 400, problem="sign_in_gone")
        if request.method == "GET":
            return self._form(request, found)
        if not await is_from_our_page(request, found.csrf):
            return self.renderer.render(request, "error", 403, problem="other_page")
        username = (await typed(request, "username", MOST_TYPED)).strip()
        password = await typed(request, "password", MOST_TYPED)
        if not username or not password:
            return self._form(request, found, username=username, problem="wrong_password")
        address = request.client.host if request.client else "unknown"
        if not await self.attempts.may_sign_in(address, username):
            return self._form(
                request, found, username=username, problem="too_many_attempts", status=429
            )
        try:
            signed_in = await self.moodle.with_password(username, SecretStr(password))
        except WrongPasswordError:
            return self._form(request, found, username=username, problem="wrong_password")
        except CallError as error:
            return self._form(request, found, username=username, failure=_failure(error))
        await self.attempts.signed_in(username)
        return await self._done(request, found, signed_in)

    async def link(self, request: Request) -> Response:
        """The form for the link from Moodle's own sign-in page."""
        found = await self._found(request)
        if found is None:
            return self.renderer.render(request, "error", 400, problem="sign_in_gone")
        try:
            found = await self._launched(found)
        except CallError as error:
            return self._form(request, found, failure=_failure(error))
        if request.method == "GET":
            return self._link_form(request, found)
        if not await is_from_our_page(request, found.csrf):
            return self.renderer.render(request, "error", 403, problem="other_page")
        address = request.client.host if request.client else "unknown"
        if not await self.attempts.may_paste(address):
            return self._link_form(request, found, problem="too_many_attempts", status=429)
        pasted = await typed(request, "link", MOST_TYPED)
        try:
            signed_in = await self.moodle.with_link(_launch(found), pasted)
        except CallError as error:
            problem = "wrong_link" if error.fault.kind is Kind.BAD_ANSWER else None
            return self._link_form(request, found, problem=problem, failure=_failure(error))
        return await self._done(request, found, signed_in)

    async def _found(self, request: Request) -> SignIn | None:
        number = request.path_params["number"]
        return await self.sign_ins.find(number, self.cookies.of(request))

    async def _launched(self, found: SignIn) -> SignIn:
        """The sign-in with a started launch; it is the same whenever the page is shown."""
        if found.launch is not None:
            return found
        started = await self.moodle.start()
        launch = (started.page, tuple(started.signatures))

        def change(current: SignIn) -> SignIn | None:
            return None if current.launch is not None else replace(current, launch=launch)

        return await self.sign_ins.change(found.id, change) or replace(found, launch=launch)

    async def _done(self, request: Request, found: SignIn, signed_in: SignedInPerson) -> Response:
        person = signed_in.person
        if found.asked is None:
            await self.sign_ins.end(found.id)
            # A new cookie: whoever knew the old one does not get in.
            browser = self.cookies.new()
            await self.browsers.sign_in(browser, person)
            response = RedirectResponse("/connections", 303)
            self.cookies.set(response, browser)
            return response
        token = self.vault.seal(
            signed_in.token.get_secret_value(), bound_to=binding(person, found.grant)
        )
        await self.sign_ins.change(found.id, lambda current: with_person(current, person, token))
        return RedirectResponse(f"/consent/{found.id}", 303)

    def _form(
        self,
        request: Request,
        found: SignIn,
        *,
        username: str = "",
        problem: str | None = None,
        failure: str | None = None,
        status: int | None = None,
    ) -> Response:
        failed = problem is not None or failure is not None
        return self.renderer.render(
            request,
            "sign_in",
            status or (400 if failed else 200),
            username=username,
            problem=problem,
            failure=failure,
            **self._shown(found),
        )

    def _link_form(
        self,
        request: Request,
        found: SignIn,
        *,
        problem: str | None = None,
        failure: str | None = None,
        status: int | None = None,
    ) -> Response:
        failed = problem is not None or failure is not None
        return self.renderer.render(
            request,
            "sign_in_link",
            status or (400 if failed else 200),
            page=_launch(found).page,
            problem=problem,
            failure=None if problem else failure,
            **self._shown(found),
        )

    def _shown(self, found: SignIn) -> dict[str, Any]:
        asked = found.asked
        return {
            "number": found.id,
            "csrf": found.csrf,
            "site": urlsplit(self.moodle.address.base).netloc,
            "client": None if asked is None else asked.client_name,
            "target": None if asked is None else shown_target(asked.redirect_uri),
        }


def _launch(found: SignIn) -> Launch:
    page, signatures = found.launch or ("", ())
    return Launch(page, frozenset(signatures))


def _failure(error: CallError) -> str:
    return error.fault.message
