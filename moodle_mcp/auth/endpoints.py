"""The routes of the authorization server: metadata, authorization, tokens, registration."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from mcp.server.auth.handlers.metadata import MetadataHandler, ProtectedResourceMetadataHandler
from mcp.server.auth.handlers.register import RegistrationHandler
from mcp.server.auth.handlers.token import TokenHandler
from mcp.server.auth.middleware.client_auth import AuthenticationError, ClientAuthenticator
from mcp.server.auth.routes import cors_middleware
from mcp.server.auth.settings import ClientRegistrationOptions
from mcp.shared.auth import OAuthMetadata, ProtectedResourceMetadata
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from moodle_mcp.auth import authorization, scopes
from moodle_mcp.auth.attempts import Attempts
from moodle_mcp.auth.authorization import RefusedError, Rules, UnknownClientError, is_resource
from moodle_mcp.auth.cookies import Cookies
from moodle_mcp.auth.pages.pages import Pages
from moodle_mcp.auth.provider import Provider
from moodle_mcp.auth.sign_ins import SignIns

MOST_BODY: Final = 64 * 1024
"""Most bytes of a request to these endpoints."""

RESOURCE_METADATA: Final = "/.well-known/oauth-protected-resource"
SERVER_METADATA: Final = "/.well-known/oauth-authorization-server"

_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


class Endpoints:
    """The endpoints that clients and browsers are sent to."""

    def __init__(
        self,
        provider: Provider,
        rules: Rules,
        sign_ins: SignIns,
        attempts: Attempts,
        pages: Pages,
        cookies: Cookies,
    ) -> None:
        self._provider = provider
        self._rules = rules
        self._sign_ins = sign_ins
        self._attempts = attempts
        self._pages = pages
        self._cookies = cookies
        self._authenticator = ClientAuthenticator(provider)
        self._tokens = TokenHandler(provider, self._authenticator)
        self._registration = RegistrationHandler(provider, ClientRegistrationOptions(enabled=True))

    def routes(self) -> list[Route]:
        """All routes, those of the pages included."""
        resource = RESOURCE_METADATA + self._rules.resource.removeprefix(self._rules.issuer)
        described = cors_middleware(
            ProtectedResourceMetadataHandler(self._resource_metadata()).handle, ["GET", "OPTIONS"]
        )
        return [
            Route(resource, described, methods=["GET", "OPTIONS"]),
            # Some clients look here only.
            Route(RESOURCE_METADATA, described, methods=["GET", "OPTIONS"]),
            _for_programs(SERVER_METADATA, MetadataHandler(self._metadata()).handle, "GET"),
            Route("/authorize", _limited(self.authorize), methods=["GET", "POST"]),
            _for_programs("/token", _limited(self.token), "POST"),
            _for_programs("/register", _limited(self.register), "POST"),
            _for_programs("/revoke", _limited(self.revoke), "POST"),
            *(
                Route(path, _limited(handler), methods=methods)
                for path, handler, methods in self._pages.routes()
            ),
        ]

    async def authorize(self, request: Request) -> Response:
        """Check an authorization request, and send the browser to the sign-in page."""
        if not await self._attempts.may_authorize(_address(request)):
            return self._pages.error(request, "too_many_requests", 429)
        given = _texts(await request.form()) if request.method == "POST" else _query(request)
        try:
            asked = await authorization.checked(self._provider.clients, self._rules, given)
        except UnknownClientError:
            return self._pages.error(request, "unknown_client", 400)
        except RefusedError as error:
            return RedirectResponse(error.redirect, 302, _NO_STORE)
        browser = self._cookies.of(request) or self._cookies.new()
        found = await self._sign_ins.start(browser, asked)
        response = RedirectResponse(f"/sign-in/{found.id}", 303, _NO_STORE)
        self._cookies.set(response, browser)
        return response

    async def token(self, request: Request) -> Response:
        """Exchange a code or a refresh token; the SDK does most of it."""
        form = await request.form()
        names = [name for name, _ in form.multi_items() if name != "resource"]
        if len(names) != len(set(names)):
            return _problem("invalid_request", "a parameter is given twice")
        named = form.getlist("resource")
        if not all(isinstance(each, str) and self._is_ours(each) for each in named):
            return _problem("invalid_target", "the resource is not this server")
        verifier = form.get("code_verifier")
        if verifier is not None and not _VERIFIER.fullmatch(str(verifier)):
            return _problem("invalid_request", "code_verifier must have 43 to 128 characters")
        return await self._tokens.handle(request)

    async def register(self, request: Request) -> Response:
        """Register a client, a limited number of times for each address."""
        if not await self._attempts.may_register(_address(request)):
            return _problem("invalid_client_metadata", "too many registrations; try later", 429)
        return await self._registration.handle(request)

    async def revoke(self, request: Request) -> Response:
        """End the grant of a token (RFC 7009). The SDK's endpoint requires a client secret."""
        try:
            client = await self._authenticator.authenticate_request(request)
        except AuthenticationError as error:
            return _problem("invalid_client", error.message, 401)
        text = (await request.form()).get("token")
        if not isinstance(text, str):
            return _problem("invalid_request", "token is missing")
        token = await self._provider.load_access_token(
            text
        ) or await self._provider.load_refresh_token(client, text)
        if token is not None and token.client_id == client.client_id:
            await self._provider.revoke_token(token)
        return Response(None, 200, _NO_STORE)

    def _is_ours(self, resource: str) -> bool:
        return is_resource(resource, self._rules.resource)

    def _metadata(self) -> OAuthMetadata:
        issuer = self._rules.issuer
        return OAuthMetadata.model_validate(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "registration_endpoint": f"{issuer}/register",
                "revocation_endpoint": f"{issuer}/revoke",
                "scopes_supported": [*scopes.scopes_up_to(self._rules.most), scopes.OFFLINE],
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "token_endpoint_auth_methods_supported": ["none"],
                "revocation_endpoint_auth_methods_supported": ["none"],
                "code_challenge_methods_supported": ["S256"],
                "client_id_metadata_document_supported": True,
                "authorization_response_iss_parameter_supported": True,
            }
        )

    def _resource_metadata(self) -> ProtectedResourceMetadata:
        return ProtectedResourceMetadata.model_validate(
            {
                "resource": self._rules.resource,
                "authorization_servers": [self._rules.issuer],
                "scopes_supported": list(scopes.scopes_up_to(self._rules.most)),
                "resource_name": "Moodle",
            }
        )


def _for_programs(path: str, handler: Any, method: str) -> Route:
    """A route that programs in browsers may use too, such as the MCP Inspector."""
    methods = [method, "OPTIONS"]
    return Route(path, cors_middleware(handler, methods), methods=methods)


def _limited(handler: Handler) -> Handler:
    """Refuse a body that is too long, before and while it is read."""

    async def limited(request: Request) -> Response:
        length = request.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MOST_BODY:
            return Response("The request is too long.\n", 413, media_type="text/plain")
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BODY:
                return Response("The request is too long.\n", 413, media_type="text/plain")
        return await handler(_with_body(request, body))

    return limited


def _with_body(request: Request, body: bytes) -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(request.scope, receive)


def _problem(error: str, description: str, status: int = 400) -> Response:
    return JSONResponse(
        {"error": error, "error_description": description}, status, headers=_NO_STORE
    )


def _query(request: Request) -> list[tuple[str, str]]:
    return list(request.query_params.multi_items())


def _texts(form: FormData) -> list[tuple[str, str]]:
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
