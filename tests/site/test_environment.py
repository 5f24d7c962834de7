"""Proxies and certificates from the environment: used, or refused with a clear error."""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot
from pydantic import SecretStr

from moodle_mcp.caller.caller import Caller
from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.catalogue.loading import load
from moodle_mcp.demo import ADMIN_TOKEN, DemoSite, InjectedFault, serving
from moodle_mcp.errors import CallError, Delivery
from moodle_mcp.site.address import Address
from moodle_mcp.site.connection import Connection
from moodle_mcp.site.login import launch, token_for_password
from moodle_mcp.site.protocol import REST
from moodle_mcp.site.session import Form, SiteSession
from moodle_mcp.site.transport import Transport
from tests.support.demo import Demo
from tests.support.proxies import ProxyServer, serving_proxy
from tests.support.serving import NOW, no_wait

pytestmark = pytest.mark.anyio

HOST = "moodle.school.example"
SECURE = Address(f"https://{HOST}")
PLAIN = Address(f"http://{HOST}")
INFO = REST.encode("core_webservice_get_site_info", {})
CREATE = load().get("core_course_create_categories")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove proxies and certificates from the environment of the tests."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("SSL"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with the authority, which SSL_CERT_FILE names."""
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return file


@pytest.fixture
def secure(authority: trustme.CA, tmp_path: Path, trusted: Path) -> Generator[Demo]:
    """A demo site with a certificate for a host name that only a proxy can find."""
    file = tmp_path / "site.pem"
    authority.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(str(file))
    site = DemoSite(now=NOW)
    with serving(site.app, certificate=file) as url:
        yield Demo(site, url)


@contextmanager
def environment(**variables: str) -> Generator[None]:
    with patch.dict(os.environ, variables):
        yield


async def asked(address: Address, timeout: float = 20) -> tuple[str, Transport]:  # noqa: ASYNC109
    """Return the site's name, or the text of the error."""
    site = SiteSession(Connection(address, SecretStr(ADMIN_TOKEN)))
    try:
        answer = await site.send(INFO, timeout=timeout)
        return answer.value["sitename"], site.transport
    except CallError as error:
        doubt = "in doubt: " if error.delivery is Delivery.UNKNOWN else ""
        told = f"{doubt}{error.stage}: {error.fault.kind.code}: {error.fault.message}"
        return told, site.transport
    finally:
        await site.aclose()


@pytest.mark.parametrize("socks", [True, False], ids=["SOCKS", "HTTP"])
@pytest.mark.parametrize("name", ["ALL_PROXY", "https_proxy"])
async def test_a_site_is_reached_through_a_proxy(secure: Demo, socks: bool, name: str) -> None:
    with (
        serving_proxy(ProxyServer(secure.url, socks, login="zoë:p@ss")) as proxy,
        environment(**{name: proxy.url("zo%C3%AB:p%40ss")}),
    ):
        told, transport = await asked(SECURE)
    assert told == "Fjordside College"
    # The proxy has looked the name up: nobody else knows it.
    assert proxy.asked == [f"{HOST}:443"]
    assert transport.proxy is not None
    assert transport.proxy.label == f"{name}={proxy.url()}"


@pytest.mark.parametrize("socks", [True, False], ids=["SOCKS", "HTTP"])
async def test_plain_http_goes_through_a_proxy_too(demo: Demo, socks: bool) -> None:
    with serving_proxy(ProxyServer(demo.url, socks)) as proxy, environment(HTTP_PROXY=proxy.url()):
        assert (await asked(PLAIN))[0] == "Fjordside College"
    assert len(proxy.asked) == 1


async def test_files_and_sign_ins_go_through_it_too(secure: Demo) -> None:
    with serving_proxy(ProxyServer(secure.url)) as proxy, environment(ALL_PROXY=proxy.url()):
        site = SiteSession(Connection(SECURE, SecretStr(ADMIN_TOKEN)))
        async with site.post(Form("/webservice/upload.php", {}), silence=20) as response:
            assert response.status_code == 200
        await site.aclose()
        with pytest.raises(CallError, match="invalid_token"):
            await token_for_password(SECURE, "u", SecretStr("x"), "all", user_agent="tests")
    assert proxy.asked == [f"{HOST}:443"] * 2


async def test_what_stays_here_heeds_neither_proxies_nor_certificates(demo: Demo) -> None:
    with environment(ALL_PROXY="socks4://127.0.0.1:9", SSL_CERT_FILE="/nosuch"):
        told, transport = await asked(Address(demo.url))
    assert (told, transport.proxy) == ("Fjordside College", None)


async def test_no_proxy_exempts_a_site(trusted: Path) -> None:
    with environment(ALL_PROXY="http://127.0.0.1:9", NO_PROXY=f"other.example,{HOST}"):
        told, transport = await asked(SECURE)
    assert (told, transport.proxy) == (
        "host name: unreachable: The site's host name is unknown (DNS).", None,
    )  # fmt: skip


UNUSABLE = {
    "an unknown scheme": ("ALL_PROXY", "socks4://127.0.0.1:9"),
    "an unknown scheme with a password": ("all_proxy", "socks://u:s3cret@127.0.0.1:9"),
    "another scheme for other sites": ("HTTP_PROXY", "ftp://127.0.0.1"),
    "a port in letters": ("HTTPS_PROXY", "http://127.0.0.1:port"),
    "a password and no host": ("HTTPS_PROXY", "http://u:s3cret"),
    "no scheme": ("https_proxy", "u:s3cret@127.0.0.1:x"),
    "a port that is too high": ("HTTPS_PROXY", "http://u:p@s3cret@127.0.0.1:99999/s3cret?s3cret#x"),
    "port 0": ("HTTPS_PROXY", "http://127.0.0.1:0"),
    "no host": ("HTTPS_PROXY", "http://"),
    "nothing": ("HTTPS_PROXY", "://"),
    "half an IPv6 address": ("HTTPS_PROXY", "http://[::1"),
    "no host name": ("HTTPS_PROXY", "http://☃.example:80"),
    "a line end": ("HTTPS_PROXY", "http://127.0.0.1:9\n"),
    "no text": ("HTTPS_PROXY", "http://\udcff:9"),
    "a long password": ("ALL_PROXY", f"socks5://u:{'s3cret' * 50}@127.0.0.1:9"),
}


@pytest.mark.parametrize("unusable", UNUSABLE)
async def test_a_proxy_that_can_not_be_is_named_without_its_password(unusable: str) -> None:
    variable, value = UNUSABLE[unusable]
    with environment(**{variable: value}):
        site = SiteSession(Connection(SECURE, SecretStr(ADMIN_TOKEN)))
        calls = [
            lambda: site.send(INFO, timeout=5),
            lambda: site.info(),
            lambda: site.post(Form("/x", {}), silence=5).__aenter__(),
            lambda: token_for_password(SECURE, "u", SecretStr("x"), "all", user_agent="tests"),
            lambda: launch(SECURE, "all", user_agent="tests"),
        ]
        told: set[str] = set()
        for call in calls:
            with pytest.raises(CallError) as caught:
                await call()
            error = caught.value
            assert (error.delivery is not Delivery.NOT_SENT, error.stage, error.fault.may_be_retried) == (
                False, "environment", False,
            )  # fmt: skip
            assert "s3cret" not in f"{error!r}{error.fault}"
            told.add(error.fault.message)
    (message,) = told
    assert (
        message
        == snapshot(
            {
                "an unknown scheme": "The proxy setting ALL_PROXY=socks4://127.0.0.1:9 can't be used: the scheme socks4 is not supported; expected http://host:port, https://host:port or socks5://host:port.",
                "an unknown scheme with a password": "The proxy setting all_proxy=socks://127.0.0.1:9 can't be used: the scheme socks is not supported; expected http://host:port, https://host:port or socks5://host:port.",
                "another scheme for other sites": "The proxy setting HTTP_PROXY=ftp://127.0.0.1 can't be used: the scheme ftp is not supported; expected http://host:port, https://host:port or socks5://host:port.",
                "a port in letters": "The proxy setting HTTPS_PROXY=http://127.0.0.1:… can't be used: it is not an address; expected http://host:port, https://host:port or socks5://host:port.",
                "a password and no host": "The proxy setting HTTPS_PROXY=http://u:… can't be used: it is not an address; expected http://host:port, https://host:port or socks5://host:port.",
                "no scheme": "The proxy setting https_proxy=127.0.0.1:… can't be used: it is not an address; expected http://host:port, https://host:port or socks5://host:port.",
                "a port that is too high": "The proxy setting HTTPS_PROXY=http://127.0.0.1:99999 can't be used: its port is not between 1 and 65535.",
                "port 0": "The proxy setting HTTPS_PROXY=http://127.0.0.1:0 can't be used: its port is not between 1 and 65535.",
                "no host": "The proxy setting HTTPS_PROXY=http:// can't be used: it has no host; expected http://host:port, https://host:port or socks5://host:port.",
                "nothing": "The proxy setting HTTPS_PROXY=:… can't be used: it is not an address; expected http://host:port, https://host:port or socks5://host:port.",
                "half an IPv6 address": "The proxy setting HTTPS_PROXY=http://[:… can't be used: it is not an address; expected http://host:port, https://host:port or socks5://host:port.",
                "no host name": "The proxy setting HTTPS_PROXY=http://☃.example:80 can't be used: it is not an address; expected http://host:port, https://host:port or socks5://host:port.",
                "a line end": "The proxy setting HTTPS_PROXY=http://127.0.0.1:… can't be used: it is not an address; expected http://host:port, https://host:port or socks5://host:port.",
                "no text": "The proxy setting HTTPS_PROXY=http://?:9 can't be used: it is not an address; expected http://host:port, https://host:port or socks5://host:port.",
                "a long password": "The proxy setting ALL_PROXY=socks5://127.0.0.1:9 can't be used: SOCKS user names and passwords have at most 255 bytes.",
            }
        )[unusable]
    )


parts = st.text(
    st.sampled_from("htps:/5u@[]1.9%#?, *\\é☃aX-_\n\t") | st.characters(exclude_characters="\0", codec="utf-8"),
    max_size=25,
)  # fmt: skip
proxy_values = parts | st.builds(
    "{}://{}{}".format, st.sampled_from(["http", "https", "socks5", "socks4", "HTTP"]), parts, parts
)


@given(proxy_values, proxy_values, parts)
def test_whatever_is_set_a_client_is_made_or_the_error_is_ours(
    one: str, other: str, exempt: str
) -> None:
    with environment(ALL_PROXY=one, HTTPS_PROXY=other, NO_PROXY=exempt):
        transport = Transport(SECURE, "tests")
        stage = "none"
        try:
            transport.client(alone=True)
        except CallError as error:
            stage = f"{error.stage}"
            error.fault.message.encode()
    assert stage in ("none", "environment")


@given(st.text(st.sampled_from("abc:/@[]%#?"), max_size=8), parts)
def test_a_password_is_never_shown(before: str, after: str) -> None:
    secret = "S3CRET-WORD"
    value = f"socks4://u{before}:{secret}@{after.replace('@', '')}"
    with environment(ALL_PROXY=value), pytest.raises(CallError) as caught:
        Transport(SECURE, "tests").client(alone=True)
    assert secret not in str(caught.value.fault)


async def test_without_the_socks_library_the_environment_is_named() -> None:
    with patch.dict(sys.modules, {"socksio": None}), environment(ALL_PROXY="socks5://127.0.0.1:9"):
        told, _ = await asked(SECURE)
    assert told == snapshot(
        "environment: unreachable: The HTTP client can't be created in this environment (ImportError)."
    )


HTTP_403 = b"HTTP/1.1 403 s3cret\r\nContent-Length: 0\r\n\r\n"
HTTP_502 = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"

REFUSING: dict[str, tuple[ProxyServer, str]] = {
    "HTTP, a password is missing": (ProxyServer("", False, login="u:p"), ""),
    "HTTP, another password": (ProxyServer("", False, login="u:p"), "u:s3cret"),
    "SOCKS, a password is missing": (ProxyServer("", login="u:p"), ""),
    "SOCKS, another password": (ProxyServer("", login="u:p"), "u:s3cret"),
    "403": (ProxyServer("", False, answer=HTTP_403), ""),
    "502": (ProxyServer("", False, answer=HTTP_502), ""),
    "no HTTP": (ProxyServer("", False, answer=b"SSH-2.0-x\r\n"), ""),
    "no SOCKS": (ProxyServer("", answer=HTTP_403), ""),
    "closed": (ProxyServer("", answer=b""), ""),
    "closed by an HTTP proxy": (ProxyServer("", False, answer=b""), ""),
}  # fmt: skip


@pytest.mark.parametrize("refusing", REFUSING)
@pytest.mark.usefixtures("trusted")
async def test_a_proxy_that_refuses_is_named_and_not_the_site(refusing: str) -> None:
    proxy, login = REFUSING[refusing]
    proxy = ProxyServer(proxy.site, proxy.socks, proxy.login, proxy.answer)
    with serving_proxy(proxy), environment(ALL_PROXY=proxy.url(login)):
        told, _ = await asked(SECURE)
    assert "s3cret" not in told
    assert (
        told.replace(proxy.url(), "PROXY")
        == snapshot(
            {
                "HTTP, a password is missing": "proxy: unreachable: The proxy ALL_PROXY=PROXY asks for a user name and a password.",
                "HTTP, another password": "proxy: unreachable: The proxy ALL_PROXY=PROXY refuses the user name and password that are set.",
                "SOCKS, a password is missing": "proxy: unreachable: The proxy ALL_PROXY=PROXY asks for a user name and a password.",
                "SOCKS, another password": "proxy: unreachable: The proxy ALL_PROXY=PROXY refuses the user name and password that are set.",
                "403": "proxy: unreachable: The proxy ALL_PROXY=PROXY did not connect to the site (status 403).",
                "502": "proxy: unreachable: The proxy ALL_PROXY=PROXY did not connect to the site (status 502).",
                "no HTTP": "proxy: unreachable: The proxy ALL_PROXY=PROXY broke the connection before the site was reached.",
                "no SOCKS": "proxy: unreachable: The proxy ALL_PROXY=PROXY broke the connection before the site was reached.",
                "closed": "proxy: unreachable: The proxy ALL_PROXY=PROXY broke the connection before the site was reached.",
                "closed by an HTTP proxy": "proxy: unreachable: The proxy ALL_PROXY=PROXY broke the connection before the site was reached.",
            }
        )[refusing]
    )


@pytest.mark.parametrize(
    "value", ["http://127.0.0.1:9", "socks5://127.0.0.1:9", "none", "https://127.0.0.1:9"]
)
@pytest.mark.usefixtures("trusted")
async def test_a_proxy_that_is_not_there_is_named_and_not_the_site(value: str) -> None:
    with environment(HTTPS_PROXY=value):
        assert (await asked(SECURE))[0] == snapshot(
            {
                "http://127.0.0.1:9": "proxy: unreachable: The proxy HTTPS_PROXY=http://127.0.0.1:9 refused the connection, or nothing listens there.",
                "socks5://127.0.0.1:9": "proxy: unreachable: The proxy HTTPS_PROXY=socks5://127.0.0.1:9 refused the connection, or nothing listens there.",
                "none": "proxy: unreachable: The proxy HTTPS_PROXY=none has an unknown host name (DNS).",
                "https://127.0.0.1:9": "proxy: unreachable: The proxy HTTPS_PROXY=https://127.0.0.1:9 refused the connection, or nothing listens there.",
            }
        )[value]


async def test_a_proxy_with_an_untrusted_certificate_is_named(secure: Demo) -> None:
    # It is the site's own port that is taken for a proxy: its certificate is for another name.
    with environment(HTTPS_PROXY=secure.url):
        told, _ = await asked(SECURE)
    assert told.replace(secure.url, "PROXY") == snapshot(
        "proxy: unreachable: The proxy HTTPS_PROXY=PROXY has a TLS certificate that is not trusted (IP address mismatch, certificate is not valid for '127.0.0.1')."
    )


@pytest.mark.parametrize("socks", [True, False], ids=["SOCKS", "HTTP"])
@pytest.mark.usefixtures("trusted")
async def test_a_proxy_that_says_nothing_is_a_timeout_of_which_the_site_knows_nothing(
    demo: Demo, socks: bool
) -> None:
    silent = ProxyServer(demo.url, socks, silent=True)
    with serving_proxy(silent) as proxy, environment(HTTPS_PROXY=proxy.url()):
        told, _ = await asked(SECURE, timeout=0.2)
    assert told.replace(proxy.url(), "PROXY") == snapshot(
        "proxy: timeout: The proxy HTTPS_PROXY=PROXY did not connect to the site in time."
    )


async def test_a_forwarded_request_that_wants_a_password_is_the_proxys(demo: Demo) -> None:
    wanting = ProxyServer(demo.url, False, login="u:p")
    with serving_proxy(wanting) as proxy, environment(http_proxy=proxy.url()):
        told, _ = await asked(PLAIN)
    assert told.replace(proxy.url(), "PROXY") == snapshot(
        "proxy: unreachable: The proxy http_proxy=PROXY asks for a user name and a password."
    )
    assert demo.site.requests == []


@pytest.mark.parametrize("answer", [b"", HTTP_502], ids=["closed", "502"])
@pytest.mark.usefixtures("trusted")
async def test_a_write_that_a_proxy_kept_back_has_written_nothing(answer: bytes) -> None:
    breaking = ProxyServer("", False, answer=answer)
    with serving_proxy(breaking) as proxy, environment(HTTPS_PROXY=proxy.url()):
        site = SiteSession(Connection(SECURE, SecretStr(ADMIN_TOKEN)))
        caller = Caller(site, CallSettings(timeout=20, rate=1000), sleep=no_wait)
        outcome = await caller.call(CREATE, {"categories": [{"name": "x"}]})
        await site.aclose()
    assert outcome.fault is not None
    assert outcome.fault.written == "nothing"
    assert outcome.batch is not None
    assert outcome.batch["not_sent"] == [[0, 0]]


async def test_a_site_behind_a_proxy_that_breaks_afterwards_is_in_doubt(secure: Demo) -> None:
    """Behind the proxy it is the site's connection again, and the request may have arrived."""
    secure.site.faults.append(InjectedFault.drop())
    with serving_proxy(ProxyServer(secure.url)) as proxy, environment(ALL_PROXY=proxy.url()):
        site = SiteSession(Connection(SECURE, SecretStr(ADMIN_TOKEN)))
        with pytest.raises(CallError) as caught:
            await site.send(INFO, timeout=20)
        await site.aclose()
    assert caught.value.delivery is Delivery.UNKNOWN
    assert caught.value.fault.message == snapshot(
        "The connection broke before the answer was complete."
    )


def certificates(tmp_path: Path, name: str, trusted: Path) -> dict[str, str]:
    """An environment with one thing wrong."""
    words = tmp_path / "words.pem"
    words.write_text("no certificate")
    empty = tmp_path / "empty"
    empty.mkdir()
    good = str(trusted)
    return {
        "a file that is missing": {"SSL_CERT_FILE": str(tmp_path / "none.pem")},
        "a file without PEM": {"SSL_CERT_FILE": str(words)},
        "an empty file": {"SSL_CERT_FILE": os.devnull},
        "a folder as the file": {"SSL_CERT_FILE": str(empty)},
        "a name that is no text": {"SSL_CERT_FILE": f"{tmp_path}/\udcff"},
        "a folder that is missing": {"SSL_CERT_FILE": "", "SSL_CERT_DIR": str(tmp_path / "none")},
        "a file as the folder": {"SSL_CERT_FILE": "", "SSL_CERT_DIR": good},
        "a folder without hashes": {"SSL_CERT_FILE": "", "SSL_CERT_DIR": str(empty)},
        "a key log in no folder": {"SSL_CERT_FILE": good, "SSLKEYLOGFILE": str(tmp_path / "none" / "x")},
        "a folder as the key log": {"SSL_CERT_FILE": good, "SSLKEYLOGFILE": str(empty)},
    }[name]  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="Windows says otherwise what is wrong")
@pytest.mark.parametrize(
    "wrong",
    ["a file that is missing", "a file without PEM", "an empty file", "a folder as the file",
     "a name that is no text", "a folder that is missing", "a file as the folder",
     "a folder without hashes", "a key log in no folder", "a folder as the key log"],
)  # fmt: skip
async def test_certificates_that_can_not_be_read_are_named(
    tmp_path: Path, trusted: Path, wrong: str
) -> None:
    with environment(**certificates(tmp_path, wrong, trusted)):
        told, _ = await asked(SECURE)
        with pytest.raises(CallError):
            await token_for_password(SECURE, "u", SecretStr("x"), "all", user_agent="tests")
    assert (
        told.replace(str(tmp_path), "HERE")
        == snapshot(
            {
                "a file that is missing": "environment: unreachable: SSL_CERT_FILE=HERE/none.pem can't be used: there is no such file.",
                "a file without PEM": "environment: unreachable: SSL_CERT_FILE=HERE/words.pem can't be used: it contains no PEM certificates.",
                "an empty file": "environment: unreachable: SSL_CERT_FILE=/dev/null can't be used: it contains no PEM certificates.",
                "a folder as the file": "environment: unreachable: SSL_CERT_FILE=HERE/empty can't be used: it is a folder: use SSL_CERT_DIR for folders.",
                "a name that is no text": "environment: unreachable: SSL_CERT_FILE=HERE/? can't be used: there is no such file.",
                "a folder that is missing": "environment: unreachable: SSL_CERT_DIR=HERE/none can't be used: there is no such folder.",
                "a file as the folder": "environment: unreachable: SSL_CERT_DIR=HERE/authority.pem can't be used: there is no such folder.",
                "a folder without hashes": "environment: unreachable: SSL_CERT_DIR=HERE/empty can't be used: no certificate in it is named by its hash (run `openssl rehash FOLDER`).",
                "a key log in no folder": "environment: unreachable: SSLKEYLOGFILE=HERE/none/x can't be used: it can't be written (FileNotFoundError).",
                "a folder as the key log": "environment: unreachable: SSLKEYLOGFILE=HERE/empty can't be used: it can't be written (IsADirectoryError).",
            }
        )[wrong]
    )


def test_a_folder_of_hashed_certificates_is_used(
    secure: Demo, tmp_path: Path, trusted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "hashed"
    folder.mkdir()
    # The name must have the form; which hash it is, only OpenSSL's own tool tells.
    (folder / "01234567.0").write_bytes(trusted.read_bytes())
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path / 'none'}{os.pathsep}{folder}")
    assert Transport(SECURE, "tests").client(alone=True)


async def test_a_broken_trust_store_of_the_system_is_told() -> None:
    with patch("httpx2.create_ssl_context", side_effect=ssl.SSLError("bad")):
        told, _ = await asked(SECURE)
    assert told == snapshot(
        "environment: unreachable: The system's trusted certificates can't be read (SSLError)."
    )


async def test_an_untrusted_site_is_told_with_the_file_that_alone_is_trusted(
    secure: Demo, trusted: Path
) -> None:
    trustme.CA().cert_pem.write_to_path(str(trusted))
    with serving_proxy(ProxyServer(secure.url)) as proxy, environment(ALL_PROXY=proxy.url()):
        site = SiteSession(Connection(SECURE, SecretStr(ADMIN_TOKEN)))
        with pytest.raises(CallError) as caught:
            await site.info()
        await site.aclose()
    hint = caught.value.fault.advice.replace(os.environ["SSL_CERT_FILE"], "FILE")
    assert (caught.value.stage, hint) == snapshot(
        (
            "TLS",
            "SSL_CERT_FILE=FILE is set, so only the authorities in it are trusted. The operator installs the issuing authority's certificate in this system's trust store, or names a file with it in SSL_CERT_FILE; or corrects the host name in MOODLE_URL.",
        )
    )
