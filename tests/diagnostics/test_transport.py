"""Failures before a request is sent: host name, connection, certificate."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr

from moodle_mcp.demo import ADMIN_TOKEN, DemoSite, serving
from moodle_mcp.diagnostics.lines import Line
from moodle_mcp.diagnostics.report import as_report
from moodle_mcp.site.address import parse_address
from moodle_mcp.site.connection import Connection
from moodle_mcp.site.session import SiteSession
from tests.support.serving import NOW
from tests.support.setup_steps import lines_of

END = datetime(2126, 1, 2, tzinfo=UTC)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """An authority that this process trusts."""
    authority = trustme.CA()
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return authority


@contextmanager
def served(folder: Path, certificate: trustme.LeafCert) -> Generator[str]:
    file = folder / "site.pem"
    certificate.private_key_and_cert_chain_pem.write_to_path(str(file))
    with serving(DemoSite(now=NOW).app, certificate=file) as url:
        yield url


async def lines_at(url: str) -> list[Line]:
    address = parse_address(url, plain_http_allowed=True)
    return await lines_of(SiteSession(Connection(address, SecretStr(ADMIN_TOKEN))), "default")


async def failed_at(url: str) -> Line:
    lines = await lines_at(url)
    (line,) = [line for line in lines if line.verdict == "failed"]
    # The public report must not contain any part of the address.
    assert "127.0.0.1" not in as_report(lines)
    assert ".example" not in as_report(lines)
    return line


async def test_a_trusted_certificate_is_right_and_its_end_is_told(
    tmp_path: Path, authority: trustme.CA
) -> None:
    with served(tmp_path, authority.issue_cert("127.0.0.1", not_after=END)) as url:
        lines = {line.step: line for line in await lines_at(url)}
    assert (lines["TLS"].verdict, lines["TLS"].found) == (
        "ok",
        "certificate trusted, ends on 2126-01-02",
    )


@pytest.mark.usefixtures("authority")
async def test_a_certificate_of_an_unknown_authority_is_named(tmp_path: Path) -> None:
    with served(tmp_path, trustme.CA().issue_cert("127.0.0.1")) as url:
        line = await failed_at(url)
    assert line.step == "TLS"
    assert "unable to get local issuer certificate" in line.found
    assert "unable to get local issuer certificate" in line.public


async def test_a_certificate_for_another_host_is_named(
    tmp_path: Path, authority: trustme.CA
) -> None:
    with served(tmp_path, authority.issue_cert("other.example")) as url:
        line = await failed_at(url)
    assert line.step == "TLS"
    assert "mismatch" in line.found
    assert "mismatch" in line.public


async def test_an_expired_certificate_is_named(tmp_path: Path, authority: trustme.CA) -> None:
    past = datetime(2020, 1, 1, tzinfo=UTC)
    old = authority.issue_cert(
        "127.0.0.1", not_before=datetime(2019, 1, 1, tzinfo=UTC), not_after=past
    )
    with served(tmp_path, old) as url:
        line = await failed_at(url)
    assert line.step == "TLS"
    assert "expired" in line.found


async def test_a_port_without_tls(tmp_path: Path) -> None:
    with serving(DemoSite(now=NOW).app) as url:
        assert (await failed_at(url.replace("http:", "https:"))).step == "TLS"


async def test_a_closed_port() -> None:
    assert (await failed_at("http://127.0.0.1:9")).step == "connection"


async def test_an_unknown_host() -> None:
    assert (await failed_at("http://nosuch.invalid")).step == "host name"


async def test_a_wrong_path() -> None:
    with serving(DemoSite(now=NOW).app) as url:
        assert (await failed_at(f"{url}/moodle")).step == "address"
