"""Choose which certificates to trust, and explain environment variables that can't be used."""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path
from typing import Final

import httpx2

from moodle_mcp.errors import CallError, Delivery, Fault, Kind
from moodle_mcp.site.address import Address
from moodle_mcp.site.moodle_errors import plain

CERT_FILE: Final = "SSL_CERT_FILE"
CERT_DIR: Final = "SSL_CERT_DIR"
_KEY_LOG: Final = "SSLKEYLOGFILE"

_HASHED: Final = re.compile(r"[0-9a-fA-F]{8}\.[0-9]+")
"""File names under which OpenSSL finds a CA certificate in a folder."""

_REMOVE: Final = "or removes the variable to trust the system's certificate authorities"


def tls_context(address: Address) -> ssl.SSLContext:
    """Return a TLS context; building one takes 20 ms and 4 MB.

    Loopback addresses use plain http without a proxy: they get a context that trusts no authority.

    Raises:
        CallError: an environment variable names a file or folder that can't be used.
    """
    if address.stays_here:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    folder = os.environ.get(CERT_DIR)
    if folder and not os.environ.get(CERT_FILE):
        _check_folder(folder)
    try:
        return httpx2.create_ssl_context()
    except OSError as error:
        raise _unusable(error) from None


def trusted_instead() -> str:
    """Return a sentence naming the variable that replaces the system's authorities, or ""."""
    name = next((name for name in (CERT_FILE, CERT_DIR) if os.environ.get(name)), None)
    if name is None:
        return ""
    return f"{name}={plain(os.environ[name])} is set, so only the authorities in it are trusted. "


def _check_folder(value: str) -> None:
    """Refuse folders in which OpenSSL would find no certificate; OpenSSL itself reports nothing.

    Raises:
        CallError: no certificate in the folders would be trusted.
    """
    try:
        folders = [Path(part) for part in value.split(os.pathsep) if Path(part).is_dir()]
        names = [file.name for folder in folders for file in folder.iterdir()]
    except OSError as error:
        raise _fault(CERT_DIR, value, _reason(error), _REMOVE) from None
    if not folders:
        raise _fault(CERT_DIR, value, "there is no such folder", _REMOVE)
    if not any(_HASHED.fullmatch(name) for name in names):
        problem = "no certificate in it is named by its hash (run `openssl rehash FOLDER`)"
        raise _fault(CERT_DIR, value, problem, _REMOVE)


def _unusable(error: OSError) -> CallError:
    """Return the error for the variable that kept the TLS context from being built."""
    file, key_log = os.environ.get(CERT_FILE), os.environ.get(_KEY_LOG)
    if file:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        except OSError as reason:
            return _fault(CERT_FILE, file, _reason(reason), _REMOVE)
    if key_log:
        problem = f"it can't be written ({type(error).__name__})"
        return _fault(_KEY_LOG, key_log, problem, "or removes it: it only serves to debug TLS")
    message = f"The system's trusted certificates can't be read ({type(error).__name__})."
    hint = f"The operator repairs the system's trust store, or names a file in {CERT_FILE}."
    return _error(message, hint)


def _reason(error: OSError) -> str:
    match error:
        case ssl.SSLError():
            return "it contains no PEM certificates"
        case FileNotFoundError():
            return "there is no such file"
        case IsADirectoryError():
            return f"it is a folder: use {CERT_DIR} for folders"
        case _:
            return f"it can't be read ({type(error).__name__})"


def _fault(variable: str, value: str, problem: str, otherwise: str) -> CallError:
    return _error(
        f"{variable}={plain(value)} can't be used: {problem}.",
        f"The operator corrects {variable} in this server's environment, {otherwise}.",
    )


def _error(message: str, hint: str) -> CallError:
    fault = Fault(Kind.UNREACHABLE, message, hint=hint, retryable=False)
    return CallError(fault, Delivery.NOT_SENT, stage="environment")
