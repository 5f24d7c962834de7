"""OAuth scopes: one for each access class of functions, and `offline_access`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from moodle_mcp.catalogue.classification import Access

OFFLINE: Final = "offline_access"
"""The client may refresh its access tokens."""

_PREFIX: Final = "moodle:"


def scope_of(access: Access) -> str:
    """The scope that functions of an access class need."""
    return f"{_PREFIX}{access.value}"


def scopes_up_to(access: Access) -> tuple[str, ...]:
    """The scopes of an access class and of those below it, in rising order."""
    return tuple(scope_of(each) for each in Access if access.allows(each))


def access_of(scopes: Iterable[str]) -> Access | None:
    """The highest access class whose scope, and those below it, are among the scopes."""
    given, found = set(scopes), None
    for access in Access:
        if scope_of(access) not in given:
            break
        found = access
    return found


def known(asked: Iterable[str], most: Access) -> tuple[str, ...]:
    """The asked scopes that exist and are within an access class, each with those below it.

    Others are ignored, as RFC 6749 section 3.3 allows: clients ask for `openid` and the like.
    """
    asked = list(asked)
    highest = max(
        (number for number, access in enumerate(Access) if scope_of(access) in asked), default=None
    )
    within = set(scopes_up_to(most))
    wanted = () if highest is None else scopes_up_to(list(Access)[highest])
    return (
        *(scope for scope in wanted if scope in within),
        *([OFFLINE] if OFFLINE in asked else []),
    )
