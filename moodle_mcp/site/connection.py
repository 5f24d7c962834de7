"""How a site is reached: its address, the token and the protocols."""

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
    """How to reach a site: its address, the token of the user to act for, and the protocols that
    may be used, the preferred one first.
    """

    address: Address
    token: SecretStr
    protocols: tuple[Protocol, ...] = (REST,)


def is_token(text: str) -> bool:
    """Whether it has the form of Moodle's tokens."""
    return _TOKEN.fullmatch(text) is not None
