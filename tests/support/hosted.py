"""A server for several people in front of the demo site, browsers, and OAuth clients."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider, TokenStorage
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from pydantic import AnyUrl

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.demo import DEMO_PASSWORD, serving
from moodle_mcp.hosting import Hosted, make_hosted
from moodle_mcp.settings import Settings
from tests.support.demo import Demo

REDIRECT: Final = "http://localhost/callback"
TOOLS: Final = "default,enrol_manual_enrol_users,core_course_delete_courses"


@dataclass
class Clock:
    """A clock in Unix seconds that is set by hand."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class HostedSite:
    """A served server, its address, and what it is made of."""

    url: str
    hosted: Hosted
    moodle: Demo

    @property
    def mcp(self) -> str:
        return f"{self.url}/mcp"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def hosting(demo: Demo, **more: Any) -> Generator[HostedSite]:
    """Serve a server for several people in front of the demo site."""
    port = more.pop("port", None) or free_port()
    options = {name: more.pop(name) for name in ("documents", "clock") if name in more}
    url = f"http://127.0.0.1:{port}"
    settings = Settings.model_validate(
        {
            "moodle_url": demo.url,
            "auth": "oauth",
            "public_url": url,
            "service": "all",
            "store": "memory",
            "tools": TOOLS,
            "access": Access.DESTRUCTIVE,
            **more,
        }
    )
    hosted = make_hosted(settings, **options)
    with serving(hosted.app, port) as served:
        yield HostedSite(served, hosted, demo)


@dataclass
class Browser:
    """A browser without scripts: follows redirects within the site and fills in forms."""

    site: str
    http: httpx2.AsyncClient = field(
        default_factory=lambda: httpx2.AsyncClient(
            follow_redirects=False, trust_env=False, timeout=60
        )
    )

    async def get(self, url: str) -> httpx2.Response:
        return await self._followed(await self.http.get(urljoin(self.site, url)))

    async def post(self, url: str, form: dict[str, Any]) -> httpx2.Response:
        return await self._followed(await self.http.post(urljoin(self.site, url), data=form))

    async def submit(self, page: httpx2.Response, **filled: Any) -> httpx2.Response:
        """Send the page's first form with its hidden fields."""
        return await self.post(action_of(page), {"csrf": csrf_of(page), **filled})

    async def sign_in(
        self, page: httpx2.Response, username: str = "teacher1", password: str = DEMO_PASSWORD
    ) -> httpx2.Response:
        return await self.submit(page, username=username, password=password)

    async def _followed(self, response: httpx2.Response) -> httpx2.Response:
        while response.has_redirect_location:
            target = urljoin(str(response.url), response.headers["location"])
            parts = urlsplit(target)
            if parts.hostname != urlsplit(self.site).hostname or parts.path == "/callback":
                break
            response = await self.http.get(target)
        return response

    async def aclose(self) -> None:
        await self.http.aclose()


def action_of(page: httpx2.Response) -> str:
    found = re.search(r'<form method="post" action="([^"]+)"', page.text)
    assert found is not None, page.text
    return unescape(found[1])


def csrf_of(page: httpx2.Response) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def problem_of(page: httpx2.Response) -> str:
    """What the page says is wrong."""
    found = re.search(r'role="alert"[^>]*>([^<]+)<', page.text)
    assert found is not None, page.text
    return unescape(found[1])


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@dataclass
class Agent:
    """An OAuth client without the SDK, for requests that no honest client sends."""

    site: HostedSite
    http: httpx2.AsyncClient = field(
        default_factory=lambda: httpx2.AsyncClient(
            follow_redirects=False, trust_env=False, timeout=60
        )
    )
    redirect: str = REDIRECT
    client_id: str = ""
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    async def register(self, **more: Any) -> httpx2.Response:
        response = await self.http.post(
            f"{self.site.url}/register",
            json={
                "client_name": "Test agent",
                "redirect_uris": [self.redirect],
                "grant_types": ["authorization_code", "refresh_token"],
                "token_endpoint_auth_method": "none",
                **more,
            },
        )
        if response.status_code == 201:
            self.client_id = response.json()["client_id"]
        return response

    def authorize_url(self, **changed: str | None) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        values: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect,
            "state": "the state",
            "scope": "moodle:read moodle:write moodle:destructive offline_access",
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
            "resource": self.site.mcp,
            **changed,
        }
        query = {name: value for name, value in values.items() if value is not None}
        return f"{self.site.url}/authorize?{urlencode(query)}"

    async def code(
        self,
        browser: Browser,
        username: str = "teacher1",
        scopes: tuple[str, ...] = ("moodle:write",),
        **changed: str | None,
    ) -> str:
        """Let a person sign in and agree; return the code."""
        page = await browser.sign_in(await browser.get(self.authorize_url(**changed)), username)
        answer = await browser.submit(page, decision="allow", scope=list(scopes))
        return query_of(answer.headers["location"])["code"]

    async def token(self, code: str, **changed: str | None) -> httpx2.Response:
        return await self._post(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self.redirect,
                "client_id": self.client_id,
                "code_verifier": self.verifier,
                "resource": self.site.mcp,
                **changed,
            }
        )

    async def refresh(self, refresh_token: str, **changed: str | None) -> httpx2.Response:
        return await self._post(
            {
                "grant_type": "refresh_token",
                "refresh_token": refresh_token,
                "client_id": self.client_id,
                "resource": self.site.mcp,
                **changed,
            }
        )

    async def revoke(self, token: str, **changed: str | None) -> httpx2.Response:
        form = {"token": token, "client_id": self.client_id, **changed}
        return await self.http.post(f"{self.site.url}/revoke", data=form)

    async def tokens(
        self, username: str = "teacher1", scopes: tuple[str, ...] = ("moodle:write",)
    ) -> dict[str, Any]:
        """Register, let a person sign in, and return the tokens."""
        if not self.client_id:
            await self.register()
        browser = Browser(self.site.url)
        answer = await self.token(await self.code(browser, username, scopes))
        await browser.aclose()
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def call(
        self, token: str | None, name: str = "core_webservice_get_site_info", **arguments: Any
    ) -> httpx2.Response:
        """Call a tool over the protocol without sessions."""
        params: dict[str, Any] = {
            "name": name,
            "arguments": arguments,
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        }
        return await self.http.post(
            self.site.mcp,
            json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params},
            headers={
                "Accept": "application/json, text/event-stream",
                "MCP-Protocol-Version": "2026-07-28",
                "Mcp-Method": "tools/call",
                "Mcp-Name": name,
                **({} if token is None else {"Authorization": f"Bearer {token}"}),
            },
        )

    async def _post(self, form: dict[str, str | None]) -> httpx2.Response:
        given = {name: value for name, value in form.items() if value is not None}
        return await self.http.post(f"{self.site.url}/token", data=given)

    async def aclose(self) -> None:
        await self.http.aclose()


@asynccontextmanager
async def agent_of(site: HostedSite, **more: Any) -> AsyncGenerator[Agent]:
    agent = Agent(site, **more)
    try:
        yield agent
    finally:
        await agent.aclose()


@asynccontextmanager
async def browsing(site: HostedSite) -> AsyncGenerator[Browser]:
    browser = Browser(site.url)
    try:
        yield browser
    finally:
        await browser.aclose()


@dataclass
class Tokens(TokenStorage):
    """What the SDK's client keeps."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


@dataclass
class Person:
    """Somebody who signs in whenever the SDK's client sends them to the browser."""

    username: str
    scopes: list[tuple[str, ...]]
    """What they tick, each time that they are asked."""
    kept: Tokens = field(default_factory=Tokens)
    answers: list[str] = field(default_factory=list[str])
    visited: list[str] = field(default_factory=list[str])

    @property
    def asked(self) -> int:
        """How often the client has sent them to the browser."""
        return len(self.visited)

    async def visit(self, url: str) -> None:
        parts = urlsplit(url)
        browser = Browser(f"{parts.scheme}://{parts.netloc}")
        page = await browser.sign_in(await browser.get(url), self.username)
        ticked = self.scopes[min(self.asked, len(self.scopes) - 1)]
        self.visited.append(url)
        answer = await browser.submit(page, decision="allow", scope=list(ticked))
        self.answers.append(answer.headers["location"])
        await browser.aclose()

    async def answered(self) -> AuthorizationCodeResult:
        return AuthorizationCodeResult(**query_of(self.answers[-1]))


@asynccontextmanager
async def sdk_client(
    site: HostedSite, person: Person, mode: str = "auto", document: str | None = None
) -> AsyncGenerator[Client]:
    """The Python SDK's client with its own OAuth, and a person at the browser."""
    metadata = OAuthClientMetadata(client_name="SDK", redirect_uris=[AnyUrl(REDIRECT)])
    auth = OAuthClientProvider(
        site.mcp,
        metadata,
        person.kept,
        redirect_handler=person.visit,
        callback_handler=person.answered,
        client_metadata_url=document,
    )
    async with (
        httpx2.AsyncClient(auth=auth, trust_env=False, timeout=60) as http,
        Client(streamable_http_client(site.mcp, http_client=http), mode=mode) as client,  # type: ignore[arg-type]
    ):
        yield client
