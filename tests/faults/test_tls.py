"""Broken TLS: nothing of a call is sent, and the report says who must act."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from moodle_mcp.caller.caller import Caller
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.catalogue.loading import load
from moodle_mcp.site.session import SiteSession
from tests.support.demo import Demo
from tests.support.faults.proxy import HOST, Proxy, Script
from tests.support.faults.scripts import cut_without_length, reset_after_work
from tests.support.serving import connection, no_wait

pytestmark = pytest.mark.anyio

CREATE = load().get("core_course_create_categories")
ITEM = {"name": "Over TLS"}
YESTERDAY = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)

Issue = Callable[[trustme.CA], trustme.LeafCert]


def good(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert(HOST)


def wrong_host(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert("moodle.example.org")


def expired(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert(HOST, not_after=YESTERDAY)


def unknown_authority(_: trustme.CA) -> trustme.LeafCert:
    return trustme.CA().issue_cert(HOST)


@pytest.fixture(autouse=True)
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """A certificate authority that this process trusts, set up as the error's hint says."""
    made = trustme.CA()
    file = tmp_path / "authority.pem"
    made.cert_pem.write_to_path(file)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setenv("NO_PROXY", HOST)
    return made


def server_side(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
    return context


async def created(url: str) -> Outcome:
    """Create one category over TLS."""
    site = SiteSession(connection(url))
    try:
        caller = Caller(site, CallSettings(timeout=20, rate=1000), sleep=no_wait)
        return await caller.call(CREATE, {"categories": [ITEM]})
    finally:
        await site.aclose()


def count(demo: Demo) -> int:
    return sum(each.name == ITEM["name"] for each in demo.site.world.categories.values())


async def test_a_certificate_of_a_trusted_authority_is_accepted(
    demo: Demo, authority: trustme.CA
) -> None:
    async with Proxy(demo.url, tls=server_side(good(authority))) as proxy:
        assert (await created(proxy.url)).fault is None
    assert count(demo) == 1


@pytest.mark.parametrize(
    ("issue", "reason"),
    [
        (wrong_host, "IP address mismatch, certificate is not valid for '127.0.0.1'"),
        (expired, "certificate has expired"),
        (unknown_authority, "unable to get local issuer certificate"),
    ],
)
async def test_a_bad_certificate_ends_the_call_before_anything_is_sent(
    demo: Demo, authority: trustme.CA, issue: Issue, reason: str
) -> None:
    async with Proxy(demo.url, tls=server_side(issue(authority))) as proxy:
        outcome = await created(proxy.url)
    assert outcome.fault is not None
    assert outcome.fault.written == "nothing"
    assert not outcome.fault.may_be_retried
    assert outcome.batch is not None
    assert outcome.batch["not_sent"] == [[0, 0]]
    assert demo.site.requests == []
    assert outcome.fault.message.endswith(f"is not trusted: {reason}.")


@asynccontextmanager
async def listening(answer: bytes | None) -> AsyncGenerator[str]:
    """Yield the https address of a server without TLS, which answers these bytes or resets."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if answer is None:
            writer.transport.abort()
        else:
            writer.write(answer)
            writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"https://{HOST}:{port}"
    finally:
        server.close()


@pytest.mark.parametrize(
    "answer", [None, b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["reset", "closed", "plain"]
)
async def test_a_handshake_that_fails_ends_the_call_before_anything_is_sent(
    answer: bytes | None,
) -> None:
    async with listening(answer) as url:
        outcome = await created(url)
    assert outcome.fault is not None
    assert outcome.fault.kind.code == "unreachable"
    assert outcome.fault.written == "nothing"
    assert outcome.batch is not None
    assert outcome.batch["not_sent"] == [[0, 0]]


@pytest.mark.parametrize("script", [reset_after_work, cut_without_length])
async def test_an_encrypted_answer_that_is_cut_leaves_the_write_in_doubt(
    demo: Demo, authority: trustme.CA, script: Script
) -> None:
    async with Proxy(demo.url, tls=server_side(good(authority))) as proxy:
        proxy.scripts.append(script)
        outcome = await created(proxy.url)
    assert outcome.fault is not None
    assert outcome.fault.written == "unknown"
    assert count(demo) == 1
