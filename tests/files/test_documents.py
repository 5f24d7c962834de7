"""The text of documents, within limits."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from moodle_mcp.files.documents import Bounds, read
from moodle_mcp.files.sniff import DOCUMENTS, Content
from moodle_mcp.files.text import Text
from tests.support import samples


def test_the_text_of_a_pdf_has_its_pages() -> None:
    assert read(samples.pdf(pages=2), Content.PDF, Bounds()) == snapshot(
        Text(
            text="""\
[page 1]
Photosynthesis makes sugar.

[page 2]
Photosynthesis makes sugar.\
"""
        )
    )


def test_pages_that_are_pictures_have_no_text() -> None:
    read_ = read(samples.pdf("", pages=2), Content.PDF, Bounds())
    assert read_ == Text("", "It has no text: its pages are probably scanned images.")


def test_the_text_of_a_word_file_has_headings_and_tables_in_their_places() -> None:
    assert read(samples.docx(), Content.DOCX, Bounds()) == snapshot(
        Text(
            text="""\
# The cell

A cell has a nucleus.

Part,Task
Ribosome,"Makes proteins, always"

After the table.\
"""
        )
    )


def test_the_text_of_slides_has_tables_and_notes() -> None:
    assert read(samples.pptx(), Content.PPTX, Bounds()) == snapshot(
        Text(
            text="""\
[slide 1]
Leaves
green,red
Notes: Ask why.

[slide 2]\
"""
        )
    )


def test_the_text_of_sheets_is_lines_of_csv() -> None:
    assert read(samples.xlsx(), Content.XLSX, Bounds()) == snapshot(
        Text(
            text="""\
[sheet Grades]
Name,Points
"Ada, A.",12.5
Ben,7

[sheet Empty]\
"""
        )
    )


@pytest.mark.parametrize("part", ["word/document.xml", "xl/workbook.xml", "ppt/presentation.xml"])
def test_a_zip_bomb_is_not_unpacked(part: str) -> None:
    data = samples.bomb(part)
    assert len(data) < 1_000_000
    kind = {"w": Content.DOCX, "x": Content.XLSX, "p": Content.PPTX}[part[0]]
    assert read(data, kind, Bounds()) == Text(
        "", "Its text was not read: the file decompresses to far more than its size."
    )


def test_a_smaller_bomb_is_known_by_how_far_it_unpacks() -> None:
    assert "decompresses" in read(samples.bomb(size=20_000_000), Content.DOCX, Bounds()).note


def test_a_bomb_of_many_small_parts_is_not_unpacked_either() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"<x/>")
        for number in range(230):
            archive.writestr(f"word/{number}.xml", b"\0" * 1_000_000)
    assert "decompresses" in read(out.getvalue(), Content.DOCX, Bounds()).note


@pytest.mark.parametrize(
    ("kind", "part", "text"),
    [
        (Content.DOCX, "word/document.xml", "A cell has a nucleus."),
        (Content.XLSX, "xl/sharedStrings.xml", "Points"),
        (Content.PPTX, "ppt/slides/slide1.xml", "Leaves"),
    ],
)
def test_a_document_brings_in_no_other_file(
    kind: Content, part: str, text: str, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET")
    sample = {
        Content.DOCX: samples.docx,
        Content.XLSX: samples.xlsx,
        Content.PPTX: samples.pptx,
    }[kind]()
    data = samples.with_entity(sample, part, secret.as_uri(), text)
    assert "SECRET" not in str(read(data, kind, Bounds()))


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    read_ = read(samples.pdf(pages=30), Content.PDF, Bounds(chars=100))
    assert len(read_.text) <= 100
    assert read_.note == "Only the beginning of its text was read: it is too long."


def test_no_further_page_is_read_when_the_time_is_over() -> None:
    read_ = read(samples.pdf(pages=30), Content.PDF, Bounds(seconds=-1))
    assert read_.text.count("[page") == 1
    assert "beginning" in read_.note


@pytest.mark.parametrize("kind", sorted(DOCUMENTS, key=str))
def test_a_damaged_document_is_a_note(kind: Content) -> None:
    data = {
        Content.PDF: b"%PDF-1.4\n" + b"x" * 100,
        Content.DOCX: samples.docx()[:-100],
        Content.PPTX: samples.docx(),
        Content.XLSX: samples.docx(),
    }[kind]
    read_ = read(data, kind, Bounds())
    assert read_.text == ""
    assert "damaged or protected" in read_.note
