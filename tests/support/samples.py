"""Small files of each kind, generated so that none is kept in the repository."""

from __future__ import annotations

import base64
import io
import zipfile

import openpyxl
from docx import Document
from pptx import Presentation
from pptx.util import Inches

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 20
GIF = b"GIF89a" + b"\0" * 20
WEBP = b"RIFF\x10\0\0\0WEBPVP8 " + b"\0" * 8


def pdf(text: str = "Photosynthesis makes sugar.", pages: int = 1) -> bytes:
    """Return a PDF with a text on each page; built by hand, since no library here writes PDF."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode("latin-1")
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(pages))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number in range(pages):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> >>" % (5 + 2 * number)
        )
        objects.append(b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream))
    out = bytearray(b"%PDF-1.4\n")
    offsets: list[int] = []
    for number, each in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(objects) + 1, table)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
    out += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(out)


def docx() -> bytes:
    document = Document()
    document.add_heading("The cell", level=1)
    document.add_paragraph("A cell has a nucleus.")
    table = document.add_table(rows=2, cols=2)
    for row, texts in enumerate((("Part", "Task"), ("Ribosome", "Makes proteins, always"))):
        for column, text in enumerate(texts):
            table.cell(row, column).text = text
    document.add_paragraph("After the table.")
    return _saved(document)


def pptx() -> bytes:
    show = Presentation()
    slide = show.slides.add_slide(show.slide_layouts[5])
    assert slide.shapes.title is not None
    slide.shapes.title.text = "Leaves"
    shape = slide.shapes.add_table(1, 2, Inches(1), Inches(2), Inches(4), Inches(1))
    for column, text in enumerate(("green", "red")):
        shape.table.cell(0, column).text = text
    frame = slide.notes_slide.notes_text_frame
    assert frame is not None
    frame.text = "Ask why."
    show.slides.add_slide(show.slide_layouts[6])
    return _saved(show)


def xlsx() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Grades"
    for row in (["Name", "Points", None], ["Ada, A.", 12.5, None], [None, None, None], ["Ben", 7]):
        sheet.append(row)
    book.create_sheet("Empty")
    return _saved(book)


def bomb(part: str = "word/document.xml", size: int = 300_000_000) -> bytes:
    """Return a small Word file that unpacks to `size` bytes of zeros."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(part, "w") as to:
        for _ in range(size // 1_000_000):
            to.write(b"\0" * 1_000_000)
    return out.getvalue()


def with_entity(data: bytes, part: str, url: str, text: str) -> bytes:
    """Return the Office file with a text replaced by an external entity at a URL."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == part:
                head, _, body = content.rpartition(b"?>")
                entity = f'<!DOCTYPE x [<!ENTITY secret SYSTEM "{url}">]>'.encode()
                body = body.replace(text.encode(), b"&secret;")
                assert b"&secret;" in body
                content = (head + b"?>" if head else b"") + entity + body
            new.writestr(name, content)
    return out.getvalue()


def _saved(document: object) -> bytes:
    out = io.BytesIO()
    document.save(out)  # pyright: ignore
    return out.getvalue()
