"""The saved sites: one private file each, the token there or in the system's keyring."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any

import keyring
import pytest
from inline_snapshot import snapshot
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from pydantic import SecretStr

from moodle_mcp.credentials.kept_sites import Account, Accounts, BrokenSiteError, Place, name_for
from moodle_mcp.credentials.system_keyring import NoKeyringError
from moodle_mcp.errors import SettingsError
from moodle_mcp.site.address import Address
from tests.support.keyrings import Memory

TOKEN = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    return Accounts(tmp_path / "new" / "sites")


def account(name: str = "school", place: Place = "file") -> Account:
    return Account(name, f"https://{name}.example/m", "teacher1", place)


def keep(accounts: Accounts, *names: str) -> None:
    for name in names:
        accounts.keep(account(name), SecretStr(TOKEN))


def test_what_is_kept_is_given_back(accounts: Accounts) -> None:
    keep(accounts, "school", "college-2")
    assert accounts.names() == ["college-2", "school"]
    assert accounts.get("school") == account()
    assert accounts.token("school").get_secret_value() == TOKEN


def test_a_later_sign_in_replaces_the_token(accounts: Accounts) -> None:
    keep(accounts, "school")
    accounts.keep(account(), SecretStr(OTHER))
    assert accounts.names() == ["school"]
    assert accounts.token("school").get_secret_value() == OTHER


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_files_and_folder_are_for_the_user_alone_whatever_the_umask(accounts: Accounts) -> None:
    before = os.umask(0)
    try:
        keep(accounts, "school")
    finally:
        os.umask(before)
    modes = {
        file.name: stat.S_IMODE(file.stat().st_mode)
        for file in (accounts.folder, *accounts.folder.iterdir())
    }
    assert modes == {"sites": 0o700, "site-school.json": 0o600, "default": 0o600}


def test_nothing_else_is_left_in_the_folder(accounts: Accounts) -> None:
    keep(accounts, "school", "school")
    assert sorted(file.name for file in accounts.folder.iterdir()) == [
        "default",
        "site-school.json",
    ]


def test_a_name_of_a_windows_device_makes_no_such_file(accounts: Accounts) -> None:
    keep(accounts, "con")
    assert (accounts.folder / "site-con.json").is_file()


def test_in_the_keyring_the_token_is_in_no_file(accounts: Accounts, memory: Memory) -> None:
    accounts.keep(account(place="keyring"), SecretStr(TOKEN))
    assert list(memory.entries) == [("moodle-mcp", "school")]
    assert all(TOKEN not in file.read_text() for file in accounts.folder.iterdir())
    assert accounts.get("school").place == "keyring"
    assert accounts.token("school").get_secret_value() == TOKEN


def test_kept_in_a_file_nothing_stays_in_the_keyring(accounts: Accounts, memory: Memory) -> None:
    accounts.keep(account(place="keyring"), SecretStr(TOKEN))
    accounts.keep(account(place="file"), SecretStr(OTHER))
    assert memory.entries == {}
    assert accounts.token("school").get_secret_value() == OTHER


@pytest.mark.parametrize("backend", [fail.Keyring, null.Keyring], ids=["none", "switched off"])
def test_a_keyring_that_keeps_nothing_is_told_and_leaves_no_site(
    accounts: Accounts, memory: Memory, backend: type[KeyringBackend]
) -> None:
    keyring.set_keyring(backend())
    with pytest.raises(NoKeyringError):
        accounts.keep(account(place="keyring"), SecretStr(TOKEN))
    assert accounts.names() == []


def test_a_locked_keyring_is_one_line_that_says_what_to_do(
    accounts: Accounts, memory: Memory
) -> None:
    accounts.keep(account(place="keyring"), SecretStr(TOKEN))
    memory.locked = True
    with pytest.raises(SettingsError) as caught:
        accounts.token("school")
    assert str(caught.value) == snapshot(
        "the system's keyring can't be read for the site school (KeyringLocked): unlock it, or sign in again with `moodle-mcp login` and --keep-in file"
    )
    with pytest.raises(SettingsError):
        accounts.forget("school")
    assert accounts.names() == ["school"]


def test_without_the_keyrings_library_each_step_says_so_or_does_without(
    accounts: Accounts, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.keep(account("kept", "keyring"), SecretStr(TOKEN))
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(NoKeyringError, match="not installed"):
        accounts.keep(account("school", "keyring"), SecretStr(TOKEN))
    with pytest.raises(SettingsError) as caught:
        accounts.token("kept")
    assert str(caught.value) == snapshot(
        "the token of the site kept is in the system's keyring, but the library `keyring` is not installed: pip install 'moodle-mcp[keyring]'"
    )
    accounts.forget("kept")
    assert accounts.names() == []


def test_a_file_that_can_not_be_read_is_named(accounts: Accounts) -> None:
    """A folder is in its place."""
    keep(accounts, "school")
    file = accounts.folder / "site-school.json"
    file.unlink()
    file.mkdir()
    with pytest.raises(SettingsError) as caught:
        accounts.get("school")
    assert str(caught.value).startswith(f"{file}: can't be read")


def test_a_token_that_was_taken_out_of_the_keyring_is_missed(
    accounts: Accounts, memory: Memory
) -> None:
    accounts.keep(account(place="keyring"), SecretStr(TOKEN))
    memory.entries.clear()
    with pytest.raises(SettingsError) as caught:
        accounts.token("school")
    assert str(caught.value) == snapshot(
        "the system's keyring has no token for the site school at its address: sign in again with `moodle-mcp login`"
    )
    accounts.forget("school")
    assert accounts.names() == []


def test_what_is_forgotten_is_gone_with_its_token(accounts: Accounts, memory: Memory) -> None:
    keep(accounts, "school")
    accounts.keep(account("college", "keyring"), SecretStr(OTHER))
    accounts.forget("school")
    accounts.forget("college")
    assert accounts.names() == []
    assert memory.entries == {}


def test_the_first_is_the_default_until_another_is_chosen(accounts: Accounts) -> None:
    assert accounts.default() is None
    keep(accounts, "school", "college")
    assert accounts.default() == "school"
    accounts.choose("college")
    assert accounts.default() == "college"


def test_without_the_chosen_one_the_only_other_is_the_default(accounts: Accounts) -> None:
    keep(accounts, "school", "college", "third")
    accounts.forget("school")
    with pytest.raises(SettingsError) as caught:
        accounts.default()
    assert str(caught.value) == snapshot(
        "several sites are saved and none is the default (college, third): name one with --site or MOODLE_MCP_SITE, or choose with `moodle-mcp sites --default NAME`"
    )
    accounts.forget("third")
    assert accounts.default() == "college"


@pytest.mark.parametrize("name", ["nobody", "../school", "School", "", "a" * 65, "-x", "a/b"])
def test_a_name_that_is_not_kept_or_can_not_be_is_one_line(accounts: Accounts, name: str) -> None:
    keep(accounts, "school")
    for use in (accounts.get, accounts.token, accounts.choose, accounts.forget):
        with pytest.raises(SettingsError) as caught:
            use(name)
        assert "\n" not in str(caught.value)
    assert accounts.names() == ["school"]


def test_a_name_is_no_way_to_another_file(accounts: Accounts) -> None:
    keep(accounts, "school")
    (accounts.folder / "site-a").mkdir()
    (accounts.folder / "site-school.json").rename(accounts.folder / "site-a" / "b.json")
    with pytest.raises(SettingsError, match="can't be a site's name"):
        accounts.token("a/b")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": ""}', f'{{"token": "{TOKEN}"}}'])
def test_a_broken_file_is_named_without_what_is_in_it(accounts: Accounts, text: str) -> None:
    keep(accounts, "school")
    (accounts.folder / "site-school.json").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        accounts.get("school")
    assert "site-school.json" in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_a_broken_file_is_replaced_or_forgotten(accounts: Accounts) -> None:
    for mend in (lambda: keep(accounts, "school"), lambda: accounts.forget("school")):
        keep(accounts, "school")
        (accounts.folder / "site-school.json").write_text("{", encoding="utf-8")
        mend()
    assert accounts.names() == []


def test_a_folder_that_can_not_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(SettingsError, match="can't be written"):
        keep(Accounts(tmp_path / "file" / "sites"), "school")


def test_a_site_is_named_after_its_host_port_and_path() -> None:
    bases = (
        "https://moodle.example.org",
        "https://Example.org/moodle/a",
        "http://127.0.0.1:8085",
        "http://[::1]:8085",
        "https://münchen.example/é",
        "https://" + "a" * 60 + ".example.org",
    )
    assert [name_for(Address(base)) for base in bases] == snapshot(
        [
            "moodle.example.org",
            "example.org-moodle-a",
            "127.0.0.1-8085",
            "1-8085",
            "xn--mnchen-3ya.example",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.exa",
        ]
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_the_folders_above_are_for_the_user_alone_too(tmp_path: Path) -> None:
    """Whoever can write to a folder above can replace this folder."""
    before = os.umask(0)
    try:
        keep(Accounts(tmp_path / "a" / "b" / "sites"), "school")
    finally:
        os.umask(before)
    assert [
        stat.S_IMODE((tmp_path / each).stat().st_mode) for each in ("a", "a/b", "a/b/sites")
    ] == [0o700] * 3


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
@pytest.mark.parametrize(
    ("place", "path", "mode"),
    [
        ("file", "site-school.json", 0o640),
        ("keyring", "site-school.json", 0o620),
        ("file", "", 0o777),
        ("keyring", "", 0o770),
    ],
)
def test_a_site_that_others_may_have_changed_is_not_used_until_it_is_kept_anew(
    accounts: Accounts, memory: Memory, place: Place, path: str, mode: int
) -> None:
    accounts.keep(account(place=place), SecretStr(TOKEN))
    opened = accounts.folder / path
    opened.chmod(mode)
    for read in (accounts.get, accounts.token):
        with pytest.raises(BrokenSiteError) as caught:
            read("school")
        assert str(caught.value) == (
            f"{opened}: other users can access it (mode {mode:04o}): check whether its content is "
            "yours, then sign in again"
        )
    accounts.keep(account(place=place), SecretStr(OTHER))
    assert accounts.token("school").get_secret_value() == OTHER


def test_a_keyrings_token_goes_to_the_address_that_it_was_kept_for_alone(
    accounts: Accounts, memory: Memory
) -> None:
    accounts.keep(account(place="keyring"), SecretStr(TOKEN))
    file = accounts.folder / "site-school.json"
    file.write_text(file.read_text().replace("school.example", "evil.example"))
    with pytest.raises(SettingsError) as caught:
        accounts.token("school")
    assert TOKEN not in str(caught.value)
    assert "at its address" in str(caught.value)


class Odd(Memory):
    """A keyring that raises what no keyring should, with a secret and an escape in it."""

    def _check(self) -> None:
        if self.locked:
            raise ArithmeticError(f"{TOKEN}\n\x1b[2J")


class Lying(Memory):
    """A keyring that returns something other than text."""

    def get_password(self, service: str, username: str) -> Any:
        return 5 if self.locked else super().get_password(service, username)


@pytest.mark.parametrize("kind", [Odd, Lying])
def test_whatever_a_keyring_does_is_one_line_without_what_it_says(
    accounts: Accounts, memory: Memory, kind: type[Memory]
) -> None:
    ring = kind()
    keyring.set_keyring(ring)
    accounts.keep(account(place="keyring"), SecretStr(TOKEN))
    ring.locked = True
    with pytest.raises(SettingsError) as caught:
        accounts.token("school")
    assert TOKEN not in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(NoKeyringError):
        accounts.keep(account("other", "keyring"), SecretStr(TOKEN))
    assert accounts.names() == ["school"]
