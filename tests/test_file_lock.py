"""A lock that lets one process at a time use a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from moodle_mcp import file_lock as alone
from moodle_mcp.atomic import UnfitError
from moodle_mcp.file_lock import alone_with

_HOLDING = """
import pathlib, sys
from moodle_mcp.file_lock import alone_with
with alone_with(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_what_another_process_holds_is_refused_until_it_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "r"
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDING, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"held")
    with pytest.raises(UnfitError), alone_with(path):
        pass
    process.kill()
    process.communicate()
    with alone_with(path):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no open file")
def test_a_mark_that_was_removed_after_it_was_opened_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise one process would hold the old lock file and another the new one."""
    mark = tmp_path / "r.lock"
    lock = alone._lock  # pyright: ignore[reportPrivateUsage]
    removed: list[Path] = []

    def lock_after_removal(handle: int) -> None:
        if not removed:
            mark.unlink()
            removed.append(mark)
        lock(handle)

    monkeypatch.setattr(alone, "_lock", lock_after_removal)
    with alone_with(tmp_path / "r"):
        assert mark.exists()
        with pytest.raises(UnfitError), alone_with(tmp_path / "r"):
            pass


def test_a_file_of_somebody_elses_with_the_marks_name_is_not_removed(tmp_path: Path) -> None:
    other = tmp_path / "poetry.lock"
    other.write_text("precious")
    with pytest.raises(UnfitError, match="another file"), alone_with(tmp_path / "poetry"):
        pass
    assert other.read_text() == "precious"
