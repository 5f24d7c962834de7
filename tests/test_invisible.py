"""Invisible characters are removed, visible ones are kept."""

# ruff: noqa: RUF001

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moodle_mcp.invisible import with_visible, without_invisible
from moodle_mcp.presentation.clean import clean

FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0"
VISIBLE = st.characters(
    categories=["L", "M", "N", "P", "S", "Zs"],
    exclude_characters=FILLERS
    + "".join(map(chr, [*range(0xFE00, 0xFE10), *range(0xFFF0, 0xFFFC)])),
    max_codepoint=0xDFFFF,
)
ANY = st.text(
    st.characters() | st.sampled_from("\u200b\u200c\u200d\ufe0f\ufe00\u202e❤👩کक् a\ud83d")
)


@given(st.text(VISIBLE))
def test_what_is_seen_stays(text: str) -> None:
    assert without_invisible(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "❤️ 1️⃣ #️⃣ ©️ ☎︎",
        "👩‍💻 👩🏽‍🚀 🏳️‍🌈 👨‍👩‍👧‍👦 🧑‍⚖️ ❤️‍🔥 👁️‍🗨️ 🐈‍⬛",
        "می‌خواهم خانه‌ها نامه‌ای ه‍ ‍ه",
        "क्‍ष र्‍य श्‍ श्‌ ക്‍ ශ්‍රී",
        "ᠠ᠋ᠭ᠌",
        "𝒳∩︀ 0︀ 葛︀",
        "tab\tline\nend\r\n",
        "https://م.example/می‌خواهم",
    ],
)
def test_what_shapes_what_is_seen_stays(text: str) -> None:
    assert clean(text) == text


@given(ANY)
def test_nothing_is_left_to_take_out(text: str) -> None:
    once = without_invisible(text)
    assert without_invisible(once) == once
    assert not [
        each
        for each in once
        if unicodedata.category(each) in ("Cs", "Zl", "Zp")
        or (unicodedata.category(each) == "Cc" and each not in "\t\n\r")
    ]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("h\ufe01e\ufe02l\ufe03l\ufe0fo", "hello"),
        ("❤\ufe0f\u200b\ufe0f\ufe0e", "❤\ufe0f"),
        ("a\u200db \u200dc", "ab c"),
        ("\udb40\u200b\udc41", "\ufffd\ufffd"),
        ("https://e.example/a\u200bb", "https://e.example/a%E2%80%8Bb"),
        ("https://e.example/a\u202e", "https://e.example/a%E2%80%AE"),
        ("see https://e.example/a\u200bb\u200b here", "see https://e.example/a%E2%80%8Bb here"),
        ("\u202ehttps://e.example/\x1b[2J", "https://e.example/%1B[2J"),
    ],
)
def test_what_could_carry_a_message_goes_or_is_shown(written: str, shown: str) -> None:
    assert without_invisible(written) == shown


def test_the_hidden_can_be_shown() -> None:
    assert with_visible("a\x1b❤\ufe0f\u202eb", lambda each: f"[{ord(each):x}]") == (
        "a[1b]❤\ufe0f[202e]b"
    )
