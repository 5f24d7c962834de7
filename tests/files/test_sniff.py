"""The type of a file by its bytes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moodle_mcp.files.sniff import Content, sniff
from tests.support import samples


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (samples.PNG, Content.PNG),
        (samples.JPEG, Content.JPEG),
        (samples.GIF, Content.GIF),
        (samples.WEBP, Content.WEBP),
        (samples.pdf(), Content.PDF),
        (b"\n\n" + samples.pdf(), Content.PDF),
        (samples.docx(), Content.DOCX),
        (samples.pptx(), Content.PPTX),
        (samples.xlsx(), Content.XLSX),
        (samples.bomb("x.txt", 1_000_000), Content.OTHER),
        (b"PK\x03\x04 and no archive", Content.OTHER),
        (b"<!DOCTYPE html><p>x", Content.HTML),
        (b"\xef\xbb\xbf<!-- x -->\n<html lang='en'>", Content.HTML),
        (b"plain", Content.TEXT),
        (b"", Content.TEXT),
        ("Übersicht".encode("utf-16"), Content.TEXT),
        ("Übersicht".encode("latin-1"), Content.TEXT),
        (b"\x7fELF\x02\x01\x01\0", Content.OTHER),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", Content.OTHER),
    ],
)
def test_a_kind_is_told_by_the_bytes_whatever_was_declared(data: bytes, kind: Content) -> None:
    assert sniff(data) is kind
    assert sniff(data, "image/png") is kind
    assert sniff(data, "application/pdf") is kind


def archive(entries: bytes, number: int, comment: bytes = b"") -> bytes:
    """An archive with a forged list of parts."""
    start = b"PK\x03\x04" + bytes(26)
    numbers = struct.pack("<4H2LH", 0, 0, number, number, len(entries), len(start), len(comment))
    return start + entries + b"PK\x05\x06" + numbers + comment


def entry(name: bytes, extra: bytes = b"") -> bytes:
    lengths = struct.pack("<HH", len(name), len(extra))
    return b"PK\x01\x02" + bytes(24) + lengths + bytes(14) + name + extra


def test_a_list_of_parts_is_searched_and_not_read() -> None:
    """With a list of 20 MB zipfile would take many seconds and block the event loop."""
    broken = b"\0" * 9 + entry(b"xl/workbook.xml", b"\1\2\0\0" * 16_000) + b"PK\x01\x02"
    assert sniff(archive(broken, 1)) is Content.XLSX
    assert sniff(archive(entry(b"a") * 1_000_000, 0xFFFF)) is Content.OTHER


def test_a_part_is_looked_for_in_the_list_of_parts_alone() -> None:
    word, sheet = entry(b"word/document.xml"), entry(b"xl/workbook.xml")
    assert sniff(archive(entry(b"a") + word, 2)) is Content.DOCX
    assert sniff(archive(sheet, 1, comment=word)) is Content.XLSX
    assert sniff(b"PK\x03\x04" + word + archive(sheet, 1)) is Content.XLSX
    assert sniff(archive(entry(b"xword/document.xml"), 1)) is Content.OTHER
    assert sniff(archive(entry(b"word/document.xmlx"), 1)) is Content.OTHER


def test_html_without_a_head_is_html_if_it_was_declared_so() -> None:
    assert sniff(b"<p>x</p>", "text/html") is Content.HTML
    assert sniff(b"<p>x</p>", "text/plain") is Content.TEXT
    assert sniff(b"\x7fELF\0", "text/html") is Content.OTHER


@given(st.binary(max_size=200), st.sampled_from([b"", b"PK\x03\x04", b"<!--", b"%PDF-"]))
def test_any_bytes_have_a_kind(data: bytes, start: bytes) -> None:
    assert sniff(start + data) in Content
