"""Protects the MCP endpoint: verifies bearer tokens, and says what is missing (RFC 6750, 9728)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, BearerAuthBackend
from pydantic import AnyHttpUrl
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from moodle_mcp.auth import scopes
from moodle_mcp.auth.authorization import Rules
from moodle_mcp.auth.endpoints import RESOURCE_METADATA
from moodle_mcp.auth.provider import GrantToken, Provider
from moodle_mcp.catalogue.classification import Access

BEARER: Final = "Bearer"


class Challenges:
    """The answers to requests without the right token."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def sign_in(self, *, has_token: bool) -> Response:
        """Status 401. Without a token there is no error to name."""
        problem = {"error": "invalid_token", "error_description": "The token is not valid."}
        return self._response(401, scopes.scopes_up_to(self._rules.most), problem, shown=has_token)

    def step_up(self, access: Access) -> Response:
        """Status 403: a call needs functions of this access, and so these scopes."""
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


def protected(app: ASGIApp, provider: Provider, rules: Rules) -> ASGIApp:
    """The application, for requests with a valid token only. `token_of` returns it."""
    challenges = Challenges(rules)
    admitted = AuthContextMiddleware(app)

    async def require(scope: Scope, receive: Receive, send: Send) -> None:
        if isinstance(scope.get("user"), AuthenticatedUser):
            await admitted(scope, receive, send)
            return
        has_token = any(name == b"authorization" for name, _ in scope.get("headers", ()))
        await challenges.sign_in(has_token=has_token)(scope, receive, send)

    backend = BearerAuthBackend(provider, resource_server_url=AnyHttpUrl(rules.resource))
    return AuthenticationMiddleware(require, backend)


def token_of(scope: Scope) -> GrantToken:
    """The verified token of a request that `protected` has admitted."""
    token = scope["user"].access_token
    if not isinstance(token, GrantToken):
        raise TypeError("the token is not of this server")
    return token
