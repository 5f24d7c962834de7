"""Safe names for downloaded files, on this system and wherever they are copied to."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from moodle_mcp.errors import CallError, Fault, Kind

MAX_BYTES: Final = 200
"""Maximum bytes of a name: file systems allow 255, and copies or backups may append to it."""

_PATHS = re.compile(r"[/\\\x00]")
_REPLACED = re.compile(r'[<>:"|?*]')
# Control and format characters (which change the writing direction), surrogates, private-use
# characters, and line and paragraph separators.
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Windows treats these as devices, whatever the extension.
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])[ ]*(\.|$)")
_LONGEST_ENDING: Final = 20


def safe_name(name: str) -> str:
    """Replace what any system would misread in a name by an underscore.

    The result has no leading dot, no trailing dot or space, no Windows device name, no invisible
    characters and at most `MAX_BYTES` bytes in UTF-8, with its extension kept. A safe name is
    unchanged.

    Raises:
        CallError: `invalid_arguments`: it is a path instead of a name, or empty.
    """
    if _PATHS.search(name) or name in (".", "..") or not name.strip():
        raise CallError.not_sent(
            Fault(
                Kind.INVALID_ARGUMENTS,
                "Nothing was written: this is not a valid file name.",
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
    """Shorten a name to `MAX_BYTES` in the middle, keeping its extension."""
    if len(text.encode()) <= MAX_BYTES:
        return text
    stem, dot, ending = text.rpartition(".")
    if not stem or len(ending.encode()) > _LONGEST_ENDING:
        stem, dot, ending = text, "", ""
    most = MAX_BYTES - len(f"{dot}{ending}".encode())
    return _trimmed(stem.encode()[:most].decode("utf-8", "ignore")) + dot + ending
