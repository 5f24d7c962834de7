"""Keys and the vault: what they seal, for what, and how keys are rotated."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from moodle_mcp.auth.keys import SecretKeys, new_keys, read_keys, rotated, write_keys
from moodle_mcp.auth.vault import Vault, VaultError
from moodle_mcp.cli.main import main
from moodle_mcp.errors import SettingsError
from tests.support.hosted import Clock


def test_what_is_sealed_opens_for_the_same_thing_only() -> None:
    vault = Vault(new_keys(0))
    sealed = vault.seal("a token", bound_to="grant 1")
    assert vault.open(sealed, bound_to="grant 1") == "a token"
    with pytest.raises(VaultError):
        vault.open(sealed, bound_to="grant 2")
    with pytest.raises(VaultError):
        Vault(new_keys(0)).open(sealed, bound_to="grant 1")


def test_what_is_sealed_twice_looks_different_and_hides_its_text() -> None:
    vault = Vault(new_keys(0))
    first, second = (vault.seal("a token", bound_to="x") for _ in range(2))
    assert first != second
    assert "token" not in first


@pytest.mark.parametrize("position", [0, 8, 9, 20, -1])
def test_a_changed_text_does_not_open(position: int) -> None:
    vault = Vault(new_keys(0))
    sealed = list(vault.seal("a token", bound_to="x"))
    sealed[position] = "A" if sealed[position] != "A" else "Q"
    with pytest.raises(VaultError):
        vault.open("".join(sealed), bound_to="x")


@pytest.mark.parametrize("text", ["", ".", "x", "x.y", "\ud800.é", "é"])
def test_any_other_text_does_not_open(text: str) -> None:
    vault = Vault(new_keys(0))
    with pytest.raises(VaultError):
        vault.open(text, bound_to="x")
    key = vault.seal("x", bound_to="x").partition(".")[0]
    with pytest.raises(VaultError):
        vault.open(f"{key}.{text}", bound_to="x")


def test_a_new_key_seals_from_its_time_on_and_old_ones_still_open() -> None:
    clock = Clock(1000)
    first = new_keys(1000)
    second = rotated(first, since=2000)
    old, new = Vault(first, clock), Vault(second, clock)
    # Until then, a replica that does not know the new key can open what others seal.
    assert old.open(new.seal("early", bound_to="x"), bound_to="x") == "early"
    kept = new.seal("kept", bound_to="x")
    clock.now = 2000
    late = new.seal("late", bound_to="x")
    with pytest.raises(VaultError):
        old.open(late, bound_to="x")
    assert new.open(kept, bound_to="x") == "kept"
    forgotten = Vault(rotated(second, 3000, forget_before=2500), clock)
    assert forgotten.open(late, bound_to="x") == "late"
    with pytest.raises(VaultError):
        forgotten.open(kept, bound_to="x")


def test_a_pseudonym_is_the_same_for_the_same_person_and_key() -> None:
    keys = new_keys(0)
    vault = Vault(keys)
    assert vault.pseudonym("site 4") == vault.pseudonym("site 4")
    assert vault.pseudonym("site 4") != vault.pseudonym("site 5")
    assert vault.pseudonym("site 4") == Vault(rotated(keys, 9)).pseudonym("site 4")
    assert vault.pseudonym("site 4") != Vault(new_keys(0)).pseudonym("site 4")


def test_keys_for_different_purposes_differ() -> None:
    key = new_keys(0).keys[0]
    assert len({key.key, key.derived("a"), key.derived("b")}) == 3


def test_a_file_of_keys_is_read_back_and_private(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    keys = rotated(new_keys(1000), 2000)
    write_keys(path, keys)
    assert read_keys(path).keys == keys.keys
    if os.name != "nt":
        assert path.stat().st_mode & 0o777 == 0o600
        path.chmod(0o604)
        with pytest.raises(SettingsError, match="must not be readable for everybody"):
            read_keys(path)


@pytest.mark.parametrize("text", ["", "\n", "x", "1 x", "1 AAAA", "x " + "A" * 43 + "=", "é"])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(SettingsError, match="MOODLE_MCP_SECRET_KEY_FILE is not a file that"):
        read_keys(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="MOODLE_MCP_SECRET_KEY_FILE can't be read"):
        read_keys(tmp_path / "none")


def kept_in(path: Path) -> SecretKeys:
    return read_keys(path)


def test_the_commands_make_rotate_and_show_keys_without_showing_them(tmp_path: Path) -> None:
    path, run = tmp_path / "keys", CliRunner()
    shown = run.invoke(main, ["keys", "new", str(path)])
    assert shown.exit_code == 0
    first = kept_in(path)
    again = run.invoke(main, ["keys", "new", str(path)])
    assert again.exit_code == 2
    assert kept_in(path).keys == first.keys
    shown = run.invoke(main, ["keys", "rotate", str(path)])
    second = kept_in(path)
    assert second.keys[0] == first.keys[0]
    assert len(second.keys) == 2
    assert second.keys[1].since - first.keys[0].since >= 86_400
    assert f"{first.keys[0].id}  from" in shown.output
    text = path.read_text()
    assert not any(line.split()[1] in shown.output for line in text.splitlines())
    assert run.invoke(main, ["keys", "show", str(path)]).output == shown.output
    at_once = run.invoke(main, ["keys", "rotate", str(path), "--in-hours", "0", "--forget", "1"])
    assert at_once.exit_code == 0
    assert len(kept_in(path).keys) == 3
