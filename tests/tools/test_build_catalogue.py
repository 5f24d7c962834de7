"""The generator reproduces the data files from the exported signatures, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from moodle_mcp.catalogue.loading import RELEASES
from tools import build_catalogue

EXPORTED = Path(__file__).parents[3] / "shared" / "moodle"


@pytest.mark.skipif(not EXPORTED.is_dir(), reason="the exported signatures are not at hand")
def test_building_again_gives_the_checked_in_bytes() -> None:
    built = build_catalogue.build(EXPORTED)
    assert tuple(built) == RELEASES
    for release, lines in built.items():
        text = "".join(f"{name}\t{line}\n" for name, line in sorted(lines.items()))
        path = build_catalogue.DATA / f"functions-{release}.tsv"
        assert path.read_bytes() == text.encode("utf-8"), release
