"""Detect a file's type from its bytes; its name and the declared type come last."""

from __future__ import annotations

import re
import struct
from enum import Enum
from typing import Final


class Content(Enum):
    """A type of content that can be recognised by its bytes, and its MIME type."""

    PNG = "image/png"
    JPEG = "image/jpeg"
    GIF = "image/gif"
    WEBP = "image/webp"
    PDF = "application/pdf"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    HTML = "text/html"
    TEXT = "text/plain"
    OTHER = "application/octet-stream"


IMAGES: Final = frozenset({Content.PNG, Content.JPEG, Content.GIF, Content.WEBP})
DOCUMENTS: Final = frozenset({Content.PDF, Content.DOCX, Content.PPTX, Content.XLSX})

_PDF_WITHIN: Final = 1024
_END: Final = b"PK\x05\x06"
_END_LENGTH: Final = 22
_MAX_COMMENT: Final = 0xFFFF


def _entry(part: bytes) -> re.Pattern[bytes]:
    """Match an entry in a zip archive's central directory: a 46-byte header and the name."""
    length = re.escape(struct.pack("<H", len(part)))
    return re.compile(rb"PK\x01\x02.{24}" + length + rb".{16}" + re.escape(part), re.DOTALL)


_BY_PART: Final = {
    _entry(b"word/document.xml"): Content.DOCX,
    _entry(b"ppt/presentation.xml"): Content.PPTX,
    _entry(b"xl/workbook.xml"): Content.XLSX,
}
_PAGE = re.compile(rb"(?is)<(!doctype html|html[\s>])")
_BOMS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_LOOKED_AT: Final = 64 * 1024
_MAX_COMMENTS: Final = 20


def sniff(data: bytes, declared: str = "") -> Content:
    """Return the type of a complete file; `declared` is the MIME type from the site.

    HTML fragments look like any other text, so for them the declared type decides.
    """
    if (image := _image(data)) is not None:
        return image
    if b"%PDF-" in data[:_PDF_WITHIN]:
        return Content.PDF
    if data.startswith(b"PK\x03\x04"):
        return _archive(data)
    if not _is_text(data):
        return Content.OTHER
    if declared == Content.HTML.value or _begins_a_page(data[:_LOOKED_AT].removeprefix(_BOMS[0])):
        return Content.HTML
    return Content.TEXT


def _begins_a_page(start: bytes) -> bool:
    """Whether only an XML declaration and comments precede the first HTML tag."""
    rest = start.lstrip()
    for opening, closing in ((b"<?xml", b">"), *((b"<!--", b"-->"),) * _MAX_COMMENTS):
        if rest.startswith(opening):
            rest = rest.partition(closing)[2].lstrip()
    return _PAGE.match(rest) is not None


def _image(data: bytes) -> Content | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return Content.PNG
    if data.startswith(b"\xff\xd8\xff"):
        return Content.JPEG
    if data.startswith((b"GIF87a", b"GIF89a")):
        return Content.GIF
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return Content.WEBP
    return None


def _archive(data: bytes) -> Content:
    """Tell which Office format a zip archive is, by the part that each format requires.

    The archive's directory is searched, not parsed: zipfile takes many seconds for one of 20 MB and
    would block the server.
    """
    end = data.rfind(_END, -_END_LENGTH - _MAX_COMMENT)
    if end < 0 or end + _END_LENGTH > len(data):
        return Content.OTHER
    (length,) = struct.unpack_from("<I", data, end + 12)
    parts = data[max(0, end - length) : end]
    kinds = (kind for part, kind in _BY_PART.items() if part.search(parts))
    return next(kinds, Content.OTHER)


def _is_text(data: bytes) -> bool:
    return data.startswith(_BOMS) or _CONTROL.search(data[:_LOOKED_AT]) is None
