"""Decode the text of text files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_SAMPLE: Final = 64 * 1024
_BOMS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_LAST: Final = "cp1252"


@dataclass(frozen=True, slots=True)
class Text:
    """A text, and a sentence about what is uncertain or missing, if anything is."""

    text: str
    note: str = ""


def decoded(data: bytes) -> Text:
    """Decode bytes to text.

    Moodle declares every text file as utf-8 (observed on 4.5.6), so only the bytes are examined.
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return Text(data.decode(encoding, "replace"))
    try:
        return Text(data.decode("utf-8"))
    except UnicodeDecodeError:
        encoding = _guessed(data[:_SAMPLE])
        note = f"The file is not UTF-8; it was read as {encoding}, which is a guess."
        return Text(data.decode(encoding, "replace"), note)


def _guessed(sample: bytes) -> str:
    try:
        from charset_normalizer import from_bytes
    except ImportError:
        return _LAST
    best = from_bytes(sample).best()
    return _LAST if best is None else best.encoding
