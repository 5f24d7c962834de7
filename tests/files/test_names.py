"""Safe names for saved files."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moodle_mcp.errors import CallError
from moodle_mcp.files.names import MAX_BYTES, safe_name


@pytest.mark.parametrize(
    "name",
    [
        "../../x",
        "/etc/passwd",
        "..\\..\\x",
        "C:\\x",
        "a\0b",
        "a/b",
        "..",
        ".",
        "",
        "   ",
    ],
)
def test_a_path_is_no_name(name: str) -> None:
    with pytest.raises(CallError, match="not a valid file name"):
        safe_name(name)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Übersicht 1  more.txt", "Übersicht 1  more.txt"),
        ("Cafe\u0301.txt", "Café.txt"),
        ("CON", "_CON"),
        ("con.txt", "_con.txt"),
        ("LPT9 .tar.gz", "_LPT9 .tar.gz"),
        ("COM¹", "_COM¹"),
        ("console.txt", "console.txt"),
        ("a.pdf ", "a.pdf"),
        ("a.pdf. . ", "a.pdf"),
        (" a.pdf", "a.pdf"),
        (".bashrc", "_.bashrc"),
        ("...", "_"),
        ("invoice\u202efdp.exe", "invoice_fdp.exe"),
        ("a\u200bb\u2028c\x1bd.txt", "a_b_c_d.txt"),
        ("a\udc80.txt", "a_.txt"),
        ('<a>:"b"|?*.txt', "_a___b____.txt"),
        ("file.txt:stream", "file.txt_stream"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("é" * 300 + ".pdf", "é" * 98 + ".pdf"),
        ("x." + "y" * 300, "x." + "y" * 198),
    ],
)
def test_what_a_system_would_misread_is_rewritten(name: str, safe: str) -> None:
    assert safe_name(name) == safe


ODD = st.sampled_from([".", " ", "CON", "aux", "\u202e", "é", "x" * 60, "\u0301", ".pdf", "_", "¹"])


@given(st.one_of(st.text(), st.lists(ODD, max_size=12).map("".join)))
def test_a_safe_name_is_safe_everywhere_and_its_own(name: str) -> None:
    try:
        safe = safe_name(name)
    except CallError:
        return
    assert safe_name(safe) == safe
    assert 0 < len(safe.encode()) <= MAX_BYTES
    assert not set(safe) & set('<>:"/\\|?*\0')
    assert not safe.startswith((".", " "))
    assert not safe.endswith((".", " "))
    assert all(unicodedata.category(char)[0] != "C" for char in safe)
    stem = safe.split(".")[0].rstrip(" ").upper()
    assert stem not in {"CON", "PRN", "AUX", "NUL", "COM1", "LPT9", "COM¹"}
