"""What the operator sets: environment variables, over one TOML file.

The file is `moodle-mcp.toml` in the user's configuration folder, or what MOODLE_MCP_CONFIG names;
never one in the working folder, which may be a stranger's project. Its keys are the variables'
names in lower case, without `MOODLE_MCP_`.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from platformdirs import user_config_path
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from moodle_mcp.caller.caller import CallSettings
from moodle_mcp.caller.limits import Limits
from moodle_mcp.catalogue.classification import Access
from moodle_mcp.errors import SettingsError
from moodle_mcp.gate.confirmation import Confirm
from moodle_mcp.gate.exposure import Mode
from moodle_mcp.site.address import parse_address
from moodle_mcp.site.client import Connection
from moodle_mcp.site.protocol import PROTOCOLS

PREFIX: Final = "MOODLE_MCP_"
CONFIG_VARIABLE: Final = "MOODLE_MCP_CONFIG"
FILE_NAME: Final = "moodle-mcp.toml"

_TOKEN = re.compile(r"[0-9A-Za-z]{16,128}")
_OWN_NAMES: Final = ("moodle_url", "moodle_token", "moodle_token_file", "moodle_protocol")


class Settings(BaseSettings):
    """The settings, checked; each has its meaning as its description."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, case_sensitive=False, env_ignore_empty=True, extra="forbid", frozen=True
    )

    moodle_url: Annotated[
        str, Field(alias="MOODLE_URL", description="The site's address, as https://host/path.")
    ]
    moodle_token: Annotated[
        SecretStr | None,
        Field(alias="MOODLE_TOKEN", description="The web-service token of the user to act for."),
    ] = None
    moodle_token_file: Annotated[
        Path | None,
        Field(alias="MOODLE_TOKEN_FILE", description="A file that holds the token instead."),
    ] = None
    moodle_protocol: Annotated[
        Literal["rest", "restful", "auto"],
        Field(
            alias="MOODLE_PROTOCOL",
            description="The web-service protocol: `rest`, `restful` where the plugin "
            "webservice_restful is installed, `auto` RESTful where it answers and REST elsewhere.",
        ),
    ] = "rest"
    tools: Annotated[
        str,
        Field(
            description="The functions to expose: `default`, `all`, names, globs (`mod_quiz_*`) "
            "and exclusions (`-core_user_*`), parted by commas."
        ),
    ] = "default"
    access: Annotated[
        Access, Field(description="The most that an exposed function may do to the site's data.")
    ] = Access.READ
    mode: Annotated[
        Mode,
        Field(
            description="How functions are shown: `direct` a tool each, `facade` three tools to "
            "find, describe and call them, `auto` direct up to 60 and the facade above."
        ),
    ] = Mode.AUTO
    confirm: Annotated[
        Confirm,
        Field(
            description="How destructive calls are confirmed: `ask` the person through the "
            "client, `token` a plan first, `host` the client's own prompt, `never`."
        ),
    ] = Confirm.ASK
    audit: Annotated[
        str | None,
        Field(description="A line of JSON for each call goes to `stderr` or to this file."),
    ] = None
    max_fields: Annotated[
        int,
        Field(ge=10, le=1_000_000, description="Form fields of one request; below max_input_vars."),
    ] = 900
    max_body: Annotated[
        int,
        Field(ge=1_000, le=1_000_000_000, description="Bytes of one request; below post_max_size."),
    ] = 1_000_000
    timeout: Annotated[
        float, Field(gt=0, le=3600, description="Seconds of one request, its repeats included.")
    ] = 60.0
    call_budget: Annotated[
        float, Field(gt=0, le=86_400, description="Seconds of one call that is many requests.")
    ] = 110.0
    rate: Annotated[
        float, Field(gt=0, le=1000, description="Requests a second to the site, at most.")
    ] = 25.0
    read_concurrency: Annotated[
        int, Field(ge=1, le=50, description="Reading requests under way at once, at most.")
    ] = 4
    write_concurrency: Annotated[
        int, Field(ge=1, le=20, description="Writing requests under way at once, at most.")
    ] = 1
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Field(description="What goes to the log on stderr."),
    ] = "warning"
    unsafe_plain_http: Annotated[
        bool, Field(description="Allow http to another machine: the token travels in the clear.")
    ] = False

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, which `load_settings` hands in."""
        return env_settings, init_settings

    @property
    def call_settings(self) -> CallSettings:
        """The part that the caller needs."""
        return CallSettings(
            limits=Limits(self.max_fields, self.max_body),
            timeout=self.timeout,
            budget=self.call_budget,
            rate=self.rate,
            reads=self.read_concurrency,
            writes=self.write_concurrency,
        )

    def connection(self) -> Connection:
        """The site to connect to, with the token.

        Raises:
            SettingsError: the address or the token is missing or wrong.
        """
        address = parse_address(self.moodle_url, plain_http_allowed=self.unsafe_plain_http)
        protocols = PROTOCOLS[self.moodle_protocol]
        return Connection(address, SecretStr(self._read_token()), protocols)

    def _read_token(self) -> str:
        if self.moodle_token is not None:
            name, token = "MOODLE_TOKEN", self.moodle_token.get_secret_value().strip()
        elif self.moodle_token_file is not None:
            name, token = "MOODLE_TOKEN_FILE", _token_in(self.moodle_token_file)
        else:
            raise SettingsError(
                "MOODLE_TOKEN is missing: set it, or MOODLE_TOKEN_FILE, to the user's "
                "web-service token"
            )
        if not _TOKEN.fullmatch(token):
            raise SettingsError(
                f"{name} does not hold a Moodle token: 32 letters and digits, with nothing around"
            )
        return token


def load_settings() -> Settings:
    """The settings of the process's environment and the file.

    Raises:
        SettingsError: with one line that names the setting and what it may be.
    """
    _refuse_unknown_variables(os.environ)
    try:
        return Settings(**_read_file())
    except ValidationError as error:
        raise SettingsError(_one_line(error)) from None


def variable(field: str) -> str:
    """The environment variable of a field."""
    return field.upper() if field.lower() in _OWN_NAMES else f"{PREFIX}{field.upper()}"


def _read_file() -> dict[str, Any]:
    named = os.environ.get(CONFIG_VARIABLE)
    path = Path(named) if named else user_config_path("moodle-mcp") / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if named:
            raise SettingsError(f"{CONFIG_VARIABLE}: there is no file {path}") from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: can't be read ({type(error).__name__})") from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: is not TOML: {error}") from None
    known = [*Settings.model_fields]
    for key in data:
        if key not in known:
            raise SettingsError(f"{path}: {key} is not a setting{_did_you_mean(key, known)}")
    if os.environ.get("MOODLE_TOKEN") or os.environ.get("MOODLE_TOKEN_FILE"):
        # One token wins, and it is the environment's in whatever form.
        data = {key: value for key, value in data.items() if not key.startswith("moodle_token")}
    return {variable(key) if key in _OWN_NAMES else key: value for key, value in data.items()}


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    known = [variable(field) for field in Settings.model_fields] + [CONFIG_VARIABLE]
    for name in environment:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            raise SettingsError(f"{name} is not a setting{_did_you_mean(name, known)}")


def _did_you_mean(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else f": the settings are {', '.join(known)}"


def _token_in(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"MOODLE_TOKEN_FILE can't be read ({type(error).__name__}): {path}"
        ) from None


def _one_line(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    name = variable(str(first["loc"][0]))
    if first["type"] == "missing":
        return f"{name} is missing"
    expected = (first.get("ctx") or {}).get("expected")
    return f"{name} must be {expected}" if expected else f"{name}: {first['msg']}"
