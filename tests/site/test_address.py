"""Which addresses of a site are accepted: the token goes to one of these and nowhere else."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from moodle_mcp.errors import SettingsError
from moodle_mcp.site.address import Address, is_loopback, parse_address

ACCEPTED = {
    "https://m.example": "https://m.example",
    "https://m.example/": "https://m.example",
    "https://m.example/sub": "https://m.example/sub",
    "https://m.example/sub//": "https://m.example/sub",
    "  https://m.example/sub\n": "https://m.example/sub",
    "https://m.example:8443/sub": "https://m.example:8443/sub",
    "https://m.example/login/index.php": "https://m.example",
    "https://m.example/sub/index.php": "https://m.example/sub",
    "https://m.example/sub/webservice/rest/server.php": "https://m.example/sub",
    "https://m.example/sub/webservice/restful/server.php": "https://m.example/sub",
    "HTTPS://M.Example/Sub": "https://M.Example/Sub",
    "https://[2001:db8::1]:8443/m": "https://[2001:db8::1]:8443/m",
    "https://10.0.0.5/moodle": "https://10.0.0.5/moodle",
    "https://xn--mnchen-3ya.example": "https://xn--mnchen-3ya.example",
    "https://münchen.example/m": "https://münchen.example/m",
    "http://localhost:8080": "http://localhost:8080",
    "http://127.0.0.1/moodle": "http://127.0.0.1/moodle",
    "http://127.8.8.8": "http://127.8.8.8",
    "http://[::1]:8000": "http://[::1]:8000",
}


@pytest.mark.parametrize("url", ACCEPTED)
def test_an_address_is_taken_without_what_was_pasted_with_it(url: str) -> None:
    address = parse_address(url)
    assert address == Address(ACCEPTED[url])


@pytest.mark.parametrize("url", ACCEPTED)
def test_an_accepted_address_stays_as_it_is(url: str) -> None:
    base = parse_address(url).base
    assert parse_address(base).base == base


REFUSED = [
    "",
    "m.example",
    "m.example/sub",
    "//m.example",
    "https://",
    "https:///sub",
    "https:m.example",
    "http://m.example",
    "http://10.0.0.5",
    "http://192.168.1.1",
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example",
    "http://2130706433",
    "http://0.0.0.0",
    "http://[::ffff:10.0.0.1]",
    "file:///etc/passwd",
    "file://m.example/x",
    "ftp://m.example",
    "javascript://m.example",
    "https://user:pass@m.example",
    "https://user@m.example",
    "https://@m.example",
    "https://:@m.example",
    "https://m.example\\@evil.example",
    "https://m.example\\.evil.example",
    "https://m.example/\\evil",
    "https://m.example?x=1",
    "https://m.example/?",
    "https://m.example/sub?token=1",
    "https://m.example/#a",
    "https://m.example#",
    "https://m.example/a b",
    "https://m.ex ample",
    "https://m.example/a\tb",
    "https://m.example/\x00",
    "https://m.example/a\u200b",
    "https://m.example:port",
    "https://m.example:99999",
    "https://[::1",
    "https://☃.example",
]


@pytest.mark.parametrize("url", REFUSED)
def test_anything_else_stops_the_start_with_one_line_that_names_the_setting(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_address(url)
    expected = snapshot(
        {
            "": "MOODLE_URL is not a full address: expected https://host/path",
            "m.example": "MOODLE_URL is not a full address: expected https://host/path",
            "m.example/sub": "MOODLE_URL is not a full address: expected https://host/path",
            "//m.example": "MOODLE_URL is not a full address: expected https://host/path",
            "https://": "MOODLE_URL is not a full address: expected https://host/path",
            "https:///sub": "MOODLE_URL is not a full address: expected https://host/path",
            "https:m.example": "MOODLE_URL is not a full address: expected https://host/path",
            "http://m.example": "MOODLE_URL must begin with https://: over http the token could be read on its way (MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 allows it all the same)",
            "http://10.0.0.5": "MOODLE_URL must begin with https://: over http the token could be read on its way (MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 allows it all the same)",
            "http://192.168.1.1": "MOODLE_URL must begin with https://: over http the token could be read on its way (MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 allows it all the same)",
            "http://localhost.evil.example": "MOODLE_URL must begin with https://: over http the token could be read on its way (MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 allows it all the same)",
            "http://127.0.0.1.evil.example": "MOODLE_URL must begin with https://: over http the token could be read on its way (MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 allows it all the same)",
            "http://2130706433": "MOODLE_URL must begin with https://: over http the token could be read on its way (MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 allows it all the same)",
            "http://0.0.0.0": "MOODLE_URL must begin with https://: over http the token could be read on its way (MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 allows it all the same)",
            "http://[::ffff:10.0.0.1]": "MOODLE_URL must begin with https://: over http the token could be read on its way (MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 allows it all the same)",
            "file:///etc/passwd": "MOODLE_URL is not a full address: expected https://host/path",
            "file://m.example/x": "MOODLE_URL must begin with https://, not file://",
            "ftp://m.example": "MOODLE_URL must begin with https://, not ftp://",
            "javascript://m.example": "MOODLE_URL must begin with https://, not javascript://",
            "https://user:pass@m.example": "MOODLE_URL must not contain a user name or password",
            "https://user@m.example": "MOODLE_URL must not contain a user name or password",
            "https://@m.example": "MOODLE_URL must not contain a user name or password",
            "https://:@m.example": "MOODLE_URL must not contain a user name or password",
            "https://m.example\\@evil.example": "MOODLE_URL must not contain a user name or password",
            "https://m.example\\.evil.example": "MOODLE_URL must not contain backslashes, spaces or control characters",
            "https://m.example/\\evil": "MOODLE_URL must not contain backslashes, spaces or control characters",
            "https://m.example?x=1": "MOODLE_URL must not contain ? or #: expected https://host/path",
            "https://m.example/?": "MOODLE_URL must not contain ? or #: expected https://host/path",
            "https://m.example/sub?token=1": "MOODLE_URL must not contain ? or #: expected https://host/path",
            "https://m.example/#a": "MOODLE_URL must not contain ? or #: expected https://host/path",
            "https://m.example#": "MOODLE_URL must not contain ? or #: expected https://host/path",
            "https://m.example/a b": "MOODLE_URL must not contain backslashes, spaces or control characters",
            "https://m.ex ample": "MOODLE_URL must not contain backslashes, spaces or control characters",
            "https://m.example/a\tb": "MOODLE_URL must not contain backslashes, spaces or control characters",
            "https://m.example/\x00": "MOODLE_URL must not contain backslashes, spaces or control characters",
            "https://m.example/a\u200b": "MOODLE_URL must not contain backslashes, spaces or control characters",
            "https://m.example:port": "MOODLE_URL is not an address: expected https://host/path",
            "https://m.example:99999": "MOODLE_URL is not an address: expected https://host/path",
            "https://[::1": "MOODLE_URL is not an address: expected https://host/path",
            "https://☃.example": "MOODLE_URL is not an address: expected https://host/path",
        }
    )
    assert str(caught.value) == expected[url]


def test_what_was_written_is_not_repeated_for_it_may_hold_a_password() -> None:
    for url in ["https://user:s3cret@m.example", "https://m.example/?token=s3cret"]:
        with pytest.raises(SettingsError) as caught:
            parse_address(url)
        assert "s3cret" not in str(caught.value)


def test_plain_http_needs_the_operators_word() -> None:
    address = parse_address("http://m.example/sub", plain_http_allowed=True)
    assert address.base == "http://m.example/sub"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("0.0.0.0", False),  # noqa: S104
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("127.1", False),
        ("0x7f000001", False),
        ("", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
