"""Decode text files that people write, and text that they pipe in.

Windows editors put a byte-order mark before UTF-8, PowerShell's `>` writes UTF-16, and Excel's
plain CSV uses the computer's code page. A byte-order mark is accepted. Anything else that is not
UTF-8 is refused with a guess at its encoding, because wrongly decoded names would be written to
Moodle.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import Final

from moodle_mcp.errors import MoodleMcpError

UTF_8: Final = "utf-8"
MARK: Final = "\ufeff"
"""The byte-order mark."""

_LINE_END: Final = re.compile(r"\r\n?|\n")
_WIDE: Final = {
    "utf-16": "is UTF-16, which PowerShell's > and Excel's Unicode Text write",
    "utf-32": "is UTF-32",
}
_SUPERSETS: Final = {"iso8859-1": "cp1252", "ascii": UTF_8, "utf-8-sig": UTF_8}
"""What programs mean by an encoding with fewer characters. These are Python's names."""


class TextError(MoodleMcpError):
    """The bytes are not text in the expected encoding.

    The message is a phrase that follows a file's name, such as "is UTF-16, …: save it as UTF-8".
    `problem` is that phrase without the advice. `likely` is the probable encoding, if known.
    Neither quotes the content, which may be a token.
    """

    def __init__(self, problem: str, likely: str | None = None) -> None:
        advice = "" if likely in (None, UTF_8) else ": save it as UTF-8"
        super().__init__(problem + advice)
        self.problem = problem
        self.likely = likely


def known_encoding(name: str) -> str:
    """Return Python's name of an encoding; Latin-1 becomes Windows-1252, a superset.

    Raises:
        LookupError: there is no such text encoding.
    """
    # Codecs that are not text encodings, such as hex, are rejected only when used.
    b"a".decode(name, "ignore")
    codec = codecs.lookup(name).name
    family = _family(codec)
    return family if family in _WIDE else _SUPERSETS.get(codec, codec)


def decoded(data: bytes, encoding: str = UTF_8) -> str:
    """Decode bytes to text without a byte-order mark.

    `encoding` is a name from `known_encoding`. UTF-16 is decoded in either byte order, with or
    without a mark.

    Raises:
        TextError: the bytes are in another encoding, or contain a NUL character.
    """
    # As for JSON, the byte-order mark or the position of the first NUL bytes tells the encoding.
    # This works for every text that begins with an ASCII character.
    found = json.detect_encoding(data)
    family = _family(found)
    if family in _WIDE and family != encoding:
        raise TextError(_WIDE[family], family)
    if family != encoding and (encoding in _WIDE or found == "utf-8-sig" or _is_utf8(data)):
        raise TextError(f"is UTF-8 and not {encoding}", UTF_8)
    text = _strictly(data, found if family == encoding else encoding)
    if "\0" in text:
        raise TextError(f"contains a NUL character in line {_line(text[: text.index(chr(0))])}")
    return text.removeprefix(MARK)


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = _line(data[: error.start].decode(encoding, "ignore"))
        place = f"byte {error.start + 1}, in line {line}"
        likely = "windows-1252" if _family(encoding) == UTF_8 else None
        raise TextError(f"is not {_family(encoding).upper()} ({place})", likely) from None


def _family(encoding: str) -> str:
    """Return the encoding's name without byte order and mark."""
    match = re.match(r"utf-(8|16|32)(?=$|-)", encoding)
    return match[0] if match else encoding


def _is_utf8(data: bytes) -> bool:
    """Whether the bytes are UTF-8 with characters beyond ASCII; text in another encoding is hardly
    ever that by chance.
    """
    try:
        return not data.isascii() and bool(data.decode())
    except UnicodeDecodeError:
        return False


def _line(before: str) -> int:
    """Return the number, from 1, of the line that follows this text."""
    return len(_LINE_END.findall(before)) + 1
