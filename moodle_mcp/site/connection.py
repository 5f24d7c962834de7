"""Address, token and protocols for reaching a site."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from moodle_mcp.site.address import Address
from moodle_mcp.site.protocol import REST, Protocol

_TOKEN: Final = re.compile(r"[0-9A-Za-z]{16,128}")


@dataclass(frozen=True, slots=True)
class Connection:
    """A site's address, the token of the user to act for, and the allowed protocols in order of
    preference.
    """

    address: Address
    token: SecretStr
    protocols: tuple[Protocol, ...] = (REST,)


def is_token(text: str) -> bool:
    """Whether a text has the format of a Moodle token."""
    return _TOKEN.fullmatch(text) is not None
