"""Names under which a stranger's file may be kept, here and wherever it is copied to."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from moodle_mcp.errors import CallError, Fault, Kind

MAX_BYTES: Final = 200
"""Bytes of a name: file systems take 255, and a copy or a backup may add something to it."""

_PATHS = re.compile(r"[/\\\x00]")
_REPLACED = re.compile(r'[<>:"|?*]')
# Control, format (what turns the direction of writing around), halves of characters, private ones,
# and the separators of lines and paragraphs.
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Windows takes these for devices, whatever ending follows.
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])[ ]*(\.|$)")
_LONGEST_ENDING: Final = 20


def safe_name(name: str) -> str:
    """The name, with what some system would misread replaced by an underscore.

    It begins with no dot, ends with neither dot nor space, is no device of Windows', has nothing
    invisible in it and at most `MAX_BYTES` bytes in UTF-8, its ending kept. A safe name is its own.

    Raises:
        CallError: `invalid_arguments`: it is a path, not a name, or it is empty.
    """
    if _PATHS.search(name) or name in (".", "..") or not name.strip():
        raise CallError.not_sent(
            Fault(
                Kind.INVALID_ARGUMENTS,
                "Nothing was written: this is not a file's name.",
                hint="A name has no slashes or backslashes, and is not empty.",
            )
        )
    text = unicodedata.normalize("NFC", name)
    text = "".join("_" if unicodedata.category(char) in _INVISIBLE else char for char in text)
    text = _cut(_trimmed(_REPLACED.sub("_", text)))
    if text.startswith(".") or _DEVICE.match(text) or not text:
        text = _cut(f"_{text}")
    return text


def _trimmed(text: str) -> str:
    return text.strip().rstrip(". ").strip()


def _cut(text: str) -> str:
    """The text within `MAX_BYTES`, its middle left out rather than its ending."""
    if len(text.encode()) <= MAX_BYTES:
        return text
    stem, dot, ending = text.rpartition(".")
    if not stem or len(ending.encode()) > _LONGEST_ENDING:
        stem, dot, ending = text, "", ""
    room = MAX_BYTES - len(f"{dot}{ending}".encode())
    return _trimmed(stem.encode()[:room].decode("utf-8", "ignore")) + dot + ending
