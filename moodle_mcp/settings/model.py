"""The settings model, and the objects that are built from it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_config_path
from pydantic import ConfigDict, Field, SecretStr

from moodle_mcp.atomic import reason
from moodle_mcp.caller.limits import Limits
from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.site_overrides import SiteOverrides, parse_accesses
from moodle_mcp.errors import SettingsError
from moodle_mcp.files.folder import Folder
from moodle_mcp.files.settings import FileSettings
from moodle_mcp.policy.approvals import Confirm
from moodle_mcp.policy.exposure import Mode
from moodle_mcp.regular_files import SMALL, at_home, read_regular, real
from moodle_mcp.settings.hosting import HostingSettings
from moodle_mcp.settings.names import CONFIG_VARIABLE, CONNECTION, named_alike, variable
from moodle_mcp.settings.role_ids import parse_role_ids
from moodle_mcp.site.address import Address, parse_address
from moodle_mcp.site.connection import Connection, is_token
from moodle_mcp.site.protocol import PROTOCOLS
from moodle_mcp.site.timing import Timing
from moodle_mcp.textfile import TextError, decoded


class Settings(HostingSettings):
    """The validated settings; field descriptions explain their meaning."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    moodle_url: Annotated[
        str | None,
        Field(description="The site's address, such as `https://host/path`."),
    ] = None
    moodle_token: Annotated[
        SecretStr | None,
        Field(description="The web-service token of the user to act for."),
    ] = None
    moodle_token_file: Annotated[
        Path | None,
        Field(description="A file with the token, instead of MOODLE_TOKEN."),
    ] = None
    moodle_protocol: Annotated[
        Literal["rest", "restful", "auto"],
        Field(
            description="The web-service protocol. `restful` needs the plugin webservice_restful; "
            "`auto` uses RESTful if it answers, else REST.",
        ),
    ] = "rest"
    site: Annotated[
        str | None,
        Field(description="The name of a saved site (`moodle-mcp login`), instead of an address."),
    ] = None
    tools: Annotated[
        str,
        Field(
            description="The functions to expose, comma-separated: the profiles `default`, "
            "`student`, `teacher`, `manager`, `admin` and `reports`, names, globs "
            "(`mod_quiz_*`), `all`, and exclusions (`-core_user_*`)."
        ),
    ] = "default"
    access: Annotated[
        Access, Field(description="The most that exposed functions may do to the site's data.")
    ] = Access.READ
    catalogue: Annotated[
        Path | None,
        Field(description="A file with the site's own functions, exported by catalogue.php."),
    ] = None
    plugin_access: Annotated[
        str,
        Field(
            description="What functions may do that this package does not classify, such as a "
            "plugin's: `local_shop_get_*=read, local_shop_order=write`."
        ),
    ] = ""
    mode: Annotated[
        Mode,
        Field(
            description="How functions are exposed: `direct`: one tool each; `facade`: three tools "
            "to find, describe and call them; `auto`: direct up to 60 functions, else facade."
        ),
    ] = Mode.AUTO
    confirm: Annotated[
        Confirm,
        Field(
            description="How destructive calls are confirmed: `ask`: the client asks the person; "
            "`token`: a first call returns a plan; `host`: by the client's own prompt; `never`."
        ),
    ] = Confirm.ASK
    confirm_items: Annotated[
        int,
        Field(ge=1, le=100_000, description="Maximum items that one confirmation covers."),
    ] = 500
    roles: Annotated[
        str,
        Field(
            description="The ids of the site's roles by short name, so that lists of people can "
            "name roles: `student=5, editingteacher=3`. `provision.php` prints them."
        ),
    ] = ""
    audit: Annotated[
        str | None,
        Field(
            description="Log one JSON line for each call, without arguments, names and tokens, to "
            "`stderr` or to this file."
        ),
    ] = None
    files: Annotated[
        Path | None,
        Field(
            description="The folder that files are saved to and uploaded from (stdio only). "
            "Without it, files can't be saved or uploaded from disk."
        ),
    ] = None
    max_file: Annotated[
        int,
        Field(ge=1_000, le=100_000_000, description="Maximum bytes of a file read for the agent."),
    ] = 20_000_000
    max_saved_file: Annotated[
        int,
        Field(
            ge=1_000, le=100_000_000_000, description="Maximum bytes of a saved or uploaded file."
        ),
    ] = 500_000_000
    max_fields: Annotated[
        int,
        Field(
            ge=10,
            le=1_000_000,
            description="Maximum form fields of one request; keep below PHP's `max_input_vars`.",
        ),
    ] = 900
    max_body: Annotated[
        int,
        Field(
            ge=1_000,
            le=1_000_000_000,
            description="Maximum bytes of one request; keep below PHP's `post_max_size`.",
        ),
    ] = 1_000_000
    max_result: Annotated[
        int,
        Field(ge=4_000, le=10_000_000, description="Maximum characters of one answer or page."),
    ] = 40_000
    timeout: Annotated[
        float, Field(gt=0, le=3600, description="Maximum seconds of one request with its retries.")
    ] = 60.0
    call_budget: Annotated[
        float, Field(gt=0, le=86_400, description="Maximum seconds of one call with all requests.")
    ] = 110.0
    rate: Annotated[
        float,
        Field(gt=0, le=1000, description="Maximum requests per second; fewer if the site asks."),
    ] = 25.0
    read_concurrency: Annotated[
        int, Field(ge=1, le=50, description="Maximum concurrent read requests.")
    ] = 4
    write_concurrency: Annotated[
        int, Field(ge=1, le=20, description="Maximum concurrent write requests.")
    ] = 1
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Field(description="The lowest level that is logged to stderr."),
    ] = "warning"
    log_format: Annotated[
        Literal["text", "json"],
        Field(description="How stderr's log lines are written: `json` is one object for each."),
    ] = "text"
    unsafe_plain_http: Annotated[
        bool, Field(description="Allow http to another machine; the token is sent unencrypted.")
    ] = False

    @property
    def call_settings(self) -> CallSettings:
        """The settings of the caller."""
        return CallSettings(
            limits=Limits(self.max_fields, self.max_body),
            timeout=self.timeout,
            budget=self.call_budget,
            rate=self.rate,
            reads=self.read_concurrency,
            writes=self.write_concurrency,
        )

    @property
    def file_settings(self) -> FileSettings:
        """The settings of the file tools."""
        timing = Timing(silence=self.timeout, whole=self.call_budget)
        return FileSettings(self.max_file, self.max_saved_file, timing)

    @cached_property
    def role_ids(self) -> Mapping[str, int]:
        """The ids of the site's roles by short name.

        Raises:
            SettingsError: `roles` is wrong.
        """
        return parse_role_ids(self.roles, variable("roles"))

    def folder(self) -> Folder | None:
        """Return the folder for files; None if it is not set.

        Raises:
            SettingsError: it can't be used, or contains something that must not be uploaded.
        """
        if self.files is None:
            return None
        folder = at_home(self.files)
        if not folder.is_absolute():
            raise SettingsError(f"MOODLE_MCP_FILES must be an absolute path, not {folder}")
        secret = self.moodle_token_file
        if secret is not None and _holds(folder, secret):
            raise SettingsError("MOODLE_MCP_FILES must not contain the file of MOODLE_TOKEN_FILE")
        if _holds(folder, Path.home()):
            raise SettingsError("MOODLE_MCP_FILES must be a separate folder, not the home folder")
        own = [user_config_path("moodle-mcp")]
        if named := named_alike(os.environ).get(CONFIG_VARIABLE):
            own.append(Path(named))
        if any(_holds(folder, each) or _holds(each, folder) for each in own):
            raise SettingsError("MOODLE_MCP_FILES must not overlap with settings and saved sites")
        return Folder(folder)

    @cached_property
    def overrides(self) -> SiteOverrides:
        """The operator's additions to the catalogue; the file is read once.

        Raises:
            SettingsError: the file can't be read or is invalid, or `plugin_access` is.
        """
        accesses = parse_accesses(self.plugin_access, variable("plugin_access"))
        if self.catalogue is None:
            return SiteOverrides(accesses=accesses)
        from moodle_mcp.catalogue.site_file import load_site_file

        found = load_site_file(at_home(self.catalogue), variable("catalogue"))
        return SiteOverrides(found.functions, found.release, accesses)

    def connection(self) -> Connection:
        """Return the site to connect to with its token: the configured one, or else a stored one.

        Raises:
            SettingsError: the address or the token is missing or wrong.
        """
        connected = [variable(name) for name in CONNECTION if getattr(self, name) is not None]
        if self.site is not None and connected:
            raise SettingsError(
                f"{connected[0]} and the saved site {self.site} are both set: remove one of them"
            )
        if not connected:
            return self._kept_connection()
        if self.moodle_url is None:
            raise SettingsError("MOODLE_URL is missing")
        address = parse_address(self.moodle_url, plain_http_allowed=self.unsafe_plain_http)
        return Connection(address, self._read_token(), PROTOCOLS[self.moodle_protocol])

    def site_address(self) -> Address:
        """Return the address of the site that people sign in to.

        Raises:
            SettingsError: it is missing or wrong, or a token is set, which everybody would share.
        """
        for name in ("moodle_token", "moodle_token_file", "site"):
            if getattr(self, name) is not None:
                raise SettingsError(
                    f"{variable(name)} must not be set with MOODLE_MCP_AUTH=oauth: "
                    "everybody acts with their own rights"
                )
        if self.moodle_url is None:
            raise SettingsError("MOODLE_URL is missing")
        return parse_address(self.moodle_url, plain_http_allowed=self.unsafe_plain_http)

    def kept_site(self) -> str | None:
        """Return the name of the saved site that `connection` uses; None if it uses none.

        Raises:
            SettingsError: several are saved and none is chosen.
        """
        from moodle_mcp.credentials.kept_sites import Accounts

        if self.site is not None:
            return self.site
        connected = any(getattr(self, name) is not None for name in CONNECTION)
        return None if connected else Accounts.of_user().default()

    def _kept_connection(self) -> Connection:
        from moodle_mcp.credentials.kept_sites import Accounts

        name = self.kept_site()
        if name is None:
            raise SettingsError(
                "MOODLE_URL is missing: set it and MOODLE_TOKEN_FILE, or sign in once with "
                "`moodle-mcp login ADDRESS`"
            )
        accounts = Accounts.of_user()
        address = parse_address(
            accounts.get(name).url,
            plain_http_allowed=self.unsafe_plain_http,
            name=f"the address of the saved site {name}",
        )
        token = accounts.token(name).get_secret_value()
        return Connection(address, _checked(f"the saved site {name}", token))

    def _read_token(self) -> SecretStr:
        if self.moodle_token is not None:
            name, token = "MOODLE_TOKEN", self.moodle_token.get_secret_value().strip()
        elif self.moodle_token_file is not None:
            name, token = "MOODLE_TOKEN_FILE", _token_in(self.moodle_token_file)
        else:
            raise SettingsError(
                "MOODLE_TOKEN is missing: set it, or MOODLE_TOKEN_FILE, to the user's "
                "web-service token; or use a saved site instead of MOODLE_URL"
            )
        return _checked(name, token)


def _holds(folder: Path, path: Path) -> bool:
    return real(at_home(path)).is_relative_to(real(folder))


def _token_in(path: Path) -> str:
    try:
        return decoded(read_regular(at_home(path), SMALL)).strip()
    except OSError as error:
        raise SettingsError(f"MOODLE_TOKEN_FILE can't be read ({reason(error)}): {path}") from None
    except TextError as error:
        raise SettingsError(f"MOODLE_TOKEN_FILE: {path}: {error}") from None


def _checked(name: str, token: str) -> SecretStr:
    if not is_token(token):
        raise SettingsError(
            f"{name} does not contain a Moodle token: expected 32 letters and digits"
        )
    return SecretStr(token)
