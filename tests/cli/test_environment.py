"""Wrong proxies and certificates in the environment, on the command line and in the server."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
import trustme
from inline_snapshot import snapshot

from moodle_mcp.demo import ADMIN_TOKEN, DEMO_PASSWORD, DemoSite, serving
from tests.support.command import Ran, run
from tests.support.proxies import ProxyServer, serving_proxy
from tests.support.serving import NOW
from tests.support.stdio import serving_stdio

HOST = "moodle.school.example"
INFO = "core_webservice_get_site_info"
WRONG: dict[str, dict[str, str]] = {
    "proxy": {"ALL_PROXY": "socks4://u:s3cret@127.0.0.1:9"},
    "certificates": {"SSL_CERT_FILE": "/nosuch/authority.pem"},
}
MESSAGES = {
    "proxy": "The proxy setting ALL_PROXY=socks4://127.0.0.1:9 can't be used: the scheme socks4 is not supported; expected http://host:port, https://host:port or socks5://host:port.",
    "certificates": "SSL_CERT_FILE=/nosuch/authority.pem can't be used: there is no such file.",
}

Program = Callable[..., Ran]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("SSL"):
            monkeypatch.delenv(name)


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """A site that only a proxy can find."""
    folder = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    return {"MOODLE_URL": f"https://{HOST}/my/", "MOODLE_TOKEN": ADMIN_TOKEN, **folder}


@pytest.fixture
def site(tmp_path: Path, settings: dict[str, str]) -> Generator[str]:
    """The site with a certificate that is trusted."""
    authority, file = trustme.CA(), tmp_path / "site.pem"
    authority.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(str(file))
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    settings["SSL_CERT_FILE"] = str(tmp_path / "authority.pem")
    with serving(DemoSite(now=NOW).app, certificate=file) as url:
        yield url


@pytest.mark.parametrize("wrong", WRONG)
def test_a_call_ends_with_the_error(settings: dict[str, str], wrong: str) -> None:
    ran = run("call", INFO, environment={**settings, **WRONG[wrong]})
    error = json.loads(ran.out)["error"]
    assert (ran.status, ran.err) == (1, "")
    assert (error["kind"], error["message"], error["written"]) == (
        "unreachable", MESSAGES[wrong], "nothing",
    )  # fmt: skip
    assert "s3cret" not in ran.out


@pytest.mark.parametrize("wrong", WRONG)
def test_the_check_has_one_failed_line(settings: dict[str, str], wrong: str) -> None:
    ran = run("check", environment={**settings, **WRONG[wrong]})
    first, todo, *others = ran.out.splitlines()
    assert (ran.status, ran.err) == (1, "")
    assert first.split(maxsplit=2) == ["failed", "environment", MESSAGES[wrong]]
    assert "The operator corrects" in todo
    assert {line.split()[0] for line in others} == {"skipped"}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("way", [(), ("--sso",)], ids=["password", "browser"])
def test_a_sign_in_ends_with_the_error(
    settings: dict[str, str], wrong: str, way: tuple[str, ...]
) -> None:
    environment = {"XDG_CONFIG_HOME": settings["XDG_CONFIG_HOME"], **WRONG[wrong]}
    ran = run("login", f"https://{HOST}", *way, environment=environment, input="u\nw0rd\n")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith(f"moodle-mcp: {MESSAGES[wrong]}\n  -> The operator corrects ")
    assert "s3cret" not in ran.err


@pytest.mark.parametrize("wrong", WRONG)
def test_the_server_lists_its_tools_and_answers_calls_with_the_error(
    settings: dict[str, str], wrong: str
) -> None:
    with serving_stdio({**settings, **WRONG[wrong]}) as wire:
        assert wire.ask("tools/list")["result"]["tools"]
        for name, arguments in (
            (INFO, {}),
            ("download_file", {"url": f"https://{HOST}/pluginfile.php/1/a/b/0/c"}),
        ):
            result = wire.call(name, arguments)
            assert result["isError"]
            error = result["structuredContent"]["error"]
            assert (error["kind"], error["message"]) == ("unreachable", MESSAGES[wrong])
        status, log = wire.close()
    assert status == 0
    assert "Traceback" not in log
    assert "s3cret" not in log


def test_everything_goes_through_a_socks_proxy(
    site: str, settings: dict[str, str], tmp_path: Path
) -> None:
    with serving_proxy(ProxyServer(site, login="u:s3cret")) as proxy:
        settings["ALL_PROXY"] = proxy.url("u:s3cret")
        checked = run("check", environment=settings)
        with serving_stdio(settings) as wire:
            called = wire.call(INFO, {})
        anonymous = {
            name: settings[name] for name in ("ALL_PROXY", "SSL_CERT_FILE", "XDG_CONFIG_HOME")
        }
        sign_in = (
            "login",
            f"https://{HOST}/login/index.php",
            "--service",
            "all",
            "--keep-in",
            "file",
        )
        signed = run(*sign_in, environment=anonymous, input=f"teacher1\n{DEMO_PASSWORD}\n")
    assert (checked.status, signed.status) == (0, 0)
    assert checked.out.splitlines()[1] == f"ok       proxy           ALL_PROXY={proxy.url()}"
    assert not called.get("isError")
    assert signed.err == f"moodle-mcp: using https://{HOST}\n"
    assert f", https://{HOST}\n" in signed.out
    assert set(proxy.asked) == {f"{HOST}:443"}
    assert "s3cret" not in f"{checked}{called}{signed}"


def test_a_token_in_the_address_is_warned_of_everywhere(
    site: str, settings: dict[str, str]
) -> None:
    secret = "0123456789abcdef0123456789abcdef"
    settings["MOODLE_URL"] = f"https://{HOST}/webservice/rest/server.php?wstoken={secret}"
    with serving_proxy(ProxyServer(site)) as proxy:
        settings["ALL_PROXY"] = proxy.url()
        checked = run("check", environment=settings)
        called = run("call", INFO, environment=settings)
        with serving_stdio(settings) as wire:
            wire.call(INFO, {})
            _, log = wire.close()
    for text in (checked.err, called.err, log):
        assert text.partition("WARNING ")[2] == snapshot(
            "moodle_mcp.cli.common: MOODLE_URL contains a token. Others may have seen that token: reset it on the site under Preferences > User account > Security keys, or ask an administrator to delete it. Using https://moodle.school.example.\n"
        )
    assert "warning  pasted token" in checked.out
    assert (checked.status, called.status) == (0, 0)
    assert secret not in f"{checked}{called}{log}"


def test_a_sign_in_with_a_token_in_the_address_keeps_nothing_of_it(
    site: str, settings: dict[str, str]
) -> None:
    secret = "0123456789abcdef0123456789abcdef"
    with serving_proxy(ProxyServer(site)) as proxy:
        environment = {
            "ALL_PROXY": proxy.url(), "SSL_CERT_FILE": settings["SSL_CERT_FILE"],
            "XDG_CONFIG_HOME": settings["XDG_CONFIG_HOME"],
        }  # fmt: skip
        page = f"https://{HOST}/my/?token={secret}"
        sign_in = ("login", page, "--service", "all", "--keep-in", "file")
        ran = run(*sign_in, environment=environment, input=f"teacher1\n{DEMO_PASSWORD}\n")
    assert ran.status == 0
    assert "The address contains a token." in ran.err
    kept = [
        file.read_text() for file in Path(settings["XDG_CONFIG_HOME"]).rglob("*") if file.is_file()
    ]
    assert len(kept) == 2
    assert secret not in f"{ran}{kept}"
