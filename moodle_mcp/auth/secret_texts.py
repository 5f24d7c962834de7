"""Random texts that clients and browsers hold; the store only has their hashes."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Final, NamedTuple

ACCESS: Final = "mma"
REFRESH: Final = "mmr"
CODE: Final = "mmc"

_ID_BYTES: Final = 16
_SECRET_BYTES: Final = 32
_TOKEN: Final = re.compile(r"(mm[ar])_([0-9a-f]{32})[0-9a-f]{64}")


class ParsedToken(NamedTuple):
    """The kind of a token and the id of its grant. Neither proves anything."""

    kind: str
    grant: str


def new_id() -> str:
    """A random id of 128 bits."""
    return secrets.token_hex(_ID_BYTES)


def new_secret() -> str:
    """A random text of 256 bits."""
    return secrets.token_hex(_SECRET_BYTES)


def new_code() -> str:
    """A random authorization code."""
    return f"{CODE}_{new_secret()}"


def new_token(kind: str, grant: str) -> str:
    """A random token for a grant."""
    return f"{kind}_{grant}{new_secret()}"


def parsed(token: str, kind: str) -> ParsedToken | None:
    """The parts of a token; None if it is no token of this kind."""
    match = _TOKEN.fullmatch(token)
    if match is None or match[1] != kind:
        return None
    return ParsedToken(match[1], match[2])


def hashed(text: str) -> str:
    """The hash under which a secret text is kept. Random texts need no salt."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def matches(text: str, kept: str) -> bool:
    """Whether a text has this hash; takes the same time whatever the answer."""
    return hmac.compare_digest(hashed(text), kept)
