"""Look up roles by short name.

Moodle has no function that lists roles, and their ids differ between sites, so that none is assumed
from the standard installation. The operator may name them; else they are taken from the people of
courses, whose answers show roles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from moodle_mcp.errors import CallError, Kind
from moodle_mcp.service.references.asking import Ask, objects
from moodle_mcp.service.references.names import Match, Name
from moodle_mcp.suggest import similar

PEOPLE: Final = "core_enrol_get_enrolled_users"
OWN_COURSES: Final = "core_enrol_get_users_courses"

ROLES_HELP: Final = (
    "Moodle lists no roles: they are seen only on people of a course. resolve finds the role's id "
    "in a course in which somebody has it; then give roleid. Or the operator sets "
    "MOODLE_MCP_ROLES, such as student=5."
)
ROLES_WARNING: Final = {"warningcode": "roles", "message": ROLES_HELP}

_COURSES: Final = 6
"""Most courses whose people are read."""

_PEOPLE: Final = 300
"""Most people that are read of a course, those with the lowest ids: teachers tend to be first."""


async def find_roles(
    names: Sequence[Name], known: Mapping[str, int], courses: Sequence[int], ask: Ask
) -> dict[Name, Match]:
    """Find roles among the known ones, and then among those of the people of courses.

    Raises:
        CallError: the people can't be read.
    """
    wanted = {name.text.strip() for name in names}
    roles = await read_roles(known, courses, lambda roles: wanted <= roles.keys(), ask)
    return {name: _match(name, roles) for name in names}


async def read_roles(
    known: Mapping[str, int],
    courses: Sequence[int],
    enough: Callable[[Mapping[str, int]], bool],
    ask: Ask,
) -> dict[str, int]:
    """Return the ids of roles by short name: the known ones, then those of courses until `enough`.

    Raises:
        CallError: the people can't be read.
    """
    roles = dict(known)
    for course in courses[:_COURSES]:
        if enough(roles):
            break
        roles = await _roles_in(course, ask) | roles
    return roles


async def own_courses(user_id: int, ask: Ask) -> list[int]:
    """Return the ids of a user's courses; none if they can't be read."""
    try:
        answer = await ask(OWN_COURSES, {"userid": user_id, "returnusercount": False})
    except CallError:
        return []
    return [row["id"] for row in objects(answer)]


async def _roles_in(course: int, ask: Ask) -> dict[str, int]:
    options = {"userfields": "id,roles", "limitnumber": str(_PEOPLE), "sortby": "id"}
    listed = [{"name": name, "value": value} for name, value in options.items()]
    try:
        answer = await ask(PEOPLE, {"courseid": course, "options": listed})
    except CallError as error:
        if error.fault.kind in (Kind.NO_PERMISSION, Kind.NOT_FOUND):
            return {}
        raise
    roles: dict[str, int] = {}
    for person in objects(answer):
        for role in cast("list[Mapping[str, Any]]", person.get("roles") or []):
            if isinstance(role.get("roleid"), int) and role.get("shortname"):
                roles[str(role["shortname"])] = role["roleid"]
    return roles


def _match(name: Name, roles: Mapping[str, int]) -> Match:
    text = name.text.strip()
    if text in roles:
        return Match((roles[text],))
    return Match(near=tuple(similar(text, roles)))
