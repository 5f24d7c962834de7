"""What was observed of a site, before anybody judges it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from moodle_mcp.errors import CallError
from moodle_mcp.site.info import SiteInfo
from moodle_mcp.site.protocol import Protocol

Arrives: TypeAlias = Callable[[int], Awaitable[bool | None]]
"""Whether the last of so many form fields reaches Moodle; None where that can't be told."""

# PHP lets one field more through than max_input_vars says, 1,001 of 1,000 (observed with 8.2).
_USUAL: Final = (1_000, 1_001, 1_002, 5_000, 5_001, 5_002, 10_000, 10_001, 10_002, 20_000)


@dataclass(frozen=True, slots=True)
class FieldLimit:
    """How many form fields of one request reach Moodle: exactly so many, or at least."""

    fields: int
    exact: bool

    @property
    def advised(self) -> int:
        """The value for MOODLE_MCP_MAX_FIELDS: a tenth is left free, for what proxies add."""
        return self.fields * 9 // 10


@dataclass(frozen=True, slots=True)
class Refusal:
    """What tells the causes apart that Moodle answers alike.

    `no_such` is the errorcode for a function that does not exist: the site looks for the function
    after the token, its IP restriction and the role, and before the service. `by_files` says
    whether a script for files lets the token in, where the service is asked for and the role is
    not. `web_services` says whether they are on. Both are None if the site did not tell.
    """

    error: CallError
    no_such: str = ""
    by_files: bool | None = None
    web_services: bool | None = None


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a site told that answers.

    `downloads` says whether the script for files lets the token in. `home` is the errorcode that
    the site home's contents were refused with, `home_message` the site's words for it. `fields` is
    None where it was not found out. `ahead` are the seconds that the site's clock is ahead of ours,
    `certificate_end` is in Unix seconds, `round_trips` are in seconds.
    """

    info: SiteInfo
    downloads: bool | None = None
    home: str = ""
    home_message: str = ""
    fields: FieldLimit | None = None
    ahead: float | None = None
    certificate_end: float | None = None
    round_trips: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """A site at an address, asked in a protocol at a time in Unix seconds.

    `proxy` is the variable with the proxy's address if the way led through one. `had_token` says
    whether a token stood in the address that the operator pasted.
    """

    base: str
    protocol: Protocol
    now: float
    found: Greeting | Refusal
    proxy: str = ""
    had_token: bool = False


async def field_limit(arrives: Arrives) -> FieldLimit | None:
    """How many form fields arrive, found by asking for the usual numbers and halving between."""
    low, high = 0, None
    for fields in _USUAL:
        answer = await arrives(fields)
        if answer is None:
            break
        if not answer:
            high = fields
            break
        low = fields
    if high is None:
        return FieldLimit(low, exact=False) if low else None
    while high - low > 1:
        middle = (low + high) // 2
        answer = await arrives(middle)
        if answer is None:
            return FieldLimit(low, exact=False) if low else None
        low, high = (middle, high) if answer else (low, middle)
    return FieldLimit(low, exact=True)
