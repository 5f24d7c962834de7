"""Keep tokens in the system's keyring, if the optional library `keyring` is installed.

The library is imported at the first use: importing it searches for keyring services, which a start
without saved sites need not wait for.
"""

from __future__ import annotations

from typing import Final

from pydantic import SecretStr

from moodle_mcp.errors import SettingsError

SERVICE: Final = "moodle-mcp"
"""The keyring's service name of the entries; an entry's user name is the site's name.

The secret is the site's address, a space and the token. The keyring does not protect the file with
the address, so somebody who changes that file must not get the token sent elsewhere.
"""


class NoKeyringError(Exception):
    """No keyring stores the token; the text says why."""


def put(name: str, url: str, token: SecretStr) -> None:
    """Store the token of a site with its address.

    Raises:
        NoKeyringError: the library is not installed, or the system has no working keyring.
    """
    try:
        import keyring
    except ImportError:
        raise NoKeyringError("the library `keyring` is not installed") from None
    secret = f"{url} {token.get_secret_value()}"
    try:
        keyring.set_password(SERVICE, name, secret)
        # Some keyring backends store nothing, for example if the user has disabled the keyring.
        kept = keyring.get_password(SERVICE, name) == secret
    except Exception as error:  # noqa: BLE001 - a keyring is somebody else's, and raises anything
        raise NoKeyringError(_why(error)) from None
    if not kept:
        raise NoKeyringError("the keyring did not store it")


def get(name: str, url: str) -> SecretStr:
    """Return the token of the site at an address.

    Raises:
        SettingsError: it is missing or for another address, or the keyring can't be read.
    """
    again = "sign in again with `moodle-mcp login`"
    try:
        import keyring
    except ImportError:
        raise SettingsError(
            f"the token of the site {name} is in the system's keyring, but the library `keyring` "
            "is not installed: pip install 'moodle-mcp[keyring]'"
        ) from None
    try:
        secret = keyring.get_password(SERVICE, name)
    except Exception as error:  # noqa: BLE001 - as above
        raise SettingsError(
            f"the system's keyring can't be read for the site {name} ({_why(error)}): unlock it, "
            f"or {again} and --keep-in file"
        ) from None
    kept_for, _, token = str(secret or "").rpartition(" ")
    if kept_for != url:
        raise SettingsError(
            f"the system's keyring has no token for the site {name} at its address: {again}"
        )
    return SecretStr(token)


def remove(name: str) -> None:
    """Remove a site's token; a missing one is ignored.

    Raises:
        SettingsError: the keyring can't be changed now.
    """
    try:
        import keyring
        from keyring.errors import PasswordDeleteError
    except ImportError:
        return
    try:
        keyring.delete_password(SERVICE, name)
    except PasswordDeleteError:
        return
    except Exception as error:  # noqa: BLE001 - as above
        raise SettingsError(
            f"the system's keyring can't be changed for the site {name} ({_why(error)})"
        ) from None


def _why(error: Exception) -> str:
    # A backend's message may have several lines; the exception's class says enough.
    name = type(error).__name__
    return "the system has none" if name == "NoKeyringError" else name
