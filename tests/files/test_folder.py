"""The operator's folder: nothing is overwritten, nothing outside is touched."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from moodle_mcp.errors import CallError, Delivery, Kind, SettingsError
from moodle_mcp.files import folder as folders
from moodle_mcp.files.folder import Folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="uses symbolic links and FIFOs")


@pytest.fixture(params=["through open directories", "by paths, as on Windows"])
def path(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    if "Windows" in request.param:
        monkeypatch.setattr(folders, "_HAS_FD", False)
        monkeypatch.setattr(folders, "_NO_LINK", 0)
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


def nothing() -> None:
    pass


def save(folder: Folder, name: str, *pieces: bytes, then: Callable[[], None] = nothing) -> str:
    with folder.saving(name) as (saved_as, saving):
        for piece in pieces:
            saving.write(piece)
        then()
        saving.keep()
    return saved_as


def read(folder: Folder, path: str) -> tuple[str, bytes]:
    with folder.reading(path) as (name, file):
        return name, file.read()


def refused(folder: Folder, path: str) -> CallError:
    with pytest.raises(CallError) as caught:
        read(folder, path)
    assert caught.value.delivery is Delivery.NOT_SENT or caught.value.fault.kind is Kind.NOT_FOUND
    return caught.value


def content(path: Path) -> dict[str, bytes]:
    return {str(each.relative_to(path)): each.read_bytes() for each in path.rglob("*")}


def test_a_saved_file_is_whole_and_only_the_users_own(path: Path) -> None:
    assert save(Folder(path), "CON.txt", b"a", b"b") == "_CON.txt"
    assert content(path) == {"_CON.txt": b"ab"}
    assert (path / "_CON.txt").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_not_kept_leaves_nothing(path: Path) -> None:
    folder = Folder(path)
    with folder.saving("a.txt") as (_, saving):
        saving.write(b"half")
        # It has a temporary name until it is complete.
        assert not (path / "a.txt").exists()
    with contextlib.suppress(ZeroDivisionError), folder.saving("a.txt") as (_, saving):
        saving.write(b"half")
        raise ZeroDivisionError
    assert content(path) == {}


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "a\0b", "C:\\x", "..", ""])
def test_a_path_is_not_written_to(name: str, path: Path, tmp_path: Path) -> None:
    with pytest.raises(CallError):
        save(Folder(path), name, b"x")
    assert content(tmp_path / "files") == {}
    assert [each.name for each in tmp_path.iterdir()] == ["files"]


def test_what_is_there_is_not_overwritten(path: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_bytes(b"outside")
    (path / "file.txt").write_bytes(b"mine")
    (path / "link.txt").symlink_to(outside)
    (path / "dangling.txt").symlink_to(tmp_path / "nothing")
    (path / "folder.txt").mkdir()
    for name in ("file.txt", "link.txt", "dangling.txt", "folder.txt"):
        with pytest.raises(CallError) as caught:
            save(Folder(path), name, b"theirs")
        assert caught.value.fault.kind is Kind.CONFLICT
    assert (path / "file.txt").read_bytes() == b"mine"
    assert outside.read_bytes() == b"outside"
    assert not (tmp_path / "nothing").exists()
    assert len(list(path.iterdir())) == 4


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_appears_while_a_file_is_written_is_not_overwritten(
    kind: str, path: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_bytes(b"outside")

    def appear() -> None:
        if kind == "file":
            (path / "a.txt").write_bytes(b"mine")
        else:
            (path / "a.txt").symlink_to(outside)

    with pytest.raises(CallError) as caught:
        save(Folder(path), "a.txt", b"theirs", then=appear)
    assert caught.value.fault.kind is Kind.CONFLICT
    assert [each.name for each in path.iterdir()] == ["a.txt"]
    assert (path / "a.txt").read_bytes() == (b"mine" if kind == "file" else b"outside")
    assert outside.read_bytes() == b"outside"


def test_a_folder_that_was_swapped_for_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    folder = Folder(path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.txt").write_bytes(b"secret")
    path.rmdir()
    path.symlink_to(elsewhere)
    with pytest.raises(CallError):
        save(folder, "b.txt", b"x")
    refused(folder, "a.txt")
    assert content(elsewhere) == {"a.txt": b"secret"}


def test_a_folder_must_be_there_and_be_none_of_a_link(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(path)
    for wrong in (link, tmp_path / "missing", Path(__file__)):
        with pytest.raises(SettingsError, match="MOODLE_MCP_FILES must be an existing folder"):
            Folder(wrong)


def test_a_full_or_closed_folder_is_a_plain_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(path)

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(CallError) as caught:
        save(folder, "a.txt", b"x")
    assert caught.value.fault.report() == snapshot(
        {
            "kind": "internal",
            "message": "The file can't be written into the operator's folder: No space left on device.",
            "hint": "The operator checks the folder of MOODLE_MCP_FILES: its permissions and the free space.",
            "retryable": False,
            "written": "nothing",
        }
    )
    assert content(path) == {}


def test_a_file_in_the_folder_or_below_it_is_read(path: Path) -> None:
    (path / "reports").mkdir()
    (path / "reports" / "Ü 1.txt").write_bytes(b"inside")
    assert read(Folder(path), "reports/Ü 1.txt") == ("Ü 1.txt", b"inside")


def test_nothing_outside_the_folder_is_read(path: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_bytes(b"secret")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "secret.txt").write_bytes(b"secret")
    (path / "link.txt").symlink_to(secret)
    (path / "environ.txt").symlink_to("/proc/self/environ")
    (path / "inner").symlink_to(inner)
    (path / "real").mkdir()
    (path / ".hidden").write_bytes(b"hidden")
    (path / ".git").mkdir()
    (path / ".git" / "config").write_bytes(b"hidden")
    os.mkfifo(path / "fifo")
    for wrong in (
        "../secret.txt",
        "real/../../secret.txt",
        str(secret),
        "/proc/self/environ",
        "link.txt",
        "environ.txt",
        "inner/secret.txt",
        "real",
        "real/",
        "fifo",
        ".hidden",
        ".git/config",
        "",
        ".",
        "a\0b",
        "..\\secret.txt",
        "C:\\secret.txt",
        "real//x",
    ):
        refused(Folder(path), wrong)


def test_a_missing_file_is_said_to_be_missing(path: Path) -> None:
    assert refused(Folder(path), "none.txt").fault.kind is Kind.NOT_FOUND
    assert refused(Folder(path), "none/a.txt").fault.kind is Kind.NOT_FOUND


def test_a_refusal_names_nothing_of_this_machine(path: Path) -> None:
    assert refused(Folder(path), "/etc/passwd").fault.report() == snapshot(
        {
            "kind": "invalid_arguments",
            "message": "Nothing was sent: path is not a regular file inside the operator's folder.",
            "hint": "Pass a path relative to that folder, such as reports/essay.pdf, without links, hidden files or special characters. Or pass `name` and `text`.",
            "parameters": [
                {"path": "path", "problem": "is not a regular file inside the operator's folder"}
            ],
            "retryable": False,
            "written": "nothing",
        }
    )
