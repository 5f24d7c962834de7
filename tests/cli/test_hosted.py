"""`serve --http` with sign-in as a process, `demo --hosted`, and the settings of both."""

from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trustme

from moodle_mcp.auth import attempts
from moodle_mcp.auth.keys import new_keys, write_keys
from tests.support.demo import Demo
from tests.support.hosted import Agent, Browser, HostedSite, free_port
from tests.support.hosted_process import command, running
from tests.support.hosted_users import User

pytestmark = pytest.mark.anyio

INFO = "core_webservice_get_site_info"


def refused(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Run the program, which must stop at once; return its status and what it says."""
    kept = {name: value for name, value in os.environ.items() if "MOODLE" not in name}
    done = subprocess.run(
        command(*arguments), capture_output=True, text=True, env={**kept, **environment}, timeout=60
    )
    return done.returncode, done.stderr.strip()


@pytest.fixture
def settings(demo: Demo, tmp_path: Path) -> dict[str, str]:
    keys = tmp_path / "keys"
    write_keys(keys, new_keys(0))
    return {
        "MOODLE_URL": demo.url,
        "MOODLE_MCP_AUTH": "oauth",
        "MOODLE_MCP_SERVICE": "all",
        "MOODLE_MCP_STORE": str(tmp_path / "store"),
        "MOODLE_MCP_SECRET_KEY_FILE": str(keys),
        "MOODLE_MCP_LOG_LEVEL": "debug",
    }


def site_at(url: str, demo: Demo) -> HostedSite:
    nothing: Any = None
    return HostedSite(url, nothing, demo)


async def test_grants_outlive_a_restart_and_the_log_has_no_secret(
    settings: dict[str, str], demo: Demo
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    arguments = ("serve", "--http", url.removeprefix("http://"), "--public-url", url)
    agent = Agent(site_at(url, demo))
    logs: list[str] = []
    with running(settings, *arguments) as process:
        tokens = await agent.tokens("teacher1")
        assert "result" in await User(agent, tokens["access_token"]).call(INFO)
        process.send_signal(signal.SIGTERM)
        logs.append(process.communicate(timeout=30)[0])
        assert process.returncode == 0
    with running(settings, *arguments) as process:
        assert "result" in await User(agent, tokens["access_token"]).call(INFO)
        fresh = (await agent.refresh(tokens["refresh_token"])).json()
        assert (await agent.call(fresh["access_token"])).status_code == 200
        process.send_signal(signal.SIGTERM)
        logs.append(process.communicate(timeout=30)[0])
    await agent.aclose()
    secrets = [*demo.site.tokens, tokens["access_token"], tokens["refresh_token"]]
    assert not any(secret in log for secret in secrets for log in logs)
    assert all(logs), "something is logged at this level"


async def test_the_demo_is_one_command(demo: Demo) -> None:
    port = free_port()
    with running({}, "demo", "--hosted", "--port", str(port)):
        url = f"http://localhost:{port}"
        browser = Browser(url)
        page = await browser.sign_in(await browser.get("/connections"), "student1")
        assert "No application is connected." in page.text
        await browser.aclose()
        agent = Agent(site_at(url, demo))
        tokens = await agent.tokens("admin")
        assert "result" in await User(agent, tokens["access_token"]).call(INFO)
        await agent.aclose()


async def test_tls_comes_from_files(settings: dict[str, str], tmp_path: Path, demo: Demo) -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.write_bytes(b"".join(each.bytes() for each in leaf.cert_chain_pems))
    leaf.private_key_pem.write_to_path(str(key))
    url = f"https://127.0.0.1:{free_port()}"
    more = {"MOODLE_MCP_TLS_CERTIFICATE": str(certificate), "MOODLE_MCP_TLS_KEY": str(key)}
    listen = url.removeprefix("https://")
    with running({**settings, **more}, "serve", "--http", listen, "--public-url", url):
        trusted = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
        async with httpx2.AsyncClient(verify=trusted, trust_env=False) as http:
            answer = await http.get(f"{url}/connections")
            cookie = answer.headers["set-cookie"]
            assert cookie.startswith("__Host-moodle-mcp=")
            assert "; Secure" in cookie


@pytest.mark.parametrize(("trusted", "limited"), [("127.0.0.1", False), ("192.0.2.1", True)])
async def test_only_a_trusted_proxy_may_name_the_client(
    settings: dict[str, str], demo: Demo, trusted: str, limited: bool
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    more = {"MOODLE_MCP_TRUSTED_PROXIES": trusted, "MOODLE_MCP_STORE": "memory"}
    listen = url.removeprefix("http://")
    with running({**settings, **more}, "serve", "--http", listen, "--public-url", url):
        agent = Agent(site_at(url, demo))
        statuses: list[int] = []
        for number in range(attempts.REGISTRATIONS + 1):
            agent.http.headers["X-Forwarded-For"] = f"198.51.100.{number}"
            statuses.append((await agent.register()).status_code)
        assert (statuses[-1] == 429) is limited
        await agent.aclose()


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "no public address": ({}, "MOODLE_MCP_PUBLIC_URL is missing: set it, or pass --public-url"),
    "plain http": (
        {"MOODLE_MCP_PUBLIC_URL": "http://mcp.example"},
        "MOODLE_MCP_PUBLIC_URL must be an https address; http only on this machine",
    ),
    "a path": (
        {"MOODLE_MCP_PUBLIC_URL": "https://mcp.example/moodle"},
        "MOODLE_MCP_PUBLIC_URL must not have a path: clients look for metadata at the root",
    ),
    "a token": (
        {"MOODLE_MCP_PUBLIC_URL": "https://mcp.example", "MOODLE_TOKEN": "0" * 32},
        "MOODLE_TOKEN must not be set with MOODLE_MCP_AUTH=oauth: everybody acts with their own "
        "rights",
    ),
    "no keys": (
        {"MOODLE_MCP_PUBLIC_URL": "https://mcp.example", "MOODLE_MCP_SECRET_KEY_FILE": ""},
        "MOODLE_MCP_SECRET_KEY_FILE is missing: make one with `moodle-mcp keys new FILE`",
    ),
    "another store": (
        {"MOODLE_MCP_PUBLIC_URL": "https://mcp.example", "MOODLE_MCP_STORE": "mysql://x"},
        "MOODLE_MCP_STORE must begin with redis:// or rediss://, or be a folder",
    ),
    "a password in the address": (
        {"MOODLE_MCP_PUBLIC_URL": "https://mcp.example", "MOODLE_MCP_STORE": "redis://:pw@h:1/0"},
        "MOODLE_MCP_STORE must not contain a password: use MOODLE_MCP_STORE_PASSWORD_FILE",
    ),
    "a proxy that is no address": (
        {"MOODLE_MCP_PUBLIC_URL": "https://mcp.example", "MOODLE_MCP_TRUSTED_PROXIES": "proxy"},
        "MOODLE_MCP_TRUSTED_PROXIES: proxy is not an address or network",
    ),
    "half of TLS": (
        {"MOODLE_MCP_PUBLIC_URL": "https://mcp.example", "MOODLE_MCP_TLS_KEY": "/etc/hosts"},
        "MOODLE_MCP_TLS_CERTIFICATE is missing: a certificate needs its key",
    ),
}


@pytest.mark.parametrize(("changed", "line"), WRONG.values(), ids=[*WRONG])
def test_a_wrong_setting_stops_the_start_with_one_line(
    settings: dict[str, str], changed: dict[str, str], line: str
) -> None:
    status, said = refused({**settings, **changed}, "serve", "--http", "127.0.0.1:0")
    assert (status, said) == (2, f"moodle-mcp: {line}")


def test_without_sign_in_only_this_machine_is_served(settings: dict[str, str]) -> None:
    own = {**settings, "MOODLE_MCP_AUTH": "none", "MOODLE_TOKEN": "0" * 32}
    status, said = refused(own, "serve", "--http", "192.0.2.1:0")
    assert status == 2
    assert "is not a loopback address" in said
    status, said = refused(own, "serve", "--http", "0", "--public-url", "https://mcp.example")
    assert status == 2
    assert "--public-url needs MOODLE_MCP_AUTH=oauth" in re.sub(r"\s+", " ", said)
