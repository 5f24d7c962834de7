"""The tokens of kept sites in the system's keyring, if the optional library `keyring` is there.

The library is imported at the first use: it looks for the system's services, which takes time
that a start without kept sites need not spend.
"""

from __future__ import annotations

from typing import Final

from pydantic import SecretStr

from moodle_mcp.errors import SettingsError

SERVICE: Final = "moodle-mcp"
"""What the keyring shows as the owner of the entries; an entry's user is the site's name.

The secret is the site's address, a space and the token: whoever can change the file with the
address, which the keyring does not guard, must not have the token sent elsewhere.
"""


class NoKeyringError(Exception):
    """There is no keyring that keeps a token; the text says why."""


def put(name: str, url: str, token: SecretStr) -> None:
    """Keep the token of the site at an address.

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
        # A keyring may be one that keeps nothing, as where a user has switched it off.
        kept = keyring.get_password(SERVICE, name) == secret
    except Exception as error:  # noqa: BLE001 - a keyring is somebody else's, and raises anything
        raise NoKeyringError(_why(error)) from None
    if not kept:
        raise NoKeyringError("the keyring did not keep it")


def get(name: str, url: str) -> SecretStr:
    """The token of the site at an address.

    Raises:
        SettingsError: it is not there or for another address, or the keyring can't be read now.
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
    """Take a site's token out; that there is none is no error.

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
    # A backend's text may go over several lines; the class says as much.
    name = type(error).__name__
    return "the system has none" if name == "NoKeyringError" else name
