"""The settings: where they come from, and the one line that a wrong one stops the start with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from moodle_mcp.caller.caller import CallSettings
from moodle_mcp.caller.limits import Limits
from moodle_mcp.catalogue.classification import Access
from moodle_mcp.errors import SettingsError
from moodle_mcp.settings import Settings, load_settings, variable
from moodle_mcp.site.protocol import REST, RESTFUL, Protocol

TOKEN = "0123456789abcdef" * 2
GOOD = {"MOODLE_URL": "https://m.example/sub", "MOODLE_TOKEN": TOKEN}


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Load:
    return Load(monkeypatch, tmp_path)


class Load:
    """Loads the settings in an environment with nothing else of ours in it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._monkeypatch = monkeypatch
        self.folder = folder

    def __call__(self, *, file: str | None = None, **environment: str) -> Settings:
        for name in list(os.environ):
            if name.startswith("MOODLE"):
                self._monkeypatch.delenv(name)
        # No settings of the person who runs the tests.
        self._monkeypatch.setenv("XDG_CONFIG_HOME", str(self.folder))
        for name, value in environment.items():
            self._monkeypatch.setenv(name, value)
        if file is not None:
            path = self.folder / "moodle-mcp.toml"
            path.write_text(file, encoding="utf-8")
            self._monkeypatch.setenv("MOODLE_MCP_CONFIG", str(path))
        settings = load_settings()
        settings.connection()
        return settings


def test_the_defaults_read_only_and_stay_under_phps_limits(load: Load) -> None:
    settings = load(**GOOD)
    assert settings.access is Access.READ
    assert settings.tools == "default"
    assert settings.call_settings == CallSettings(Limits(900, 1_000_000), 60.0, 110.0)
    assert settings.connection().address.base == "https://m.example/sub"


@pytest.mark.parametrize(
    ("setting", "protocols"),
    [("rest", (REST,)), ("restful", (RESTFUL,)), ("auto", (RESTFUL, REST))],
)
def test_the_protocol_is_what_is_set_and_auto_prefers_restful(
    load: Load, setting: str, protocols: tuple[Protocol, ...]
) -> None:
    assert load(**GOOD).connection().protocols == (REST,)
    assert load(**GOOD, MOODLE_PROTOCOL=setting).connection().protocols == protocols


def test_the_environment_wins_over_the_file(load: Load) -> None:
    file = f'moodle_url = "https://file.example"\nmoodle_token = "{TOKEN}"\nmax_fields = 500\n'
    settings = load(file=file, MOODLE_URL="https://env.example")
    assert settings.moodle_url == "https://env.example"
    assert settings.max_fields == 500


def test_a_file_in_the_working_folder_is_not_read(
    load: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("moodle-mcp.toml").write_text('access = "destructive"', encoding="utf-8")
    assert load(**GOOD).access is Access.READ


def test_the_token_may_be_in_a_file(load: Load) -> None:
    path = load.folder / "token"
    path.write_text(f"{TOKEN}\n", encoding="utf-8")
    settings = load(MOODLE_URL="https://m.example", MOODLE_TOKEN_FILE=str(path))
    assert settings.connection().token.get_secret_value() == TOKEN


def test_an_empty_variable_counts_as_unset(load: Load) -> None:
    assert load(**GOOD, MOODLE_MCP_TOOLS="").tools == "default"


def test_the_token_is_in_no_representation(load: Load) -> None:
    settings = load(**GOOD)
    assert TOKEN not in f"{settings} {settings!r} {settings.connection()!r}"


WRONG: dict[str, dict[str, str]] = {
    "no address": {"MOODLE_TOKEN": TOKEN},
    "no token": {"MOODLE_URL": "https://m.example"},
    "token in quotes": {**GOOD, "MOODLE_TOKEN": f'"{TOKEN}"'},
    "token that a client did not expand": {**GOOD, "MOODLE_TOKEN": "${MOODLE_TOKEN}"},
    "access": {**GOOD, "MOODLE_MCP_ACCESS": "everything"},
    "fields": {**GOOD, "MOODLE_MCP_MAX_FIELDS": "3"},
    "timeout": {**GOOD, "MOODLE_MCP_TIMEOUT": "soon"},
    "misspelt": {**GOOD, "MOODLE_MCP_TOOL": "all"},
    "protocol": {**GOOD, "MOODLE_PROTOCOL": "soap"},
    "plain http": {**GOOD, "MOODLE_URL": "http://m.example"},
    "missing token file": {"MOODLE_URL": "https://m.example", "MOODLE_TOKEN_FILE": "/nowhere/t"},
    "missing settings file": {**GOOD, "MOODLE_MCP_CONFIG": "/nowhere/c.toml"},
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_setting_stops_with_one_line_that_names_it(load: Load, case: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**WRONG[case])
    message = str(caught.value)
    assert "\n" not in message
    assert TOKEN not in message
    assert (
        message
        == snapshot(
            {
                "no address": "MOODLE_URL is missing",
                "no token": "MOODLE_TOKEN is missing: set it, or MOODLE_TOKEN_FILE, to the user's web-service token",
                "token in quotes": "MOODLE_TOKEN does not hold a Moodle token: 32 letters and digits, with nothing around",
                "token that a client did not expand": "MOODLE_TOKEN does not hold a Moodle token: 32 letters and digits, with nothing around",
                "access": "MOODLE_MCP_ACCESS must be 'read', 'write' or 'destructive'",
                "fields": "MOODLE_MCP_MAX_FIELDS: Input should be greater than or equal to 10",
                "timeout": "MOODLE_MCP_TIMEOUT: Input should be a valid number, unable to parse string as a number",
                "misspelt": "MOODLE_MCP_TOOL is not a setting; did you mean MOODLE_MCP_TOOLS?",
                "protocol": "MOODLE_PROTOCOL must be 'rest', 'restful' or 'auto'",
                "plain http": "MOODLE_URL must begin with https://: over http the token could be read on its way (MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 allows it all the same)",
                "missing token file": "MOODLE_TOKEN_FILE can't be read (FileNotFoundError): /nowhere/t",
                "missing settings file": "MOODLE_MCP_CONFIG: there is no file /nowhere/c.toml",
            }
        )[case]
    )


@pytest.mark.parametrize(
    "file", ["toools = 1", "= 1", 'tools = ["all"]'], ids=["key", "toml", "type"]
)
def test_a_wrong_file_is_named_with_what_is_wrong(load: Load, file: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(file=file, **GOOD)
    assert "\n" not in str(caught.value)


def test_every_setting_has_a_description_and_a_variable() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description
        assert variable(name).startswith("MOODLE_")
