"""The dimensions of pictures, compared with what an image library writes."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from moodle_mcp.files.pictures import dimensions
from moodle_mcp.files.sniff import IMAGES, Content, sniff

WAYS: dict[str, dict[str, Any]] = {
    "png": {"format": "PNG"},
    "gif": {"format": "GIF"},
    "jpeg": {"format": "JPEG"},
    "progressive jpeg": {"format": "JPEG", "progressive": True},
    "jpeg with much before its frame": {"format": "JPEG", "exif": b"x" * 60_000, "comment": b"y"},
    "webp": {"format": "WEBP"},
    "lossless webp": {"format": "WEBP", "lossless": True},
    "webp with more in it": {"format": "WEBP", "exif": b"Exif\0\0" + b"x" * 9},
}


def picture(width: int, height: int, way: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(file, **WAYS[way])
    return file.getvalue()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [(1, 1), (300, 7), (2, 9001)])
def test_the_dimensions_are_those_that_were_written(way: str, size: tuple[int, int]) -> None:
    data = picture(*size, way)
    assert dimensions(data, sniff(data)) == size


@pytest.mark.parametrize("way", WAYS)
def test_of_a_picture_that_is_cut_they_are_right_or_unknown(way: str) -> None:
    data = picture(300, 7, way)
    kind = sniff(data)
    assert {dimensions(data[:end], kind) for end in range(len(data))} == {None, (300, 7)}


@given(st.sampled_from(sorted(IMAGES, key=str)), st.binary(max_size=100))
def test_any_bytes_have_dimensions_or_none(kind: Content, data: bytes) -> None:
    assert dimensions(data, kind) is None or all(dimensions(data, kind) or ())


@pytest.mark.parametrize("part", [b"\xff", b"\xff\xd0", b"\xff\xe0\0\0", b"\xff\xe0\0\x02"])
def test_a_jpeg_without_a_frame_takes_time_in_proportion(part: bytes) -> None:
    """A quadratic search would not finish here."""
    assert dimensions(b"\xff\xd8" + part * 500_000, Content.JPEG) is None


@pytest.mark.parametrize(("segments", "expected"), [(300, (3, 2)), (100_000, None)])
def test_a_jpeg_is_not_searched_without_end(segments: int, expected: object) -> None:
    data = picture(3, 2, "jpeg")
    grown = data[:2] + b"\xff\xe0\0\2" * segments + data[2:]
    assert dimensions(grown, Content.JPEG) == expected
