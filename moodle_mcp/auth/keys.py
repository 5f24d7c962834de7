"""The file of secret keys: one line each, `UNIX-SECONDS BASE64`, from when on the key is used.

A new key is written some time before it is used, so that every replica knows it by then.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from moodle_mcp.atomic import reason, write_whole
from moodle_mcp.errors import SettingsError
from moodle_mcp.regular_files import SMALL, at_home, read_regular

KEY_BYTES: Final = 32
_VARIABLE: Final = "MOODLE_MCP_SECRET_KEY_FILE"


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key, and the Unix seconds from when on it encrypts. It always decrypts."""

    since: int
    key: bytes

    @property
    def id(self) -> str:
        """Names the key in what it has encrypted; says nothing about it."""
        return hashlib.sha256(b"moodle-mcp key id" + self.key).hexdigest()[:8]

    def derived(self, purpose: str) -> bytes:
        """A key for one purpose; none of them leads to another."""
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"moodle-mcp {purpose}".encode()).derive(
            self.key
        )


@dataclass(frozen=True)
class SecretKeys:
    """All keys, oldest first; at least one."""

    keys: tuple[SecretKey, ...]

    def current(self, now: float) -> SecretKey:
        """The newest key that is in use; the oldest if none is yet."""
        return next((key for key in reversed(self.keys) if key.since <= now), self.keys[0])

    def current_first(self, now: float) -> list[SecretKey]:
        """All keys, beginning with the one that encrypts."""
        current = self.current(now)
        return [current, *(key for key in self.keys if key is not current)]

    @cached_property
    def by_id(self) -> dict[str, SecretKey]:
        """The keys by their ids."""
        return {key.id: key for key in self.keys}


def new_keys(now: float) -> SecretKeys:
    """One new key that is in use at once."""
    return SecretKeys((SecretKey(int(now), secrets.token_bytes(KEY_BYTES)),))


def rotated(keys: SecretKeys, since: float, forget_before: float | None = None) -> SecretKeys:
    """The keys with a new one that is used from `since` on.

    With `forget_before`, keys that were replaced before that time are left out: what they have
    encrypted can't be read any more.
    """
    kept = keys.keys
    if forget_before is not None:
        replaced = [following.since for following in kept[1:]]
        kept = tuple(
            key for key, end in zip(kept, [*replaced, since], strict=True) if end >= forget_before
        )
    return SecretKeys((*kept, SecretKey(int(since), secrets.token_bytes(KEY_BYTES))))


def read_keys(path: Path) -> SecretKeys:
    """Read a file of keys.

    Raises:
        SettingsError: it can't be read, is readable for others, or is not such a file.
    """
    path = at_home(path)
    try:
        text = read_regular(path, SMALL).decode("ascii")
        mode = path.stat().st_mode
    except OSError as error:
        raise SettingsError(f"{_VARIABLE} can't be read ({reason(error)}): {path}") from None
    except UnicodeDecodeError:
        raise SettingsError(_not_keys(path)) from None
    if mode & 0o007:
        raise SettingsError(f"{_VARIABLE} must not be readable for everybody: {path}")
    keys = [_parsed(line, path) for line in text.splitlines() if line.strip()]
    if not keys:
        raise SettingsError(_not_keys(path))
    return SecretKeys(tuple(sorted(keys, key=lambda key: key.since)))


def write_keys(path: Path, keys: SecretKeys) -> None:
    """Write a file of keys that only its owner can read, in one step.

    Raises:
        SettingsError: it can't be written.
    """
    path = at_home(path)
    try:
        write_whole(path, "".join(map(_line, keys.keys)).encode())
    except OSError as error:
        raise SettingsError(f"{_VARIABLE} can't be written ({reason(error)}): {path}") from None


def _line(key: SecretKey) -> str:
    return f"{key.since} {base64.b64encode(key.key).decode()}\n"


def _parsed(line: str, path: Path) -> SecretKey:
    since, _, encoded = line.strip().partition(" ")
    try:
        key = base64.b64decode(encoded, validate=True)
        number = int(since)
    except (binascii.Error, ValueError):
        raise SettingsError(_not_keys(path)) from None
    if len(key) != KEY_BYTES:
        raise SettingsError(_not_keys(path))
    return SecretKey(number, key)


def _not_keys(path: Path) -> str:
    return f"{_VARIABLE} is not a file that `moodle-mcp keys new` makes: {path}"


def ids(keys: Sequence[SecretKey]) -> list[str]:
    """The ids of keys, for people."""
    return [key.id for key in keys]
