"""Accepted addresses of a site; the token is sent nowhere else."""

from __future__ import annotations

from importlib.resources import files
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.errors import SettingsError
from moodle_mcp.site.address import Address, is_loopback, parse_address, token_warning

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
    "https://m.example/my/": "https://m.example",
    "https://m.example/moodle/my/": "https://m.example/moodle",
    "https://m.example/my/courses.php": "https://m.example",
    "https://m.example/course/view.php?id=2": "https://m.example",
    "https://m.example/login/": "https://m.example",
    "https://m.example/moodle/login/forgot_password.php": "https://m.example/moodle",
    "https://m.example/user/profile.php": "https://m.example",
    "https://m.example/?redirect=0": "https://m.example",
    "https://m.example/moodle/?redirect=0": "https://m.example/moodle",
    "https://m.example/webservice/rest/server.php?wsfunction=x": "https://m.example",
    "https://m.example/mod/forum/view.php?id=3#p7": "https://m.example",
    "https://m.example/admin/settings.php?section=webservicesoverview": "https://m.example",
    "https://m.example/admin/tool/mobile/launch.php": "https://m.example",
    "https://m.example/admin": "https://m.example",
    "https://m.example/grade/report/grader/index.php?id=2": "https://m.example",
    "https://m.example/pluginfile.php/12/mod_page/content/1/a.pdf": "https://m.example",
    "https://m.example/mod/board/view.php?id=9": "https://m.example",
    "https://m.example/#top": "https://m.example",
    "https://m.example#": "https://m.example",
    "https://m.example/?": "https://m.example",
    "https://m.example/?q=a@b.example": "https://m.example",
    "https://m.example?@evil.example": "https://m.example",
    "<https://m.example/>": "https://m.example",
    ' "https://m.example/my/". ': "https://m.example",
    "“https://m.example”": "https://m.example",
    "(https://m.example/a)": "https://m.example/a",
    "https://m.example.": "https://m.example",
    "https://m.example./a/": "https://m.example/a",
    "https://m.example.:8443": "https://m.example:8443",
    # A site may stand in a folder that is called as one of Moodle's own.
    "https://m.example/course": "https://m.example/course",
    "https://m.example/course/my/courses.php": "https://m.example/course",
    "https://m.example/files/moodle/course/view.php": "https://m.example/files/moodle",
    "https://m.example/files/moodle/index.php": "https://m.example/files/moodle",
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
    "https://m.example?x=\\1",
    "https://m.example/#a b",
    "https://m.example/x/page.php",
    "https://m.example/x/page.php/my/",
    "https://m.example/my/my/",
    "https://m.example/local/moodle/index.php",
    "https://m.example/mod/newone/course/view.php?id=2",
    "http://m.example/my/",
    "https://user:pass@m.example/my/?token=0123",
    "moodlemobile://token=QUJD",
    "(https://m.example",
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
            "http://m.example": "MOODLE_URL must begin with https://: over http others can read the token on the network (set MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 to allow http)",
            "http://10.0.0.5": "MOODLE_URL must begin with https://: over http others can read the token on the network (set MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 to allow http)",
            "http://192.168.1.1": "MOODLE_URL must begin with https://: over http others can read the token on the network (set MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 to allow http)",
            "http://localhost.evil.example": "MOODLE_URL must begin with https://: over http others can read the token on the network (set MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 to allow http)",
            "http://127.0.0.1.evil.example": "MOODLE_URL must begin with https://: over http others can read the token on the network (set MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 to allow http)",
            "http://2130706433": "MOODLE_URL must begin with https://: over http others can read the token on the network (set MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 to allow http)",
            "http://0.0.0.0": "MOODLE_URL must begin with https://: over http others can read the token on the network (set MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 to allow http)",
            "http://[::ffff:10.0.0.1]": "MOODLE_URL must begin with https://: over http others can read the token on the network (set MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 to allow http)",
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
            "https://m.example/a b": "MOODLE_URL must not contain backslashes, spaces or control characters",
            "https://m.ex ample": "MOODLE_URL must not contain backslashes, spaces or control characters",
            "https://m.example/a\tb": "MOODLE_URL must not contain backslashes, spaces or control characters",
            "https://m.example/\x00": "MOODLE_URL must not contain backslashes, spaces or control characters",
            "https://m.example/a\u200b": "MOODLE_URL must not contain backslashes, spaces or control characters",
            "https://m.example:port": "MOODLE_URL is not an address: expected https://host/path",
            "https://m.example:99999": "MOODLE_URL is not an address: expected https://host/path",
            "https://[::1": "MOODLE_URL is not an address: expected https://host/path",
            "https://☃.example": "MOODLE_URL is not an address: expected https://host/path",
            "https://m.example?x=\\1": "MOODLE_URL must not contain backslashes, spaces or control characters",
            "https://m.example/#a b": "MOODLE_URL must not contain backslashes, spaces or control characters",
            "https://m.example/x/page.php": "MOODLE_URL is the address of a page that doesn't tell where the site begins: use the address of the site's front page, https://host/path",
            "https://m.example/x/page.php/my/": "MOODLE_URL is the address of a page that doesn't tell where the site begins: use the address of the site's front page, https://host/path",
            "https://m.example/my/my/": "MOODLE_URL is the address of a page that doesn't tell where the site begins: use the address of the site's front page, https://host/path",
            "https://m.example/local/moodle/index.php": "MOODLE_URL is the address of a page that doesn't tell where the site begins: use the address of the site's front page, https://host/path",
            "https://m.example/mod/newone/course/view.php?id=2": "MOODLE_URL is the address of a page that doesn't tell where the site begins: use the address of the site's front page, https://host/path",
            "http://m.example/my/": "MOODLE_URL must begin with https://: over http others can read the token on the network (set MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 to allow http)",
            "https://user:pass@m.example/my/?token=0123": "MOODLE_URL must not contain a user name or password. MOODLE_URL contains a token. Others may have seen that token: reset it on the site under Preferences > User account > Security keys, or ask an administrator to delete it.",
            "moodlemobile://token=QUJD": "MOODLE_URL must begin with https://, not moodlemobile://. MOODLE_URL contains a token. Others may have seen that token: reset it on the site under Preferences > User account > Security keys, or ask an administrator to delete it.",
            "(https://m.example": "MOODLE_URL is not a full address: expected https://host/path",
        }
    )
    assert str(caught.value) == expected[url]


PAGES = ("/", "/my/", "/my/courses.php", "/course/view.php", "/login/index.php", "/login/",
        "/user/profile.php", "/user/index.php", "/webservice/rest/server.php", "/index.php",
        "/mod/forum/view.php", "/mod/quiz/attempt.php", "/admin/search.php", "/admin/tool/uploaduser/index.php",
        "/grade/report/user/index.php", "/report/log/index.php", "/question/edit.php", "/message/index.php",
        "/calendar/view.php", "/badges/mybadges.php", "/pluginfile.php/5/user/icon/boost/f1",
        "/theme/image.php/boost/core/1/f/pdf", "/r.php/api/rest/v2/openapi.json", "/course/search.php",
)  # fmt: skip

_OWN = files("moodle_mcp.site").joinpath("page_paths.txt").read_text(encoding="utf-8")
_FOLDERS = {row.partition(":")[0] for row in _OWN.splitlines() if ":" in row} | {"local"}

names = st.from_regex(r"[A-Za-z0-9_~-]{1,12}", fullmatch=True).filter(
    lambda name: name not in _FOLDERS
)
hosts = st.sampled_from(
    ["https://m.example", "https://m.example:8443", "https://[2001:db8::1]", "https://10.0.0.5",
     "http://localhost:8080", "http://127.0.0.1", "https://münchen.example"]
)  # fmt: skip
paths = st.lists(names, max_size=3).map(lambda parts: "".join(f"/{part}" for part in parts))
bases = st.builds("{}{}".format, hosts, paths)
letters = st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="\\#.,;)>\"'")
queries = st.text(letters, max_size=30).map(lambda text: f"?{text}") | st.just("")
fragments = st.text(letters, max_size=10).map(lambda text: f"#{text}") | st.just("")


@given(bases, st.sampled_from(PAGES), queries, fragments)
def test_every_page_of_a_site_leads_to_its_base(
    base: str, page: str, query: str, fragment: str
) -> None:
    address = parse_address(f"{base}{page}{query}{fragment}")
    assert address.base == base
    assert parse_address(address.base) == address


@given(st.sampled_from(["", "/sub", "/my/courses.php"]), queries, fragments)
def test_what_is_refused_for_safety_stays_refused_as_a_page(
    page: str, query: str, fragment: str
) -> None:
    for begin in ("https://u:p@m.example", "https://u@m.example", "http://m.example",
        "ftp://m.example", "file://m.example", "https://m.example\\", "//m.example"):  # fmt: skip
        with pytest.raises(SettingsError):
            parse_address(f"{begin}{page}{query}{fragment}")


@given(
    st.text(
        st.sampled_from("https://m.example?#@\\ <>\"'.;my/course/view.php/index/admin/a"),
        max_size=60,
    )
)
def test_what_is_accepted_is_its_own_base_at_an_accepted_place(text: str) -> None:
    try:
        address = parse_address(f"https://m.example/{text}")
    except SettingsError:
        return
    assert parse_address(address.base) == address
    parts = urlsplit(address.base)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == (
        "https", "m.example", "", "",
    )  # fmt: skip
    assert "\\" not in address.base


TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "page",
    [f"/webservice/rest/server.php?wstoken={TOKEN}&x=1", "/?token=s3cret", "/my/?a=1&TOKEN=s3cret",
     "/login/token.php?privatetoken=s3cret", f"/tokenpluginfile.php/{TOKEN}/5/user/icon/f1",
     "/calendar/export_execute.php?userid=2&authtoken=s3cret", f"/rss/file.php/26/{TOKEN}/mod_forum/1",
     f"#token={TOKEN}"],
)  # fmt: skip
def test_a_token_in_an_address_is_dropped_and_told(page: str) -> None:
    address = parse_address(f"https://m.example/sub{page}")
    assert address.base == "https://m.example/sub"
    warning = token_warning(address)
    assert warning == snapshot(
        "MOODLE_URL contains a token. Others may have seen that token: reset it on the site under Preferences > User account > Security keys, or ask an administrator to delete it. Using https://m.example/sub."
    )
    with pytest.raises(SettingsError) as caught:
        parse_address(f"http://m.example/sub{page}")
    for secret in (TOKEN, "s3cret"):
        assert secret not in f"{address}{caught.value}"
    assert "reset it on the site" in str(caught.value)


@pytest.mark.parametrize(
    "url", [f"https://{'a.' * 127}example", f"https://m.example/{'a' * 70_000}"]
)
def test_what_is_too_long_for_an_address_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"is not an address: .* too long"):
        parse_address(url)


def test_no_token_no_warning() -> None:
    for url in ("https://m.example/my/?logintoken=1", f"https://m.example/{TOKEN}/my/"):
        assert token_warning(parse_address(url)) is None


def test_what_was_written_is_not_repeated_for_it_may_hold_a_password() -> None:
    for url in ["https://user:s3cret@m.example", "http://m.example/?token=s3cret"]:
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
