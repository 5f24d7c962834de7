"""The settings of a server for several people."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import BaseModel, Field

from moodle_mcp.atomic import reason
from moodle_mcp.errors import SettingsError
from moodle_mcp.regular_files import SMALL, at_home, read_regular
from moodle_mcp.settings.names import variable
from moodle_mcp.textfile import TextError, decoded

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

MEMORY: Final = "memory"
_REDIS: Final = ("redis://", "rediss://")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class HostingSettings(BaseModel):
    """Fields for `serve --http` with sign-in; the other settings inherit from this."""

    auth: Annotated[
        Literal["none", "oauth"],
        Field(
            description="Who may use `serve --http`: `none`: every program on this machine, with "
            "MOODLE_TOKEN; `oauth`: people who sign in with their Moodle account."
        ),
    ] = "none"
    public_url: Annotated[
        str | None,
        Field(
            description="The address at which clients and browsers reach the server, such as "
            "`https://mcp.example.org`; https, and no path (oauth only)."
        ),
    ] = None
    service: Annotated[
        str,
        Field(description="The short name of the web service that people sign in to (oauth only)."),
    ] = "moodle_mobile_app"
    secret_key_file: Annotated[
        Path | None,
        Field(
            description="The file of keys that encrypt Moodle tokens, made by `moodle-mcp keys new`"
            " (oauth only)."
        ),
    ] = None
    store: Annotated[
        str | None,
        Field(
            description="Where grants and further pages lie (oauth only): a folder for SQLite "
            "files, `redis://HOST:PORT/DATABASE` (or `rediss://`) for several replicas, or "
            "`memory`, which forgets them at the end. Without it, a folder of the user."
        ),
    ] = None
    store_password_file: Annotated[
        Path | None,
        Field(description="A file with the password of the Redis store (oauth only)."),
    ] = None
    person_rate: Annotated[
        float,
        Field(
            gt=0,
            le=1000,
            description="Maximum requests per second of one person, counted over a few seconds; "
            "nobody else waits for them (oauth only).",
        ),
    ] = 10.0
    trusted_proxies: Annotated[
        str,
        Field(
            description="Addresses or networks of proxies, comma-separated, whose "
            "`X-Forwarded-For` names the client (oauth only)."
        ),
    ] = ""
    metrics_from: Annotated[
        str,
        Field(
            description="Addresses or networks, comma-separated, that may read `/metrics` for "
            "Prometheus (oauth only; extra `metrics`). Without it there is no such address."
        ),
    ] = ""
    tls_certificate: Annotated[
        Path | None,
        Field(description="The server's certificate with its chain, in PEM (oauth only)."),
    ] = None
    tls_key: Annotated[
        Path | None,
        Field(description="The key of the certificate, in PEM (oauth only)."),
    ] = None

    def checked_public_url(self) -> str:
        """Return the public address without a last slash.

        Raises:
            SettingsError: it is missing, not https, or has a path.
        """
        name = variable("public_url")
        if self.public_url is None:
            raise SettingsError(f"{name} is missing: set it, or pass --public-url")
        try:
            parts = urlsplit(self.public_url.strip())
            _ = parts.port
        except ValueError:
            raise SettingsError(f"{name} is not an address") from None
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise SettingsError(f"{name} must be an https address; http only on this machine")
        if not parts.hostname or "@" in parts.netloc:
            raise SettingsError(f"{name} must have a host and no user name")
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise SettingsError(
                f"{name} must not have a path: clients look for metadata at the root"
            )
        return f"{parts.scheme}://{parts.netloc.lower()}"

    def proxies(self) -> list[str]:
        """Return the trusted proxies.

        Raises:
            SettingsError: one is neither an address nor a network.
        """
        return [str(network) for network in _networks("trusted_proxies", self.trusted_proxies)]

    def metrics_readers(self) -> list[Network]:
        """Return the networks that may read the metrics.

        Raises:
            SettingsError: one is neither an address nor a network.
        """
        return _networks("metrics_from", self.metrics_from)

    def tls_files(self) -> tuple[Path, Path] | None:
        """Return the files of the certificate and its key; None to serve plain HTTP.

        Raises:
            SettingsError: only one of them is set, or is no file.
        """
        names = ("tls_certificate", "tls_key")
        paths = [getattr(self, name) for name in names]
        if paths == [None, None]:
            return None
        for name, path in zip(names, paths, strict=True):
            if path is None:
                raise SettingsError(f"{variable(name)} is missing: a certificate needs its key")
            if not at_home(path).is_file():
                raise SettingsError(f"{variable(name)}: there is no file {path}")
        return at_home(paths[0]), at_home(paths[1])

    @property
    def keeps_nothing(self) -> bool:
        """Whether all grants end with the process."""
        return self.store == MEMORY

    def store_url(self) -> str | None:
        """Return the address of the Redis store; None if another one is set.

        Raises:
            SettingsError: it contains a password, or is another address.
        """
        if self.store is None or "://" not in self.store:
            return None
        name = variable("store")
        if not self.store.startswith(_REDIS):
            raise SettingsError(f"{name} must begin with redis:// or rediss://, or be a folder")
        if "@" in self.store or "password" in self.store:
            raise SettingsError(
                f"{name} must not contain a password: use {variable('store_password_file')}"
            )
        return self.store

    def store_password(self) -> str | None:
        """Return the password of the Redis store, if there is one.

        Raises:
            SettingsError: its file can't be read.
        """
        path = self.store_password_file
        if path is None:
            return None
        name = variable("store_password_file")
        try:
            return decoded(read_regular(at_home(path), SMALL)).strip()
        except OSError as error:
            raise SettingsError(f"{name} can't be read ({reason(error)}): {path}") from None
        except TextError as error:
            raise SettingsError(f"{name}: {path}: {error}") from None

    def store_folder(self) -> Path:
        """Return the folder of the SQLite files.

        Raises:
            SettingsError: it is not an absolute path.
        """
        if self.store is None:
            return user_data_path("moodle-mcp")
        folder = at_home(Path(self.store))
        if not folder.is_absolute():
            raise SettingsError(f"{variable('store')} must be an absolute path, not {folder}")
        return folder


def _networks(field: str, text: str) -> list[Network]:
    found: list[Network] = []
    for each in filter(None, map(str.strip, text.split(","))):
        try:
            found.append(ipaddress.ip_network(each))
        except ValueError:
            raise SettingsError(f"{variable(field)}: {each} is not an address or network") from None
    return found
