"""Extract text from PDF, Word, PowerPoint and Excel files, within limits.

Runs in a separate process (`worker`). The libraries come with the extra `files`.
"""

from __future__ import annotations

import csv
import io
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from moodle_mcp.files.sniff import Content
from moodle_mcp.files.text import Text

if TYPE_CHECKING:
    from docx.table import Table as WordTable

MAX_CHARS: Final = 2_000_000
MAX_PARTS: Final = 500_000
"""Maximum number of pages, paragraphs or rows."""

MAX_UNPACKED: Final = 200 * 1024 * 1024
"""Maximum bytes of an Office file after decompression; as a zip archive it may be a zip bomb."""

MAX_RATIO: Final = 200
"""Maximum compression ratio of a part larger than `_SMALL`; XML that Office writes has 10 to 20."""

SECONDS: Final = 20.0
"""After this time no further page or row is read."""

_SMALL: Final = 1024 * 1024
UNREADABLE: Final = "The text could not be read: the file is damaged or protected."
_EMPTY: Final = "It has no text: its pages are probably scanned images."
_MARK = re.compile(r"\[(page|slide|sheet) [^\n]*\]")
_BOMB: Final = "Its text was not read: the file decompresses to far more than its size."


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits for reading a document."""

    chars: int = MAX_CHARS
    seconds: float = SECONDS


def read(data: bytes, kind: Content, bounds: Bounds) -> Text:
    """Return the text of one of `DOCUMENTS`; a note says why it is missing or incomplete."""
    end = time.monotonic() + bounds.seconds
    parts: list[str] = []
    left = bounds.chars
    note = ""
    try:
        if kind is not Content.PDF and _is_bomb(data):
            return Text("", _BOMB)
        for number, part in enumerate(_READERS[kind](data)):
            parts.append(part[:left])
            left -= len(part)
            if left <= 0 or time.monotonic() > end or number >= MAX_PARTS:
                note = "Only the beginning of its text was read: it is too long."
                break
    except MemoryError:
        note = UNREADABLE
    except Exception as error:  # noqa: BLE001 - a library's fault at a stranger's file is any
        note = f"{UNREADABLE[:-1]} ({type(error).__name__})."
    text = "".join(parts).strip()
    if not note and not _MARK.sub("", text).strip():
        return Text("", _EMPTY)
    return Text(text, note)


def _is_bomb(data: bytes) -> bool:
    """Whether a part decompresses to too much; readers never read more than a part declares."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = archive.infolist()
    return sum(info.file_size for info in infos) > MAX_UNPACKED or any(
        info.file_size > max(_SMALL, info.compress_size * MAX_RATIO) for info in infos
    )


def _pdf(data: bytes) -> Iterator[str]:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted:
        # Many PDFs only restrict changes and open with an empty password.
        reader.decrypt("")
    for number, page in enumerate(reader.pages, 1):
        yield f"[page {number}]\n{page.extract_text().strip()}\n\n"


def _docx(data: bytes) -> Iterator[str]:
    from docx import Document
    from docx.table import Table

    for block in Document(io.BytesIO(data)).iter_inner_content():
        if isinstance(block, Table):
            yield from _word_table(block)
        elif block.text.strip():
            yield f"{_heading(block.style.name if block.style else None)}{block.text.strip()}\n\n"


def _word_table(table: WordTable) -> Iterator[str]:
    for row in table.rows:
        yield _row([cell.text for cell in row.cells])
    yield "\n"


def _heading(style: str | None) -> str:
    level = (style or "").removeprefix("Heading ")
    return f"{'#' * int(level)} " if level.isdecimal() and 1 <= int(level) <= 6 else ""


def _pptx(data: bytes) -> Iterator[str]:
    from pptx import Presentation

    for number, slide in enumerate(Presentation(io.BytesIO(data)).slides, 1):
        yield f"[slide {number}]\n"
        yield from _shapes(slide.shapes, 0)
        if slide.has_notes_slide and (frame := slide.notes_slide.notes_text_frame) is not None:
            yield f"Notes: {frame.text}\n"
        yield "\n"


def _shapes(shapes: Any, depth: int) -> Iterator[str]:
    """Yield the texts of shapes; groups may be nested."""
    for shape in shapes:
        if shape.has_text_frame and shape.text_frame.text.strip():
            yield f"{shape.text_frame.text.strip()}\n"
        if getattr(shape, "has_table", False):
            for row in shape.table.rows:
                yield _row([cell.text for cell in row.cells])
        if depth < 10 and hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes, depth + 1)


def _xlsx(data: bytes) -> Iterator[str]:
    from openpyxl import load_workbook

    # Values as last computed instead of formulas; read row by row.
    book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    for sheet in book.worksheets:
        yield f"[sheet {sheet.title}]\n"
        for values in sheet.iter_rows(values_only=True):
            cells = ["" if value is None else str(value) for value in values]
            yield _row(cells) if any(cells) else ""
        yield "\n"


def _row(cells: list[str]) -> str:
    """Format a row as one line of CSV, without trailing empty cells."""
    while cells and not cells[-1].strip():
        cells.pop()
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


_READERS: Final[dict[Content, Callable[[bytes], Iterator[str]]]] = {
    Content.PDF: _pdf,
    Content.DOCX: _docx,
    Content.PPTX: _pptx,
    Content.XLSX: _xlsx,
}
