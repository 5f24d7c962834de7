"""Builds the authorization server from a store and its settings."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from moodle_mcp.auth.attempts import Attempts
from moodle_mcp.auth.authorization import Rules
from moodle_mcp.auth.clients import Clients, Documents
from moodle_mcp.auth.codes import Codes
from moodle_mcp.auth.cookies import Cookies
from moodle_mcp.auth.endpoints import Endpoints
from moodle_mcp.auth.grants import Grants
from moodle_mcp.auth.moodle import MoodleSignIn
from moodle_mcp.auth.pages.connections import ConnectionPages
from moodle_mcp.auth.pages.consent import ConsentPages
from moodle_mcp.auth.pages.pages import Pages
from moodle_mcp.auth.pages.rendering import Renderer
from moodle_mcp.auth.pages.sign_in import SignInPages
from moodle_mcp.auth.provider import Provider
from moodle_mcp.auth.resource_server import unavailable
from moodle_mcp.auth.sign_ins import Browsers, SignIns
from moodle_mcp.auth.vault import Vault
from moodle_mcp.catalogue.classification import Access
from moodle_mcp.store.base import Store

_HTTPS: Final = "https://"


@dataclass(frozen=True, slots=True)
class Stores:
    """Where grants lie, and where sign-ins under way and counts do.

    They are separate, because strangers can fill the second one, and what is oldest is evicted.
    """

    grants: Store
    passing: Store


@dataclass(frozen=True, slots=True)
class AuthorizationServer:
    """The authorization server: its routes, and what the MCP endpoint needs of it."""

    rules: Rules
    provider: Provider
    grants: Grants
    routes: list[Route]
    pages: Pages

    async def gone(self, request: Request, _: Exception) -> Response:
        """Answer a request during which the store did not answer."""
        if "text/html" in request.headers.get("accept", ""):
            return self.pages.error(request, "store_gone", 503)
        return unavailable()


def authorization_server(
    public_url: str,
    path: str,
    most: Access,
    *,
    stores: Stores,
    vault: Vault,
    moodle: MoodleSignIn,
    documents: Documents,
    clock: Callable[[], float] = time.time,
) -> AuthorizationServer:
    """Build the server at a public address without a path; `path` is the MCP endpoint's."""
    rules = Rules(public_url, f"{public_url}{path}", most)
    clients = Clients(vault, documents)
    codes, grants = Codes(stores.grants, clock), Grants(stores.grants, vault, clock)
    provider = Provider(rules.issuer, clients, codes, grants, vault)
    sign_ins, browsers = SignIns(stores.passing), Browsers(stores.passing)
    attempts = Attempts(stores.passing)
    cookies = Cookies(is_secure=public_url.startswith(_HTTPS))
    renderer = Renderer()
    pages = Pages(
        renderer,
        SignInPages(renderer, sign_ins, browsers, attempts, moodle, vault, cookies),
        ConsentPages(renderer, sign_ins, codes, vault, cookies, rules, clock),
        ConnectionPages(renderer, sign_ins, browsers, grants, cookies, clock),
    )
    endpoints = Endpoints(provider, rules, sign_ins, attempts, pages, cookies)
    return AuthorizationServer(rules, provider, grants, endpoints.routes(), pages)
