"""Files that people name are read only if they are regular files of limited size."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from moodle_mcp.atomic import UnfitError
from moodle_mcp.catalogue.site_file import load_site_file
from moodle_mcp.cli.item_file import read_items
from moodle_mcp.cli.items import ItemsError, Results
from moodle_mcp.credentials.kept_sites import Accounts, BrokenSiteError
from moodle_mcp.errors import MoodleMcpError, SettingsError
from moodle_mcp.regular_files import at_home, read_regular, real

posix = pytest.mark.skipif(os.name == "nt", reason="pipes, devices and links of POSIX")


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def to_device(folder: Path) -> Path:
    (folder / "link").symlink_to("/dev/zero")
    return folder / "link"


STRANGE: dict[str, Callable[[Path], Path]] = {"a pipe": pipe, "a link to a device": to_device}


@posix
@pytest.mark.parametrize("case", STRANGE)
def test_what_is_no_regular_file_is_not_read(tmp_path: Path, case: str) -> None:
    """To wait for a pipe's writer, or to read a device to its end, would not come to an end."""
    with pytest.raises(UnfitError, match="it is not a regular file"):
        read_regular(STRANGE[case](tmp_path))


@posix
@pytest.mark.parametrize("case", STRANGE)
def test_whatever_file_is_named_nobody_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    from moodle_mcp.settings import load_settings

    strange = STRANGE[case](tmp_path)
    for name in list(os.environ):
        if name.startswith("MOODLE"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MOODLE_URL", "https://m.example")
    monkeypatch.setenv("MOODLE_TOKEN_FILE", str(strange))
    kept = Accounts(tmp_path / "sites")
    kept.folder.mkdir()
    items = tmp_path / "items.json"
    for name in (items, kept.folder / "site-a.json", kept.folder / "default"):
        name.symlink_to(strange)

    def config() -> None:
        with monkeypatch.context() as inner:
            inner.setenv("MOODLE_MCP_CONFIG", str(strange))
            load_settings()

    def refusal(read: Callable[[], object]) -> str:
        with pytest.raises(MoodleMcpError) as caught:
            read()
        return str(caught.value).replace(str(strange), "STRANGE").replace(str(tmp_path), "")

    assert [
        refusal(config),
        refusal(lambda: load_settings().connection()),
        refusal(lambda: load_site_file(strange, "MOODLE_MCP_CATALOGUE")),
        refusal(lambda: kept.get("a")),
        refusal(lambda: read_items(items)),
        refusal(lambda: Results(strange, [])),
    ] == snapshot(
        [
            "STRANGE: can't be read (it is not a regular file)",
            "MOODLE_TOKEN_FILE can't be read (it is not a regular file): STRANGE",
            "MOODLE_MCP_CATALOGUE can't be read (it is not a regular file): STRANGE",
            "/sites/site-a.json: can't be read (it is not a regular file)",
            "/items.json: can't be read (it is not a regular file)",
            "STRANGE: can't be read (it is not a regular file)",
        ]
    )
    assert kept.default() == "a"


def test_a_file_is_read_up_to_what_it_may_have(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_regular(tmp_path / "a", 5) == read_regular(tmp_path / "a") == b"12345"
    with pytest.raises(UnfitError, match="it has more than 4 bytes"):
        read_regular(tmp_path / "a", 4)
    assert read_regular(Path(os.devnull)) == b""


def test_a_path_that_no_file_can_have_is_an_error_of_the_system() -> None:
    with pytest.raises(UnfitError):
        read_regular(Path("a\0b"))


@posix
def test_a_home_that_nobody_has_and_links_in_a_circle_are_names_like_others(
    tmp_path: Path,
) -> None:
    assert at_home(Path("~nobody-is-called-so/a")) == Path("~nobody-is-called-so/a")
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert real(tmp_path / "a").parent == real(tmp_path)
    with pytest.raises(OSError, match="symbolic links"):
        read_regular(tmp_path / "a")


def test_a_broken_site_can_be_told_from_one_that_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "site-a.json").mkdir()
    with pytest.raises(BrokenSiteError):
        Accounts(tmp_path).get("a")
    with pytest.raises(SettingsError, match="no site is saved"):
        Accounts(tmp_path).get("b")


def test_items_that_are_no_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    with pytest.raises(ItemsError, match="can't be read"):
        read_items(tmp_path / "a.json")
