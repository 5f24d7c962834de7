"""Protects the MCP endpoint: verifies bearer tokens, and says what is missing (RFC 6750, 9728)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Final

from cachetools import TTLCache
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, BearerAuthBackend
from pydantic import AnyHttpUrl
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from moodle_mcp.auth import scopes
from moodle_mcp.auth.authorization import Rules
from moodle_mcp.auth.endpoints import RESOURCE_METADATA
from moodle_mcp.auth.provider import GrantToken, Provider
from moodle_mcp.auth.secret_texts import hashed
from moodle_mcp.catalogue.classification import Access
from moodle_mcp.store.base import StoreError

BEARER: Final = "Bearer"

REMEMBERED: Final = 300.0
"""Seconds for which a token that was valid is remembered, for the time that the store is gone."""

MOST_REMEMBERED: Final = 5_000


class SignedOutError(Exception):
    """The token is valid, but the grant behind it can't be used any more."""


class Challenges:
    """The answers to requests without the right token."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def sign_in(self, *, has_token: bool) -> Response:
        """Status 401. Without a token there is no error to name."""
        problem = {"error": "invalid_token", "error_description": "The token is not valid."}
        return self._response(401, scopes.scopes_up_to(self._rules.most), problem, shown=has_token)

    async def signed_out(self, _: Request, __: Exception) -> Response:
        """Answer a request whose grant can't be used any more."""
        return self.sign_in(has_token=True)

    def step_up(self, scope: Scope, access: Access) -> Response:
        """Status 403: a call needs functions of this access, and so these scopes.

        While the store is gone, whether the person has granted them can't be known.
        """
        if token_of(scope).is_from_memory:
            return unavailable()
        problem = {
            "error": "insufficient_scope",
            "error_description": f"The call needs {scopes.scope_of(access)}.",
        }
        return self._response(403, scopes.scopes_up_to(access), problem)

    def _response(
        self, status: int, needed: Iterable[str], problem: dict[str, str], *, shown: bool = True
    ) -> Response:
        path = self._rules.resource.removeprefix(self._rules.issuer)
        parameters = {
            **(problem if shown else {}),
            "scope": " ".join(needed),
            "resource_metadata": f"{self._rules.issuer}{RESOURCE_METADATA}{path}",
        }
        header = ", ".join(f'{name}="{value}"' for name, value in parameters.items())
        return Response(
            json.dumps(problem),
            status,
            {"WWW-Authenticate": f"{BEARER} {header}", "Cache-Control": "no-store"},
            media_type="application/json",
        )


class Verifier:
    """Verifies tokens by the store, and for reads by its own memory while the store is gone.

    `clock` is monotonic, in seconds.
    """

    def __init__(self, provider: Provider, clock: Callable[[], float] = time.monotonic) -> None:
        self._provider = provider
        self._known: TTLCache[str, GrantToken] = TTLCache(MOST_REMEMBERED, REMEMBERED, clock)

    async def verify_token(self, token: str) -> GrantToken | None:
        """Return what a bearer token stands for; None if it is not valid.

        Raises:
            StoreError: the store does not answer, and the token was not seen lately.
        """
        name = hashed(token)
        try:
            found = await self._provider.verify_token(token)
        except StoreError:
            kept = self._known.get(name)
            if kept is None:
                raise
            read = (scopes.scope_of(Access.READ),)
            less = {
                "scopes": list(read),
                "found": kept.found._replace(scopes=read),
                "is_from_memory": True,
            }
            return kept.model_copy(update=less)
        if found is None:
            self._known.pop(name, None)
        else:
            self._known[name] = found
        return found


def protected(app: ASGIApp, verifier: Verifier, rules: Rules) -> ASGIApp:
    """The application, for requests with a valid token only. `token_of` returns it."""
    challenges = Challenges(rules)
    admitted = AuthContextMiddleware(app)

    async def require(scope: Scope, receive: Receive, send: Send) -> None:
        if isinstance(scope.get("user"), AuthenticatedUser):
            await admitted(scope, receive, send)
            return
        has_token = any(name == b"authorization" for name, _ in scope.get("headers", ()))
        await challenges.sign_in(has_token=has_token)(scope, receive, send)

    backend = BearerAuthBackend(verifier, resource_server_url=AnyHttpUrl(rules.resource))
    return AuthenticationMiddleware(require, backend)


def unavailable() -> Response:
    """Status 503: the store does not answer; nothing was done."""
    problem = {
        "error": "temporarily_unavailable",
        "error_description": "Nothing was done: the store of this server does not answer.",
    }
    return Response(json.dumps(problem), 503, {"Retry-After": "10"}, media_type="application/json")


def token_of(scope: Scope) -> GrantToken:
    """The verified token of a request that `protected` has admitted."""
    token = scope["user"].access_token
    if not isinstance(token, GrantToken):
        raise TypeError("the token is not of this server")
    return token
