"""Finds the ids of names, in the order in which names depend on each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from moodle_mcp.catalogue.references import Thing
from moodle_mcp.errors import CallError, Kind
from moodle_mcp.service.references.asking import Ask
from moodle_mcp.service.references.in_course import (
    GROUPINGS,
    GROUPS,
    find_activities,
    find_in_lists,
)
from moodle_mcp.service.references.names import ID, IN_COURSE, Match, Name, grouped, number
from moodle_mcp.service.references.people import find_people
from moodle_mcp.service.references.roles import find_roles, own_courses, read_roles
from moodle_mcp.service.references.site_things import (
    find_categories,
    find_cohorts,
    find_courses,
)

_PLURALS: Final[Mapping[Thing, str]] = {
    Thing.USER: "people",
    Thing.CATEGORY: "categories",
    Thing.MODULE: "activities",
}

Found = Mapping[Name, Match]


@dataclass
class Resolver:
    """Finds what names mean; each name is looked up once.

    `roles` are the ids of roles that the operator has named, by short name; `user_id` is that of
    the token's user, whose courses show roles if no other course does.
    """

    ask: Ask
    roles: Mapping[str, int] = field(default_factory=dict[str, int])
    user_id: int | None = None

    async def find(self, names: Iterable[Name], role_courses: Sequence[int] = ()) -> Found:
        """Find what names mean; `role_courses` are the ids of courses whose people have the roles.

        Raises:
            CallError: `not_allowed` if a function that is needed is withheld, or why it failed.
        """
        distinct = dict.fromkeys(names)
        found: dict[Name, Match] = {name: _as_id(name) for name in distinct if name.key == ID}
        rest = [name for name in distinct if name.key != ID]
        for thing, same in grouped(rest, lambda name: name.thing).items():
            try:
                found |= await self._of(thing, same, role_courses)
            except CallError as error:
                raise _explained(error, thing) from None
        return found

    async def _of(self, thing: Thing, names: Sequence[Name], role_courses: Sequence[int]) -> Found:
        ask = self.ask
        if thing in IN_COURSE:
            homeless = [each for each in names if _lacks_course(each)]
            names = [each for each in names if not _lacks_course(each)]
            return dict.fromkeys(homeless, Match()) | await _in_course(thing, names, ask)
        match thing:
            case Thing.USER:
                return await find_people(names, ask)
            case Thing.COURSE:
                return await find_courses(names, ask)
            case Thing.CATEGORY:
                return await find_categories(names, ask)
            case Thing.COHORT:
                return await find_cohorts(names, ask)
            case Thing.ROLE:
                return await self._roles(names, role_courses)
            case _:
                raise ValueError(f"{thing} has no names")

    async def role_names(self, ids: Iterable[int], courses: Sequence[int] = ()) -> dict[int, str]:
        """Return the short names of roles, as far as they can be found.

        Raises:
            CallError: as for `find`.
        """
        wanted = frozenset(ids)

        def enough(roles: Mapping[str, int]) -> bool:
            return wanted <= frozenset(roles.values())

        try:
            roles = await read_roles(self.roles, courses, enough, self.ask)
            if not enough(roles):
                roles = await read_roles(roles, await self._own(courses), enough, self.ask)
        except CallError as error:
            raise _explained(error, Thing.ROLE) from None
        return {each: name for name, each in roles.items() if each in wanted}

    async def _roles(self, names: Sequence[Name], courses: Sequence[int]) -> Found:
        found = await find_roles(names, self.roles, courses, self.ask)
        if all(match.ids for match in found.values()):
            return found
        known = {name.text.strip(): match.ids[0] for name, match in found.items() if match.ids}
        return await find_roles(names, {**known, **self.roles}, await self._own(courses), self.ask)

    async def _own(self, but: Sequence[int]) -> list[int]:
        """Return the ids of the user's courses but for those that have been read."""
        own = [] if self.user_id is None else await own_courses(self.user_id, self.ask)
        return [course for course in own if course not in but]


async def _in_course(thing: Thing, names: Sequence[Name], ask: Ask) -> dict[Name, Match]:
    if not names:
        return {}
    match thing:
        case Thing.GROUP:
            return await find_in_lists(GROUPS, names, ask)
        case Thing.GROUPING:
            return await find_in_lists(GROUPINGS, names, ask)
        case _:
            return await find_activities(names, ask)


def _lacks_course(name: Name) -> bool:
    return name.course is None and name.key != "cmid"


def _as_id(name: Name) -> Match:
    found = number(name.text)
    return Match() if found is None else Match((found,))


def _explained(error: CallError, thing: Thing) -> CallError:
    """Say what a function was needed for, and that nothing was sent."""
    plural = _PLURALS.get(thing, f"{thing.value}s")
    fault = error.fault
    hint = fault.advice
    if fault.kind is Kind.NOT_ALLOWED:
        hint = (
            f"To name {plural} instead of giving ids, the operator adds {fault.function} to "
            "MOODLE_MCP_TOOLS. Otherwise give ids."
        )
    return CallError.not_sent(
        error.but(message=f"Can't look up {plural}: {fault.message}", hint=hint).fault
    )
