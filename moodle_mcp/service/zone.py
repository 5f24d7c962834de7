"""The time zones of a user and of the site."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any, Final, TypeAlias, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.errors import CallError
from moodle_mcp.site.info import SiteInfo

_CONFIG: Final = "tool_mobile_get_config"
_USERS: Final = "core_user_get_users_by_field"

_SITES_OWN: Final = "99"
"""Moodle's value for a user with the site's zone, and for a site that forces no zone."""

log = logging.getLogger(__name__)

Ask: TypeAlias = Callable[[str, Mapping[str, Any]], Awaitable[Outcome]]
"""Calls a read function for the server itself."""


@dataclass(frozen=True, slots=True)
class Zones:
    """The zone that a user sees times in, and the site's own; None if it is unknown."""

    user: tzinfo
    site: tzinfo | None

    @property
    def text(self) -> str:
        """Both zones in words."""
        site = (
            f"; the site's: {self.site}" if self.site and str(self.site) != str(self.user) else ""
        )
        return f"{self.user}{site}"


async def find_zones(ask: Ask, info: SiteInfo | None) -> Zones | None:
    """Find the user's zone: forced by the site, chosen by the user, or the site's own; else UTC.

    Two reads are needed: the mobile app's settings and the user's profile. If the token's service
    has neither, the zone is UTC, as the offset in each ISO time shows. None means that a read
    failed and may be tried again.
    """

    async def answer(function: str, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        if info is not None and info.lacks(function):
            return []
        outcome = await ask(function, arguments)
        # A Moodle exception is permanent; any other failure may be temporary.
        if outcome.fault is not None and outcome.fault.exception is None:
            raise CallError(outcome.fault)
        result = outcome.result
        return _objects(result if isinstance(result, list) else [result])

    try:
        config = await answer(_CONFIG, {})
        by_id = {"field": "id", "values": [str(info.user_id)]} if info else None
        user = await answer(_USERS, by_id) if by_id else []
    except CallError as error:
        log.info("the time zone is not known: %s", error)
        return None
    pairs = _objects(config[0].get("settings")) if config else []
    settings = {str(each.get("name")): each.get("value") for each in pairs}
    chosen = user[0].get("timezone") if user else None
    site = _zone(settings.get("timezone"))
    zones = (_zone(settings.get("forcetimezone")), _zone(chosen), site)
    return Zones(next((zone for zone in zones if zone is not None), UTC), site)


def _objects(value: Any) -> list[dict[str, Any]]:
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", each) for each in items if isinstance(each, dict)]


def _zone(name: Any) -> tzinfo | None:
    if not isinstance(name, str) or name in ("", _SITES_OWN):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
