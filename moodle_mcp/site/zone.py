"""The time zone of the token's user."""

from __future__ import annotations

import logging
from datetime import UTC, tzinfo
from typing import Any, Final, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from moodle_mcp.errors import CallError
from moodle_mcp.site.session import INFO_TIMEOUT, Site

_SITES_OWN: Final = "99"
"""What Moodle has for a user who follows the site, and for a site that forces no zone."""

log = logging.getLogger(__name__)


async def user_zone(site: Site) -> tzinfo | None:
    """The user's zone as the site knows it: forced, chosen, or the site's own; else UTC.

    Two reads tell it: the user's profile, and the mobile app's settings. A token whose service
    has neither gets UTC, which the offset in each ISO time then says. None if the site failed to
    answer, so that it may be asked again.
    """
    try:
        return await _told(site)
    except CallError as error:
        log.info("the time zone is not known: %s", error)
        return None


async def _told(site: Site) -> tzinfo:
    config = _objects([await _ask(site, "tool_mobile_get_config", {})])
    pairs = _objects(config[0].get("settings")) if config else []
    settings = {str(each.get("name")): each.get("value") for each in pairs}
    user: dict[str, Any] = {}
    if site.known_info is not None:
        asked = {"field": "id", "values": [site.known_info.user_id]}
        found = _objects(await _ask(site, "core_user_get_users_by_field", asked))
        user = found[0] if found else {}
    names = (settings.get("forcetimezone"), user.get("timezone"), settings.get("timezone"))
    for name in names:
        zone = _zone(name)
        if zone is not None:
            return zone
    return UTC


async def _ask(site: Site, function: str, arguments: dict[str, Any]) -> Any:
    if site.known_info is not None and site.known_info.lacks(function):
        return None
    request = (await site.protocol()).encode(function, arguments)
    try:
        return (await site.send(request, timeout=INFO_TIMEOUT)).value
    except CallError as error:
        if error.fault.exception is None:
            raise
        # Moodle's own refusal stays the same.
        return None


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
