"""Client ID Metadata Documents: fetched over TLS from a real server, and only from public ones."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from moodle_mcp.auth.addresses import NotPublicError, is_public, resolve
from moodle_mcp.auth.client_documents import (
    FRESH_SECONDS,
    MOST_BYTES,
    MOST_FETCHES,
    ClientDocuments,
    is_document_url,
)
from moodle_mcp.demo import serving
from moodle_mcp.store.memory import MemoryStore
from tests.support.demo import Demo
from tests.support.hosted import Clock, Person, browsing, hosting, sdk_client

pytestmark = pytest.mark.anyio


def anywhere(_: str) -> bool:
    """Also this machine."""
    return True


@dataclass
class Publisher:
    """A web server with one document."""

    url: str = ""
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    document: dict[str, Any] = field(default_factory=dict[str, Any])
    answer: Callable[[], Response] | None = None
    requests: list[Request] = field(default_factory=list[Request])

    @property
    def client_id(self) -> str:
        return f"{self.url}/client.json"

    def describe(self, **more: Any) -> None:
        self.document = {
            "client_id": self.client_id,
            "client_name": "Documented agent",
            "redirect_uris": ["http://localhost/callback"],
            "grant_types": ["authorization_code", "refresh_token"],
            **more,
        }

    async def get(self, request: Request) -> Response:
        self.requests.append(request)
        if self.answer is not None:
            return self.answer()
        return Response(json.dumps(self.document), media_type="application/json")

    def documents(self, **more: Any) -> ClientDocuments:
        options: dict[str, Any] = {"allowed": anywhere, "tls": self.tls, **more}
        return ClientDocuments(MemoryStore(), **options)


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[Publisher]:
    authority = trustme.CA()
    certificate = tmp_path / "server.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    found = Publisher(tls=ssl.create_default_context())
    found.tls.load_verify_locations(cadata=authority.cert_pem.bytes().decode())
    app = Starlette(routes=[Route("/{path:path}", found.get)])
    with serving(app, certificate=certificate) as url:
        found.url = url.replace("127.0.0.1", "localhost")
        found.describe()
        yield found


async def test_a_document_describes_its_client(publisher: Publisher) -> None:
    found = await publisher.documents().client(publisher.client_id)
    assert found is not None
    assert (found.name, found.uris, found.described_by_itself, found.is_native) == (
        "Documented agent",
        ["http://localhost/callback"],
        True,
        True,
    )
    request = publisher.requests[0]
    assert request.headers["host"] == publisher.url.removeprefix("https://")
    assert "cookie" not in request.headers


WRONG: dict[str, dict[str, Any]] = {
    "of another client": {"client_id": "https://localhost/other.json"},
    "like its address": {"client_id": "HTTPS://LOCALHOST/client.json"},
    "without redirects": {"redirect_uris": []},
    "redirects that are no list": {"redirect_uris": "http://localhost/callback"},
    "redirects that are no texts": {"redirect_uris": [{}]},
    "a script as redirect": {"redirect_uris": ["javascript:alert(1)"]},
    "http to another machine": {"redirect_uris": ["http://agent.example/callback"]},
    "with a secret": {"client_secret": "s"},
    "with a key that we can't check": {"token_endpoint_auth_method": "private_key_jwt"},
    "too long": {"client_uri": "x" * MOST_BYTES},
}


@pytest.mark.parametrize("changed", WRONG.values(), ids=[*WRONG])
async def test_a_wrong_document_is_not_used(publisher: Publisher, changed: dict[str, Any]) -> None:
    publisher.describe(**changed)
    assert await publisher.documents().client(publisher.client_id) is None
    assert len(publisher.requests) == 1


async def test_an_answer_that_is_no_document_is_not_used(publisher: Publisher) -> None:
    good = json.dumps(publisher.document)
    answers: list[Callable[[], Response]] = [
        lambda: Response(good, 404, media_type="application/json"),
        lambda: Response(good, 201, media_type="application/json"),
        lambda: Response(good, media_type="text/html"),
        lambda: Response("[1]", media_type="application/json"),
        lambda: Response("{", media_type="application/json"),
        lambda: Response("[" * 9_000, media_type="application/json"),
        lambda: RedirectResponse(f"{publisher.url}/other.json"),
        lambda: RedirectResponse("http://169.254.169.254/latest/meta-data/"),
    ]
    for answer in answers:
        publisher.answer = answer
        assert await publisher.documents().client(publisher.client_id) is None
    assert len(publisher.requests) == len(answers)


async def test_a_certificate_of_another_host_is_refused(publisher: Publisher) -> None:
    url = publisher.client_id.replace("localhost", "127.0.0.1")
    publisher.describe(client_id=url)
    assert await publisher.documents().client(url) is None
    assert publisher.requests == []


async def test_a_host_on_this_machine_is_not_asked(publisher: Publisher) -> None:
    assert await publisher.documents(allowed=is_public).client(publisher.client_id) is None
    assert publisher.requests == []


async def test_the_address_that_was_checked_is_the_one_that_is_asked(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the second answer for the same name is another machine."""
    asked: list[str] = []
    genuine = socket.getaddrinfo

    def answer(host: Any, port: Any, *args: Any, **more: Any) -> Any:
        if host not in ("localhost", b"localhost"):
            return genuine(host, port, *args, **more)
        asked.append("localhost")
        address = "127.0.0.1" if len(asked) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    assert await publisher.documents().client(publisher.client_id) is not None
    assert asked == ["localhost"]
    assert len(publisher.requests) == 1


async def test_one_address_that_is_not_public_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(*_: Any, **__: Any) -> Any:
        addresses = ("93.184.216.34", "10.0.0.1")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443)) for each in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    with pytest.raises(NotPublicError):
        await resolve("agent.example", 443)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.0.192",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2001:db8::1",
        "not an address",
    ],
)
def test_an_address_that_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_a_public_address(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://agent.example/client.json",
        "https://agent.example",
        "https://agent.example/",
        "https:///client.json",
        "https://user@agent.example/client.json",
        "https://agent.example/client.json?x=1",
        "https://agent.example/client.json#x",
        "https://agent.example/a/../client.json",
        "https://agent.example/a/%2e%2E/client.json",
        "https://agent.example/a/./client.json",
        "https://agent.example:port/client.json",
        "https://agent.example:0/client.json",
        "https://agent.example/cli ent.json",
        "https://agent.example/clié.json",
        "https://agent.example/" + "x" * 500,
        "https://[::1/client.json",
        "file:///etc/passwd",
    ],
)
def test_a_url_that_is_no_client(url: str) -> None:
    assert not is_document_url(url)


async def test_a_document_is_fetched_once_an_hour(publisher: Publisher) -> None:
    clock = Clock()
    documents = publisher.documents(clock=clock)
    for _ in range(3):
        assert await documents.client(publisher.client_id) is not None
    assert len(publisher.requests) == 1
    clock.now += FRESH_SECONDS
    publisher.describe(client_name="New name")
    found = await documents.client(publisher.client_id)
    assert found is not None
    assert found.name == "New name"


async def test_a_kept_document_counts_while_its_server_is_down(publisher: Publisher) -> None:
    clock = Clock()
    documents = publisher.documents(clock=clock)
    assert await documents.client(publisher.client_id) is not None
    clock.now += FRESH_SECONDS
    publisher.answer = lambda: Response("down", 503)
    assert await documents.client(publisher.client_id) is not None


async def test_a_document_that_was_refused_is_not_fetched_again_at_once(
    publisher: Publisher,
) -> None:
    publisher.describe(redirect_uris=[])
    documents = publisher.documents()
    for _ in range(5):
        assert await documents.client(publisher.client_id) is None
    assert len(publisher.requests) == 1


async def test_all_fetches_together_are_limited(publisher: Publisher) -> None:
    documents = publisher.documents()
    publisher.answer = lambda: Response("no", 404)
    for number in range(MOST_FETCHES + 5):
        assert await documents.client(f"{publisher.url}/{number}.json") is None
    assert len(publisher.requests) == MOST_FETCHES


async def test_the_sdks_client_signs_in_with_its_document(publisher: Publisher, demo: Demo) -> None:
    """The Python SDK refuses no document's address, so it can be one on this machine."""
    documents = partial(ClientDocuments, allowed=anywhere, tls=publisher.tls)
    with hosting(demo, documents=documents) as site:
        person = Person("teacher1", [("moodle:write",)])
        async with sdk_client(site, person, document=publisher.client_id) as client:
            result = await client.call_tool("core_webservice_get_site_info", {})
        assert result.structured_content is not None
        assert result.structured_content["result"]["username"] == "teacher1"
        assert person.kept.client is not None
        assert person.kept.client.client_id == publisher.client_id
        async with browsing(site) as browser:
            url = person.visited[0]
            page = await browser.sign_in(await browser.get(url))
            assert f"({publisher.url.removeprefix('https://')})" in page.text
            assert "This application runs on your own computer." in page.text
