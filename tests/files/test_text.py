"""Decoding of downloaded text files."""

from __future__ import annotations

import builtins
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moodle_mcp.files.text import Text, decoded

GERMAN = "Die Prüfung über Zellen fällt auf den nächsten Dienstag, größere Räume sind frei.\n" * 9


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_utf_8_and_what_has_a_byte_order_mark_is_read_exactly(text: str) -> None:
    # A byte-order mark and a NUL in UTF-16 are the same bytes as UTF-32's mark.
    if not text.startswith(("\ufeff", "\0")):
        assert decoded(text.encode("utf-8-sig")) == Text(text)
        assert decoded(text.encode("utf-16")) == Text(text)
        assert decoded(text.encode("utf-32")) == Text(text)
        assert decoded(text.encode()) == Text(text)


def test_another_encoding_is_guessed_and_said_to_be() -> None:
    read = decoded(GERMAN.encode("cp1252"))
    assert read.text == GERMAN
    assert "guess" in read.note


def test_without_the_library_it_is_read_as_windows_writes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real: Any = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "charset_normalizer":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert decoded(b"na\xefve") == Text(
        "naïve", "The file is not UTF-8; it was read as cp1252, which is a guess."
    )


@given(st.binary())
def test_any_bytes_become_text_that_can_be_sent(data: bytes) -> None:
    decoded(data).text.encode()
