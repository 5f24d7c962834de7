"""Store the sites that a user has signed in to, in one small file each.

The files are in the folder `sites` of the user's configuration folder, readable by the user only. A
site's token is in the system's keyring, or else in its file.
"""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

import httpx2
from platformdirs import user_config_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from moodle_mcp.atomic import reason, write_whole
from moodle_mcp.credentials import system_keyring
from moodle_mcp.errors import SettingsError
from moodle_mcp.regular_files import SMALL, read_regular
from moodle_mcp.site.address import Address
from moodle_mcp.textfile import TextError, decoded

Place: TypeAlias = Literal["keyring", "file"]

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_PREFIX: Final = "site-"
"""Prefix of each file name, because Windows forbids some names, such as `con.json`."""
_SUFFIX: Final = ".json"
_DEFAULT: Final = "default"


@dataclass(frozen=True, slots=True)
class Account:
    """A saved site: its name, address, the user of its token, and where the token is."""

    name: str
    url: str
    username: str
    place: Place


class BrokenSiteError(SettingsError):
    """A saved site's file can't be used; signing in again replaces it."""


class _Kept(BaseModel):
    """The contents of a site's file."""

    model_config = ConfigDict(frozen=True)

    url: Annotated[str, Field(min_length=1)]
    username: str = ""
    token: SecretStr | None = None


class Accounts:
    """The saved sites in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of_user(cls) -> Accounts:
        """Return the sites of the user who runs the program."""
        return cls(user_config_path("moodle-mcp") / "sites")

    def names(self) -> list[str]:
        """Return the names of all sites, sorted."""
        files = self.folder.glob(f"{_PREFIX}*{_SUFFIX}") if self.folder.is_dir() else ()
        names = (file.name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for file in files)
        return sorted(name for name in names if _NAME.fullmatch(name))

    def get(self, name: str) -> Account:
        """Return a site by name.

        Raises:
            SettingsError: there is no such site; `BrokenSiteError` if its file is broken.
        """
        kept = self._read(name)
        return Account(name, kept.url, kept.username, "keyring" if kept.token is None else "file")

    def token(self, name: str) -> SecretStr:
        """Return a site's token.

        Raises:
            SettingsError: there is no such site, or the keyring does not return the token.
        """
        kept = self._read(name)
        return kept.token or system_keyring.get(name, kept.url)

    def default(self) -> str | None:
        """Return the name of the site to use if none is named: the default, or the only one.

        Raises:
            SettingsError: there are several and none is the default.
        """
        names = self.names()
        try:
            chosen = decoded(read_regular(self.folder / _DEFAULT, SMALL)).strip()
        except (OSError, TextError):
            chosen = ""
        if chosen in names:
            return chosen
        if len(names) > 1:
            raise SettingsError(
                f"several sites are saved and none is the default ({', '.join(names)}): name one "
                "with --site or MOODLE_MCP_SITE, or choose with `moodle-mcp sites --default NAME`"
            )
        return names[0] if names else None

    def choose(self, name: str) -> None:
        """Make a site the default.

        Raises:
            SettingsError: there is no site of that name.
        """
        self.get(name)
        self._write(self.folder / _DEFAULT, f"{name}\n")

    def keep(self, account: Account, token: SecretStr) -> None:
        """Store a site, replacing any of the same name. The first site becomes the default.

        Raises:
            SettingsError: the file can't be written.
            NoKeyringError: the token should go to the keyring, and it can't store it.
        """
        first = not self.names()
        data: dict[str, Any] = {"url": account.url, "username": account.username}
        if account.place == "keyring":
            system_keyring.put(account.name, account.url, token)
        else:
            data["token"] = token.get_secret_value()
        self._write(self._file(account.name), json.dumps(data, indent=2) + "\n")
        if account.place == "file":
            # Remove the token of an earlier sign-in that was stored in the keyring.
            _remove_quietly(account.name)
        if first:
            self.choose(account.name)

    def forget(self, name: str) -> None:
        """Remove a site and its token, even if its file is broken.

        Raises:
            SettingsError: there is no such site, or it can't be removed.
        """
        try:
            if self.get(name).place == "keyring":
                system_keyring.remove(name)
        except BrokenSiteError:
            _remove_quietly(name)
        try:
            self._file(name).unlink()
        except OSError as error:
            raise _unwritable(self._file(name), error) from None

    def _file(self, name: str) -> Path:
        return self.folder / f"{_PREFIX}{name}{_SUFFIX}"

    def _read(self, name: str) -> _Kept:
        file = self._file(checked(name))
        try:
            kept = _Kept.model_validate_json(decoded(read_regular(file, SMALL)))
            self._check_modes(file, has_token=kept.token is not None)
        except FileNotFoundError:
            known = ", ".join(self.names()) or "none"
            raise SettingsError(
                f"no site is saved under the name {name} (saved: {known}): sign in with "
                "`moodle-mcp login ADDRESS --site NAME`"
            ) from None
        except OSError as error:
            raise BrokenSiteError(f"{file}: can't be read ({reason(error)})") from None
        except (TextError, ValidationError):
            raise BrokenSiteError(
                f"{file}: is broken: sign in again with `moodle-mcp login ADDRESS --site {name}`"
            ) from None
        return kept

    def _check_modes(self, file: Path, *, has_token: bool) -> None:
        """Refuse files that others may have written: the token would go to the address in them.

        Folder and file are created for the user only, so somebody has changed the permissions.
        """
        if os.name == "nt":
            return
        for path, others in ((file, 0o077 if has_token else 0o022), (self.folder, 0o022)):
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & others:
                raise BrokenSiteError(
                    f"{path}: other users can access it (mode {mode:04o}): check whether its "
                    "content is yours, then sign in again"
                )

    def _write(self, file: Path, text: str) -> None:
        try:
            _make_private(self.folder)
            write_whole(file, text.encode())
        except OSError as error:
            raise _unwritable(file, error) from None


def checked(name: str) -> str:
    """Return the name if it is a valid site name.

    Raises:
        SettingsError: it is not.
    """
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"{name!r} can't be a site's name: use up to 64 lowercase letters, digits, dots, "
            "dashes and underscores, beginning with a letter or digit"
        )
    return name


def name_for(address: Address) -> str:
    """Return the default name for a site: its host, with port and path if any."""
    parts = urlsplit(address.base)
    host = httpx2.URL(address.base).raw_host.decode()
    port = f"-{parts.port}" if parts.port else ""
    name = re.sub(r"[^a-z0-9._-]+", "-", f"{host}{port}{parts.path}".lower())
    return name.strip("-._")[:64] or "site"


def _make_private(folder: Path) -> None:
    """Create a folder and its parents for the user only, whatever the umask."""
    for each in reversed([folder, *folder.parents]):
        each.mkdir(mode=0o700, exist_ok=True)
    if os.name != "nt":
        folder.chmod(0o700)


def _remove_quietly(name: str) -> None:
    try:
        system_keyring.remove(name)
    except SettingsError:
        return


def _unwritable(file: Path, error: OSError) -> SettingsError:
    return SettingsError(f"{file}: can't be written ({reason(error)})")
