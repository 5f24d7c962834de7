"""Private files that are replaced whole or appended to."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from moodle_mcp.atomic import UnfitError, append_private, append_whole, write_whole
from moodle_mcp.cli.items import ItemsError, Results
from moodle_mcp.errors import SettingsError
from moodle_mcp.service.audit import Audit

pytestmark = pytest.mark.skipif(os.name == "nt", reason="modes and links of POSIX")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_file_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with append_private(tmp_path / "a") as file:
            file.write("é\n")
    finally:
        os.umask(before)
    assert (tmp_path / "a").read_text(encoding="utf-8") == "é\n"
    assert mode(tmp_path / "a") == 0o600


def test_a_file_that_others_could_read_is_kept_and_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("before\n")
    path.chmod(0o666)
    with append_private(path) as file:
        file.write("after\n")
    assert (path.read_text(), mode(path)) == ("before\nafter\n", 0o600)


def test_what_does_not_fit_on_the_disk_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    append_whole(path, b"one\ntwo\n")
    write = os.write
    room = iter([3, 0])

    def until_full(handle: int, content: bytes) -> int:
        if left := next(room):
            return write(handle, content[:left])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", until_full)
    with pytest.raises(OSError, match="No space left"):
        append_whole(path, b"three\nfour\n")
    assert path.read_text() == "one\ntwo\n"


def test_a_link_is_not_followed_wherever_it_leads(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("untouched")
    for at, target in enumerate((there, tmp_path / "nowhere", tmp_path)):
        link = tmp_path / f"link{at}"
        link.symlink_to(target)
        with pytest.raises(UnfitError, match="it is a link"):
            append_private(link)
    assert there.read_text() == "untouched"
    assert not (tmp_path / "nowhere").exists()


def test_a_link_that_comes_after_the_check_is_not_followed_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "there")

    def none_yet(_: Path) -> bool:
        return False

    monkeypatch.setattr("moodle_mcp.atomic.is_link", none_yet)
    with pytest.raises(OSError, match="symbolic links"):
        append_private(tmp_path / "link")
    assert not (tmp_path / "there").exists()


def test_a_pipe_is_refused_without_waiting_for_its_reader(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="No such device"):
        append_private(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(UnfitError, match="not a regular file"):
            append_private(tmp_path / "pipe")
    finally:
        os.close(reader)


def test_another_users_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("theirs")
    monkeypatch.setattr("os.geteuid", lambda: os.getuid() + 1)
    with pytest.raises(UnfitError, match="another user"):
        append_private(tmp_path / "a")


def test_a_whole_file_takes_the_place_of_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("untouched")
    (tmp_path / "link").symlink_to(tmp_path / "there")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "there").read_text() == "untouched"
    assert not (tmp_path / "link").is_symlink()


def test_the_record_of_calls_is_for_the_operator_alone(tmp_path: Path) -> None:
    path = tmp_path / "audit"
    path.write_text("{}\n")
    path.chmod(0o644)
    Audit(str(path)).close()
    assert mode(path) == 0o600


def test_the_record_of_calls_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "audit").symlink_to(tmp_path / "there")
    with pytest.raises(SettingsError) as raised:
        Audit(str(tmp_path / "audit"))
    assert str(raised.value).replace(str(tmp_path), "") == snapshot(
        "MOODLE_MCP_AUDIT can't be written (it is a link): /audit"
    )
    assert not (tmp_path / "there").exists()


def test_a_result_file_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "r").symlink_to(tmp_path / "there")
    with pytest.raises(ItemsError) as raised:
        Results(tmp_path / "r", [{"id": 1}]).open()
    assert str(raised.value).replace(str(tmp_path), "") == snapshot(
        "/r: can't be written (it is a link)"
    )
    assert not (tmp_path / "there").exists()
