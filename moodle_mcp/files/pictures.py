"""Read a picture's width and height from its header, without decoding it."""

from __future__ import annotations

import re
import struct
from typing import Final

from moodle_mcp.files.sniff import Content

Dimensions = tuple[int, int]
"""Width and height in pixels."""

# Markers without a length may precede one that has a length.
_JPEG_SEGMENT: Final = re.compile(rb"\xff++(?:[\x01\xd0-\xd7]\xff++)*+([^\x00\xff])(..)", re.DOTALL)
# C4, C8 and CC are tables and similar.
_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

_MAX_SEGMENTS: Final = 2_000
"""Maximum segments before a JPEG's frame; the longest lists, of pages and profiles, have some
hundreds. A 20 MB file can have millions of empty ones and would block the server."""


def dimensions(data: bytes, kind: Content) -> Dimensions | None:
    """Return the dimensions of a picture; None if its header is broken."""
    try:
        match kind:
            case Content.PNG if data[12:16] == b"IHDR":
                found = struct.unpack_from(">II", data, 16)
            case Content.GIF:
                found = struct.unpack_from("<HH", data, 6)
            case Content.JPEG:
                found = _of_jpeg(data)
            case Content.WEBP:
                found = _of_webp(data)
            case _:
                return None
    except struct.error:
        return None
    return found if found is not None and all(found) else None


def _of_jpeg(data: bytes) -> Dimensions | None:
    at = 2
    for _ in range(_MAX_SEGMENTS):
        segment = _JPEG_SEGMENT.match(data, at)
        if segment is None:
            return None
        if segment[1][0] in _JPEG_FRAMES:
            height, width = struct.unpack_from(">xHH", data, segment.end())
            return width, height
        at = segment.start(2) + max(2, int.from_bytes(segment[2]))
    return None


def _of_webp(data: bytes) -> Dimensions | None:
    match data[12:16]:
        case b"VP8X":
            width, more_width, height, more_height = struct.unpack_from("<HBHB", data, 24)
            return 1 + width + (more_width << 16), 1 + height + (more_height << 16)
        case b"VP8L" if data[20:21] == b"\x2f":
            (bits,) = struct.unpack_from("<I", data, 21)
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 " if data[23:26] == b"\x9d\x01\x2a":
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
        case _:
            return None
