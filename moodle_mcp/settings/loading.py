"""Load the settings from environment variables and one TOML file; the environment wins.

The file is `moodle-mcp.toml` in the user's configuration folder, or what MOODLE_MCP_CONFIG names.
It is never read from the working folder, which may be somebody else's project. Its keys are the
variables' names in lower case, without `MOODLE_MCP_`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from platformdirs import user_config_path
from pydantic import ValidationError

from moodle_mcp.atomic import reason
from moodle_mcp.errors import SettingsError
from moodle_mcp.regular_files import SMALL, at_home, read_regular
from moodle_mcp.settings.model import Settings
from moodle_mcp.settings.names import (
    CONFIG_VARIABLE,
    CONNECTION,
    FILE_NAME,
    PREFIX,
    named_alike,
    variable,
)
from moodle_mcp.suggest import similar
from moodle_mcp.textfile import TextError, decoded


def load_settings(site: str | None = None) -> Settings:
    """Load the settings from the process's environment and the file.

    `site` is the saved site named on the command line; it overrides MOODLE_MCP_SITE.

    Raises:
        SettingsError: one line that names the setting and its allowed values.
    """
    _refuse_unknown_variables(os.environ)
    environment = named_alike(os.environ)
    variables = {name: environment.get(variable(name)) for name in Settings.model_fields}
    in_environment = {name: value for name, value in variables.items() if value is not None}
    named = environment.get(CONFIG_VARIABLE)
    path = at_home(Path(named)) if named else user_config_path("moodle-mcp") / FILE_NAME
    in_file = _connected_by_one(_read_file(path, named=named is not None), in_environment, site)
    try:
        settings = Settings.model_validate(in_file | in_environment)
    except ValidationError as error:
        raise SettingsError(_one_line(error, in_environment, path)) from None
    return settings if site is None else settings.model_copy(update={"site": site})


def _read_file(path: Path, *, named: bool) -> dict[str, Any]:
    try:
        text = decoded(read_regular(path, SMALL))
    except FileNotFoundError:
        if named:
            raise SettingsError(f"{CONFIG_VARIABLE}: there is no file {path}") from None
        return {}
    except OSError as error:
        raise SettingsError(f"{path}: can't be read ({reason(error)})") from None
    except TextError as error:
        raise SettingsError(f"{path}: {error}") from None
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: is not TOML: {error}") from None
    known = [*Settings.model_fields]
    for key in data:
        if key not in known:
            raise SettingsError(f"{path}: {key} is not a setting{_did_you_mean(key, known)}")
        if "\0" in str(data[key]):
            raise SettingsError(f"{path}: {key} contains a NUL character")
    return data


def _connected_by_one(
    in_file: dict[str, Any], in_environment: Mapping[str, str], site: str | None
) -> dict[str, Any]:
    """Return the file's settings without a connection that environment or command line override."""
    overruled: set[str] = set()
    if site or "site" in in_environment:
        overruled.update(("site", *CONNECTION))
    if any(name in in_environment for name in CONNECTION):
        overruled.add("site")
    tokens = ("moodle_token", "moodle_token_file")
    if any(name in in_environment for name in tokens):
        # A token in the environment, in whatever form, replaces the file's token.
        overruled.update(tokens)
    own, other = in_file.get("moodle_url"), in_environment.get("moodle_url")
    if own and other and own != other:
        # The file's token belongs to the file's site; no other site may receive it.
        overruled.update(tokens)
    return {key: value for key, value in in_file.items() if key not in overruled}


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    known = [variable(field) for field in Settings.model_fields] + [CONFIG_VARIABLE]
    for name in environment:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            raise SettingsError(f"{name} is not a setting{_did_you_mean(name, known)}")


def _did_you_mean(name: str, known: list[str]) -> str:
    near = similar(name, known, most=1)
    return f"; did you mean {near[0]}?" if near else f": the settings are {', '.join(known)}"


def _one_line(error: ValidationError, in_environment: Mapping[str, str], file: Path) -> str:
    """Describe the first error: the variable, or the file and key, and its allowed values."""
    from moodle_mcp.settings.allowed import allowed

    field = str(error.errors(include_url=False, include_input=False)[0]["loc"][0])
    name = variable(field) if field in in_environment else f"{file}: {field}"
    return f"{name} must be: {allowed(Settings.model_fields[field])}"
