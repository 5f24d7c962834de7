"""Observations of a site, before they are judged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from moodle_mcp.errors import CallError
from moodle_mcp.site.info import SiteInfo
from moodle_mcp.site.protocol import Protocol

Arrives: TypeAlias = Callable[[int], Awaitable[bool | None]]
"""Returns whether the last of that many form fields reaches Moodle; None if unknown."""

# PHP accepts one field more than max_input_vars, 1,001 for 1,000 (observed with 8.2).
_USUAL: Final = (1_000, 1_001, 1_002, 5_000, 5_001, 5_002, 10_000, 10_001, 10_002, 20_000)


@dataclass(frozen=True, slots=True)
class FieldLimit:
    """How many form fields of one request reach Moodle: `exact`, or at least that many."""

    fields: int
    exact: bool

    @property
    def advised(self) -> int:
        """The value for MOODLE_MCP_MAX_FIELDS: a tenth is reserved for what proxies add."""
        return self.fields * 9 // 10


@dataclass(frozen=True, slots=True)
class Refusal:
    """Observations that distinguish the causes to which Moodle gives the same answer.

    `no_such` is the errorcode for a function that does not exist. Moodle looks up the function
    after it has checked the token, its IP restriction and the role, and before the service.
    `by_files` says whether a file script accepts the token; those scripts check the service and not
    the role. `web_services` says whether they are enabled. Both are None if unknown.
    """

    error: CallError
    no_such: str = ""
    by_files: bool | None = None
    web_services: bool | None = None


@dataclass(frozen=True, slots=True)
class Greeting:
    """Observations of a site that answers.

    `downloads` says whether the download script accepts the token. `home` is the errorcode with
    which the site home's contents were refused, `home_message` the site's message. `fields` is None
    if unknown. `ahead` is how many seconds the site's clock is ahead of ours, `certificate_end` is
    in Unix seconds, `round_trips` are in seconds.
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
    """All observations of a site at an address, in a protocol, at a time in Unix seconds.

    `proxy` is the variable with the proxy's address if a proxy was used. `had_token` says whether
    the configured address contained a token.
    """

    base: str
    protocol: Protocol
    now: float
    found: Greeting | Refusal
    proxy: str = ""
    had_token: bool = False


async def field_limit(arrives: Arrives) -> FieldLimit | None:
    """Find how many form fields arrive: try the usual limits, then bisect between them."""
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
