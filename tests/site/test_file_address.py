"""URLs of this site's files, and the requests for them."""

from __future__ import annotations

from urllib.parse import quote, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.errors import CallError, Delivery
from moodle_mcp.site.address import Address
from moodle_mcp.site.file_address import FileAddress, file_address

SITE = Address("https://m.example/sub")
KEY = "0123456789abcdef" * 2
BASE = f"{SITE.base}/webservice/pluginfile.php"


def fetched(url: str) -> FileAddress:
    return file_address(url, SITE)


def refusal(url: str, site: Address = SITE) -> CallError:
    with pytest.raises(CallError) as caught:
        file_address(url, site)
    error = caught.value
    assert error.fault.kind.code == "invalid_arguments"
    assert error.delivery is Delivery.NOT_SENT
    return error


def test_an_address_of_either_script_is_fetched_from_the_one_that_takes_the_token() -> None:
    expected = FileAddress(
        "/webservice/pluginfile.php/454/mod_resource/content/0/%C3%9Cbersicht%201%20%20more.txt",
        "Übersicht 1  more.txt",
    )
    path = "454/mod_resource/content/0/%C3%9Cbersicht%201%20%20more.txt"
    assert fetched(f"{BASE}/{path}?forcedownload=1") == expected
    assert fetched(f"{SITE.base}/pluginfile.php/{path}") == expected


def test_a_name_that_was_pasted_unencoded_is_encoded() -> None:
    assert fetched(f"{BASE}/4/a/Übersicht 1.txt").path == (
        "/webservice/pluginfile.php/4/a/%C3%9Cbersicht%201.txt"
    )


def test_of_the_query_only_the_preview_is_kept_and_a_token_never() -> None:
    url = f"{BASE}/4/a/b.png?forcedownload=1&token={KEY}&preview=thumb&rev=12&offline=1"
    assert fetched(url) == FileAddress(
        "/webservice/pluginfile.php/4/a/b.png", "b.png", (("preview", "thumb"),)
    )
    assert fetched(f"{BASE}/4/a/b.png?preview=../../x").fields == ()


def test_a_site_without_slash_arguments_names_the_path_in_the_query() -> None:
    expected = FileAddress(
        "/webservice/pluginfile.php", "Ü 1.txt", (("file", "/4/mod_x/content/0/Ü 1.txt"),)
    )
    url = f"{SITE.base}/pluginfile.php?file=%2F4%2Fmod_x%2Fcontent%2F0%2F%C3%9C%201.txt"
    assert fetched(f"{url}&forcedownload=1") == expected


def test_a_percent_sign_in_a_name_stays_one() -> None:
    assert fetched(f"{BASE}/4/a/100%25.txt").name == "100%.txt"
    assert fetched(f"{BASE}/4/a/b%2520c.txt").path.endswith("/4/a/b%2520c.txt")


@pytest.mark.parametrize(
    "url",
    [
        "https://m.example.evil.com/sub/webservice/pluginfile.php/4/a/b",
        "https://m.example@evil.com/sub/webservice/pluginfile.php/4/a/b",
        "https://evil.com@m.example/sub/webservice/pluginfile.php/4/a/b",
        "https://m.example:444/sub/webservice/pluginfile.php/4/a/b",
        "https://m.example:x/sub/webservice/pluginfile.php/4/a/b",
        "http://m.example/sub/webservice/pluginfile.php/4/a/b",
        "//m.example/sub/webservice/pluginfile.php/4/a/b",
        "//evil/sub/webservice/pluginfile.php/4/a/b",
        "/sub/webservice/pluginfile.php/4/a/b",
        "/etc/passwd",
        "file:///etc/passwd",
        "https://m.example/other/webservice/pluginfile.php/4/a/b",
        "https://m.example/sub/../other/webservice/pluginfile.php/4/a/b",
        "https://m.example/webservice/pluginfile.php/4/a/b",
        "https://m.example/subway/webservice/pluginfile.php/4/a/b",
        "https://m.example/sub/webservice/pluginfile.phpx/4/a/b",
        "https://m.example/sub/webservice/rest/server.php",
        "https://m.example/sub/login/token.php",
        "https://example.com/",
        "https://[::1/sub/webservice/pluginfile.php/4/a/b",
        "",
        "x" * 5000,
    ],
)
def test_another_site_script_or_scheme_is_refused(url: str) -> None:
    refusal(url)


@pytest.mark.parametrize(
    "path",
    [
        "/../../login/token.php",
        "/4/../../../login/token.php",
        "/%2e%2e/%2e%2e/login/token.php",
        "/4/%2E%2E/b",
        "/4/%252e%252e%252flogin%252ftoken.php",
        "/4/%25252e%25252e/b",
        "/4/..%2f..%2flogin/token.php",
        "/4/a%2fb",
        "/4/a%5cb",
        "/4/..\\..\\b",
        "/4/a%255c..%255cb",
        "/4//b",
        "//4/b",
        "/4/a/",
        "/4/./b",
        "/4/a%00.txt",
        "/4/a%2500.txt",
        "/4/a%0d%0aHost:%20evil",
        "/4/a\r\nHost: evil",
        "/4/a\tb",
        "/4/a%C2%85b",
        "/4/a%" + "25" * 9 + "41",
        "/4/a#b",
        "/4/a#",
        "/4",
        "/",
        "",
        "?file=/4/../../login/token.php",
        "?file=%2F4%2F%252e%252e%2Fb",
        "?file=",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    refusal(f"{BASE}{path}")
    refusal(f"{SITE.base}/pluginfile.php{path}")


def test_host_and_scheme_are_compared_as_addresses_are_and_the_path_exactly() -> None:
    assert fetched("HTTPS://M.Example:443/sub/pluginfile.php/4/a/b").name == "b"
    refusal("https://m.example/Sub/pluginfile.php/4/a/b")


def test_loopback_by_another_name_is_another_site() -> None:
    refusal("http://localhost:80/pluginfile.php/4/a/b", Address("http://127.0.0.1"))


def test_what_is_refused_says_what_is_right() -> None:
    fault = refusal("https://example.com/").fault
    assert fault.report() == snapshot(
        {
            "kind": "invalid_arguments",
            "message": "Nothing was fetched: url is not an address of this site.",
            "hint": "Pass a file's address as an answer gives it (`fileurl`), for example from core_course_get_contents: https://m.example/sub/webservice/pluginfile.php/...",
            "parameters": [
                {
                    "path": "url",
                    "problem": "is not an address of this site",
                    "allowed": "https://m.example/sub/webservice/pluginfile.php/...",
                }
            ],
            "retryable": False,
            "written": "nothing",
        }
    )


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (f"tokenpluginfile.php/{KEY}/4/a/b", "tokenpluginfile.php/"),
        ("draftfile.php/5/user/draft/1/a.txt", "Draft areas"),
        ("theme/image.php/boost/core/1/u/f1", "theme"),
    ],
)
def test_moodles_other_scripts_are_refused_with_what_to_do(script: str, said: str) -> None:
    fault = refusal(f"{SITE.base}/{script}").fault
    assert said in fault.advice
    assert KEY not in str(fault.report())


@given(st.lists(st.text(), max_size=6), st.sampled_from(["", "webservice/"]))
def test_whatever_the_segments_nothing_but_files_is_ever_addressed(
    segments: list[str], script: str
) -> None:
    url = f"{SITE.base}/{script}pluginfile.php/{'/'.join(segments)}"
    for each in (url, f"{SITE.base}/{script}pluginfile.php/{quote('/'.join(segments))}"):
        try:
            file = file_address(each, SITE)
        except CallError:
            continue
        sent = urlsplit(f"{SITE.base}{file.path}")
        assert (sent.scheme, sent.netloc, sent.query, sent.fragment) == (
            "https", "m.example", "", "",
        )  # fmt: skip
        assert sent.path.startswith("/sub/webservice/pluginfile.php/")
        parts = unquote(sent.path).split("/")
        assert not {"", ".", ".."} & set(parts[1:])
