"""Encrypts what is kept: with AES-256-GCM, under the current key, bound to what it belongs to."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import time
from collections.abc import Callable
from functools import cached_property
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from moodle_mcp.auth.keys import SecretKeys

_NONCE: Final = 12
_SEPARATOR: Final = "."


class VaultError(Exception):
    """Something does not open: it was changed, belongs elsewhere, or its key is gone."""


class Vault:
    """Seals and opens texts. `clock` is in Unix seconds."""

    def __init__(self, keys: SecretKeys, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._clock = clock

    def seal(self, text: str, *, bound_to: str) -> str:
        """Encrypt a text; it opens only with the same `bound_to`. The result is URL-safe."""
        key = self._keys.current(self._clock())
        nonce = os.urandom(_NONCE)
        sealed = self._ciphers[key.id].encrypt(nonce, text.encode(), bound_to.encode())
        return f"{key.id}{_SEPARATOR}{_encoded(nonce + sealed)}"

    def open(self, sealed: str, *, bound_to: str) -> str:
        """Decrypt what `seal` returned.

        Raises:
            VaultError: it was sealed for something else, or was changed, or its key is gone.
        """
        key, _, encoded = sealed.partition(_SEPARATOR)
        cipher = self._ciphers.get(key)
        if cipher is None:
            raise VaultError("the key is unknown")
        try:
            data = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            opened = cipher.decrypt(data[:_NONCE], data[_NONCE:], bound_to.encode())
        except (InvalidTag, binascii.Error, ValueError):
            raise VaultError("it does not open") from None
        return opened.decode()

    def pseudonym(self, text: str) -> str:
        """A name for a text that is always the same and leads back to it only with the keys.

        It changes when the oldest key is forgotten.
        """
        return hmac.new(self._pseudonyms, text.encode(), hashlib.sha256).hexdigest()[:16]

    @cached_property
    def _ciphers(self) -> dict[str, AESGCM]:
        return {key.id: AESGCM(key.derived("vault")) for key in self._keys.keys}

    @cached_property
    def _pseudonyms(self) -> bytes:
        return self._keys.keys[0].derived("pseudonyms")


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
