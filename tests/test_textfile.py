"""Decoding of text files that people write."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.textfile import TextError, decoded, known_encoding

TEXTS = st.builds(
    str.__add__,
    st.sampled_from("{[#a\n"),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
)
"""Texts that begin with an ASCII character, as keys, JSON, TOML and tokens do."""

WIDE = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]


@given(TEXTS, st.sampled_from(["utf-8", "utf-8-sig"]))
def test_utf8_is_read_with_and_without_a_mark(text: str, codec: str) -> None:
    assert decoded(text.encode(codec)) == text


@given(TEXTS.filter(lambda text: len(text) > 1), st.sampled_from(WIDE))
def test_wide_encodings_are_recognised_and_read_when_they_are_named(text: str, codec: str) -> None:
    data = text.encode(codec)
    family = known_encoding(codec)
    assert decoded(data, family) == text
    with pytest.raises(TextError) as caught:
        decoded(data)
    assert caught.value.likely == family


@given(st.text(st.characters(codec="cp1252", exclude_characters="\0")))
def test_a_code_page_is_read_when_it_is_named(text: str) -> None:
    # A file that begins so is taken for UTF-16, whose mark these two letters are.
    assume(not text.startswith(("\xfe\xff", "\xff\xfe")))
    data = text.encode("cp1252")
    try:
        data.decode()
    except UnicodeDecodeError:
        pass
    else:
        assume(text.isascii())
    assert decoded(data, known_encoding("windows-1252")) == text


@pytest.mark.parametrize("name", ["latin-1", "ISO-8859-1", "cp1252", "Windows-1252"])
def test_latin_1_means_what_windows_calls_so(name: str) -> None:
    assert decoded("a \u2013 €".encode("cp1252"), known_encoding(name)) == "a \u2013 €"


@pytest.mark.parametrize("name", ["klingon", "hex", "rot13"])
def test_what_is_no_encoding_of_text_is_refused(name: str) -> None:
    with pytest.raises(LookupError):
        known_encoding(name)


REFUSED = {
    "PowerShell": ('{"a": 1}'.encode("utf-16"), "utf-8"),
    "without a mark": ('{"a": 1}'.encode("utf-16-be"), "utf-8"),
    "UTF-32": ("abc".encode("utf-32"), "utf-8"),
    "a code page": ("a\r\nb\rSecret-ü\n".encode("cp1252"), "utf-8"),
    "cut": ("abc\nü".encode()[:-1], "utf-8"),
    "UTF-8 as a code page": ("Müller".encode(), "cp1252"),
    "a mark as a code page": (codecs.BOM_UTF8 + b"a", "cp1252"),
    "ASCII as UTF-16": (b"username\n", "utf-16"),
    "UTF-16 as a code page": ("ab".encode("utf-16"), "cp1252"),
    "no letter of the code page": (b"abc\n\x81", "cp1252"),
    "half a letter": ("abc\n".encode("utf-16") + b"d", "utf-16"),
    "NUL": (b"abc\nd\0e", "utf-8"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_other_encodings_are_refused_with_what_they_are_and_nothing_of_the_text(case: str) -> None:
    data, encoding = REFUSED[case]
    with pytest.raises(TextError) as caught:
        decoded(data, encoding)
    assert (str(caught.value), caught.value.likely) == snapshot(
        {
            "PowerShell": (
                "is UTF-16, which PowerShell's > and Excel's Unicode Text write: save it as UTF-8",
                "utf-16",
            ),
            "without a mark": (
                "is UTF-16, which PowerShell's > and Excel's Unicode Text write: save it as UTF-8",
                "utf-16",
            ),
            "UTF-32": ("is UTF-32: save it as UTF-8", "utf-32"),
            "a code page": (
                "is not UTF-8 (byte 13, in line 3): save it as UTF-8",
                "windows-1252",
            ),
            "cut": ("is not UTF-8 (byte 5, in line 2): save it as UTF-8", "windows-1252"),
            "UTF-8 as a code page": ("is UTF-8 and not cp1252", "utf-8"),
            "a mark as a code page": ("is UTF-8 and not cp1252", "utf-8"),
            "ASCII as UTF-16": ("is UTF-8 and not utf-16", "utf-8"),
            "UTF-16 as a code page": (
                "is UTF-16, which PowerShell's > and Excel's Unicode Text write: save it as UTF-8",
                "utf-16",
            ),
            "no letter of the code page": (
                "is not CP1252 (byte 5, in line 2)",
                None,
            ),
            "half a letter": (
                "is not UTF-16 (byte 11, in line 2)",
                None,
            ),
            "NUL": ("contains a NUL character in line 2", None),
        }
    )[case]
