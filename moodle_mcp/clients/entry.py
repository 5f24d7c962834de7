"""Build a client's entry: the command that starts this server, and its settings. Never a token."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final, get_args

from pydantic import SecretStr

from moodle_mcp.clients import toml_text
from moodle_mcp.clients.known import Client
from moodle_mcp.errors import SettingsError
from moodle_mcp.settings import CONFIG_VARIABLE, Settings, named_alike, variable
from moodle_mcp.site.certificates import CERT_FILE

EXAMPLE_COMMAND: Final = "/path/to/moodle-mcp"
EXAMPLE_ENVIRONMENT: Final[Mapping[str, str]] = {
    "MOODLE_URL": "https://moodle.example.org",
    "MOODLE_TOKEN_FILE": "/path/to/moodle-token",
    "MOODLE_MCP_TOOLS": "default",
    "MOODLE_MCP_ACCESS": "read",
}

_COMMAND: Final = "moodle-mcp"
_PASSING: Final = ("archive-v", "environments-v", "builds-v")
"""Prefixes of the folders in uv's cache where `uvx` creates its temporary environments."""


@dataclass(frozen=True, slots=True)
class Running:
    """How this process was started: its script, its interpreter and environment, and `uv`."""

    script: PurePath
    python: PurePath
    prefix: PurePath
    uv: PurePath | None

    def command(self, extras: str = "") -> tuple[str, tuple[str, ...]]:
        """Return the command, with absolute paths, that starts the server in the same way later.

        A client started from a desktop has another PATH than a shell.
        """
        if self.uv and any(part.startswith(_PASSING) for part in self.prefix.parts):
            package = f"{_COMMAND}{extras}"
            source = ("--from", package) if extras else ()
            return str(self.uv.with_name(f"uvx{self.uv.suffix}")), (*source, _COMMAND)
        if self.script.stem == _COMMAND:
            return str(self.script), ()
        # -P: clients start the server in the project's folder, which may be somebody else's, and
        # Python would import modules from there.
        return str(self.python), ("-P", "-m", "moodle_mcp")


def environment_for_server(
    environment: Mapping[str, str], site: str | None, absolute: Callable[[str], str]
) -> dict[str, str]:
    """Return the settings to pass to the server when a client starts it.

    `site` is the saved site in use, if any. The server itself reads those in the settings file.

    Raises:
        SettingsError: a secret is set only in the environment.
    """
    kept: dict[str, str] = {}
    environment = named_alike(environment)
    for field in Settings.model_fields:
        name = variable(field)
        value = environment.get(name)
        if not value:
            continue
        if SecretStr in _kinds(field):
            raise SettingsError(
                f"{name} is set, but a client's configuration must not contain it: sign in with "
                "`moodle-mcp login ADDRESS` instead, or put the token into a file and set "
                "MOODLE_TOKEN_FILE"
            )
        try:
            value.encode()
        except UnicodeEncodeError:
            problem = "is not UTF-8, which a client's configuration must be"
            raise SettingsError(f"{name} {problem}") from None
        is_file = Path in _kinds(field) or (field == "audit" and value != "stderr")
        kept[name] = absolute(value) if is_file else value
    # Clients pass few of the user's variables to the servers they start.
    for name in (CONFIG_VARIABLE, CERT_FILE, "XDG_CONFIG_HOME"):
        if environment.get(name):
            kept[name] = absolute(environment[name])
    if site is not None:
        kept[variable("site")] = site
    return kept


def missing_paths(
    command: str, environment: Mapping[str, str], exists: Callable[[str], bool]
) -> list[str]:
    """Return a warning for each missing file or folder of an entry.

    The configuration folder may be missing, and the audit file is created when needed.
    """
    named = {"The command": command}
    files = [variable(field) for field in Settings.model_fields if Path in _kinds(field)]
    for name in (*files, CONFIG_VARIABLE, CERT_FILE):
        if name in environment:
            named[name] = environment[name]
    audit = environment.get(variable("audit"), "stderr")
    if audit != "stderr":
        named[f"The folder of {variable('audit')}"] = str(PurePath(audit).parent)
    return [
        f"{name} is {path}, which does not exist: the server can't work without it"
        for name, path in named.items()
        if not exists(path)
    ]


def _kinds(field: str) -> tuple[Any, ...]:
    """Return the possible types of a setting."""
    annotation = Settings.model_fields[field].annotation
    return get_args(annotation) or (annotation,)


def document(client: Client, name: str, entry: Mapping[str, Any]) -> str:
    """Return a complete configuration with only this entry."""
    value: Any = {name: entry}
    for key in reversed(client.keys):
        value = {key: value}
    if client.format == "toml":
        return toml_text.with_entry("", (*client.keys, name), entry)
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
