"""The settings: their sources, and the one-line error for a wrong one."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from pydantic import SecretStr

from moodle_mcp.caller.limits import Limits
from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.catalogue.classification import Access
from moodle_mcp.credentials.kept_sites import Account, Accounts
from moodle_mcp.errors import SettingsError
from moodle_mcp.files.settings import FileSettings
from moodle_mcp.settings import Settings, load_settings, variable
from moodle_mcp.site.protocol import REST, RESTFUL, Protocol
from moodle_mcp.site.timing import Timing

TOKEN = "0123456789abcdef" * 2
GOOD = {"MOODLE_URL": "https://m.example/sub", "MOODLE_TOKEN": TOKEN}


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Load:
    return Load(monkeypatch, tmp_path)


class Load:
    """Loads the settings in an environment without other variables of this program."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._monkeypatch = monkeypatch
        self.folder = folder

    def __call__(
        self, *, file: str | None = None, site: str | None = None, **environment: str
    ) -> Settings:
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
        settings = load_settings(site)
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
    settings = load(file=file, MOODLE_URL="https://env.example", MOODLE_TOKEN="b" * 32)
    assert settings.connection().address.base == "https://env.example"
    assert settings.connection().token.get_secret_value() == "b" * 32
    assert settings.max_fields == 500


def test_a_token_in_the_file_is_for_the_address_in_the_file_alone(load: Load) -> None:
    file = f'moodle_url = "https://file.example"\nmoodle_token = "{TOKEN}"\n'
    with pytest.raises(SettingsError, match="MOODLE_TOKEN is missing"):
        load(file=file, MOODLE_URL="https://env.example").connection()
    same = load(file=file, MOODLE_URL="https://file.example").connection()
    assert same.token.get_secret_value() == TOKEN


def test_a_token_in_the_file_without_an_address_is_for_the_one_in_the_environment(
    load: Load,
) -> None:
    connection = load(
        file=f'moodle_token = "{TOKEN}"', MOODLE_URL="https://env.example"
    ).connection()
    assert connection.token.get_secret_value() == TOKEN


def test_a_path_may_begin_with_the_home_folder(
    load: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    settings = load(MOODLE_URL="https://env.example", MOODLE_TOKEN_FILE="~/token")
    assert settings.connection().token.get_secret_value() == TOKEN


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


def test_without_a_folder_there_is_none(load: Load) -> None:
    settings = load(**GOOD)
    assert settings.folder() is None
    assert settings.file_settings == FileSettings(20_000_000, 500_000_000, Timing(60.0, 110.0))


def test_a_folder_for_files_is_one_of_its_own(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    home = load.folder / "home"
    files = home / "moodle-files"
    files.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    token = files / "token"
    token.write_text(TOKEN, encoding="utf-8")
    settings = files / "settings.toml"
    settings.touch()

    def refusal(path: Path | str, **more: str) -> str:
        with pytest.raises(SettingsError) as caught:
            load(**{**GOOD, "MOODLE_MCP_FILES": str(path), **more}).folder()
        return str(caught.value).replace(str(load.folder), "")

    assert load(**GOOD, MOODLE_MCP_FILES="~/moodle-files").folder() is not None
    assert [
        refusal(home),
        refusal(home.parent),
        refusal("/"),
        refusal("moodle-files"),
        refusal(home / "missing"),
        refusal(token),
        refusal(files, MOODLE_TOKEN="", MOODLE_TOKEN_FILE=str(token)),
        refusal(load.folder / "moodle-mcp"),
        refusal(load.folder / "moodle-mcp" / "sites"),
        refusal(files, MOODLE_MCP_CONFIG=str(settings)),
    ] == snapshot(
        [
            "MOODLE_MCP_FILES must be a separate folder, not the home folder",
            "MOODLE_MCP_FILES must be a separate folder, not the home folder",
            "MOODLE_MCP_FILES must be a separate folder, not the home folder",
            "MOODLE_MCP_FILES must be an absolute path, not moodle-files",
            "MOODLE_MCP_FILES must be an existing folder and not a symbolic link: /home/missing",
            "MOODLE_MCP_FILES must be an existing folder and not a symbolic link: /home/moodle-files/token",
            "MOODLE_MCP_FILES must not contain the file of MOODLE_TOKEN_FILE",
            "MOODLE_MCP_FILES must not overlap with settings and saved sites",
            "MOODLE_MCP_FILES must not overlap with settings and saved sites",
            "MOODLE_MCP_FILES must not overlap with settings and saved sites",
        ]
    )


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
                "no token": "MOODLE_TOKEN is missing: set it, or MOODLE_TOKEN_FILE, to the user's web-service token; or use a saved site instead of MOODLE_URL",
                "token in quotes": "MOODLE_TOKEN does not contain a Moodle token: expected 32 letters and digits",
                "token that a client did not expand": "MOODLE_TOKEN does not contain a Moodle token: expected 32 letters and digits",
                "access": "MOODLE_MCP_ACCESS must be: read, write, destructive",
                "fields": "MOODLE_MCP_MAX_FIELDS must be: from 10 to 1,000,000",
                "timeout": "MOODLE_MCP_TIMEOUT must be: above 0 to 3,600",
                "misspelt": "MOODLE_MCP_TOOL is not a setting; did you mean MOODLE_MCP_TOOLS?",
                "protocol": "MOODLE_PROTOCOL must be: rest, restful, auto",
                "plain http": "MOODLE_URL must begin with https://: over http others can read the token on the network (set MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 to allow http)",
                "missing token file": "MOODLE_TOKEN_FILE can't be read (FileNotFoundError): /nowhere/t",
                "missing settings file": "MOODLE_MCP_CONFIG: there is no file /nowhere/c.toml",
            }
        )[case]
    )


@pytest.mark.parametrize(
    "file",
    [
        "toools = 1",
        "= 1",
        'tools = ["all"]',
        "max_file = 5",
        "max_file = " + "9" * 5000,
        "tools = " + "[" * 20_000,
        'catalogue = "/a\\u0000b"',
        "tools = '" + "x" * 2_000_000 + "'",
    ],
    ids=lambda file: file[:20],
)
def test_a_wrong_file_is_named_with_what_is_wrong(load: Load, file: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(file=file, **GOOD)
    assert str(caught.value).startswith(str(load.folder / "moodle-mcp.toml"))
    assert "\n" not in str(caught.value)


def test_every_setting_has_a_description_and_a_variable() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description
        assert variable(name).startswith("MOODLE_")


KEPT = Account("school", "https://school.example", "teacher1", "file")
FILE = f'moodle_url = "https://file.example"\nmoodle_token = "{TOKEN}"\n'


def keep(load: Load, *accounts: Account) -> None:
    """Keep sites in the folder that `load` uses."""
    kept = Accounts(load.folder / "moodle-mcp" / "sites")
    for account in accounts:
        kept.keep(account, SecretStr(TOKEN))


def test_without_an_address_the_default_kept_site_is_used(load: Load) -> None:
    keep(load, KEPT)
    connection = load().connection()
    assert connection.address.base == "https://school.example"
    assert connection.token.get_secret_value() == TOKEN


COLLEGE = replace(KEPT, name="college", url="https://college.example")

WINNERS: dict[str, tuple[str | None, str | None, dict[str, str], str]] = {
    "the environment's address over the default": (None, None, GOOD, "https://m.example/sub"),
    "the environment's site over the default": (
        None, None, {"MOODLE_MCP_SITE": "college"}, "https://college.example",
    ),
    "the command line's site over the environment's": (
        "college", None, {"MOODLE_MCP_SITE": "school"}, "https://college.example",
    ),
    "the file's address over the default": (None, FILE, {}, "https://file.example"),
    "the file's site over the default": (
        None, 'site = "college"', {}, "https://college.example",
    ),
    "the environment's site over the file's address": (
        None, FILE, {"MOODLE_MCP_SITE": "college"}, "https://college.example",
    ),
    "the command line's site over the file's address": (
        "college", FILE, {}, "https://college.example",
    ),
    "the environment's address over the file's site": (
        None, 'site = "college"', GOOD, "https://m.example/sub",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WINNERS)
def test_the_nearer_connection_wins(load: Load, case: str) -> None:
    site, file, environment, wanted = WINNERS[case]
    keep(load, KEPT, COLLEGE)
    settings = load(file=file, site=site, **environment)
    assert settings.connection().address.base == wanted


CONTRADICTIONS: dict[str, tuple[str | None, str | None, dict[str, str]]] = {
    "site and address in the environment": (None, None, {**GOOD, "MOODLE_MCP_SITE": "school"}),
    "site and token in the environment": (
        None, None, {"MOODLE_TOKEN": TOKEN, "MOODLE_MCP_SITE": "school"},
    ),
    "site on the command line, address in the environment": ("school", None, GOOD),
    "site and address in the file": (None, f'{FILE}site = "school"', {}),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_two_connections_in_one_place_are_a_line_of_error(load: Load, case: str) -> None:
    site, file, environment = CONTRADICTIONS[case]
    keep(load, KEPT)
    with pytest.raises(SettingsError) as caught:
        load(file=file, site=site, **environment)
    assert (
        str(caught.value)
        == snapshot(
            {
                "site and address in the environment": "MOODLE_URL and the saved site school are both set: remove one of them",
                "site and token in the environment": "MOODLE_TOKEN and the saved site school are both set: remove one of them",
                "site on the command line, address in the environment": "MOODLE_URL and the saved site school are both set: remove one of them",
                "site and address in the file": "MOODLE_URL and the saved site school are both set: remove one of them",
            }
        )[case]
    )


def test_nothing_set_and_nothing_kept_says_how_to_begin(load: Load) -> None:
    with pytest.raises(SettingsError) as caught:
        load()
    assert str(caught.value) == snapshot(
        "MOODLE_URL is missing: set it and MOODLE_TOKEN_FILE, or sign in once with `moodle-mcp login ADDRESS`"
    )


def test_plain_http_to_another_machine_is_refused_for_kept_sites_too(load: Load) -> None:
    keep(load, replace(KEPT, url="http://school.example"))
    with pytest.raises(SettingsError, match="saved site school must begin with https"):
        load()


def test_a_kept_token_is_checked(load: Load) -> None:
    keep(load, KEPT)
    file = load.folder / "moodle-mcp" / "sites" / "site-school.json"
    file.write_text('{"url": "https://school.example", "token": "né"}', encoding="utf-8")
    with pytest.raises(SettingsError, match="does not contain a Moodle token"):
        load()


def test_the_keyrings_library_is_not_imported_without_need() -> None:
    script = (
        "import sys; from moodle_mcp.settings import load_settings; load_settings().connection();"
        "print([name for name in sys.modules if 'keyring' in name or 'accounts' in name])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **GOOD}, capture_output=True, check=True
    )
    assert done.stdout.strip() == b"[]"
