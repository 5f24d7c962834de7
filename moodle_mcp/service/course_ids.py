"""Completion of course ids, for the arguments of prompts and resource templates."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any, Final, cast

import anyio
from cachetools import TTLCache

from moodle_mcp.service.id_names import Read

MOST: Final = 100
"""Most values in one completion, as MCP defines."""

KEPT_SECONDS: Final = 60
"""Seconds that results are cached: clients ask at every keystroke."""

PATIENCE: Final = 5.0
"""Most seconds spent on one completion."""

_LEAST: Final = 2
"""Fewest characters for which the whole site is searched."""

_NAMES: Final = ("fullname", "displayname", "shortname")


@dataclass(frozen=True, slots=True)
class Found:
    """Found courses: their names by id, as one text each, and how many there are in all."""

    names: Mapping[int, str]
    total: int


@dataclass(frozen=True, slots=True)
class Suggestions:
    """At most `MOST` ids as text, and how many there are in all."""

    values: list[str]
    total: int


class CourseIds:
    """Suggests ids of the user's own courses, or else of courses found by a search.

    Results are cached: once the user's own courses are known, a keystroke costs at most one
    request.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept: TTLCache[str, Found] = TTLCache(MOST, KEPT_SECONDS, timer=clock)

    async def complete(self, typed: str, user_id: int | None, read: Read) -> Suggestions:
        """Suggest ids that begin with the typed text, then those of courses with its words in a
        name.

        `read` calls a function if it is allowed. If the site does not answer, there are none.
        """
        typed = " ".join(typed.casefold().split())
        with anyio.move_on_after(PATIENCE):
            own = await self._own(user_id, read)
            ids = _fitting(typed, own.names)
            if ids or len(typed) < _LEAST:
                return _suggestions(ids, len(ids))
            found = await self._search(typed, read)
            return _suggestions(list(found.names), found.total)
        return _suggestions([], 0)

    async def _own(self, user_id: int | None, read: Read) -> Found:
        if user_id is None:
            return Found({}, 0)
        arguments = {"userid": user_id, "returnusercount": False}
        return await self._found("", "core_enrol_get_users_courses", arguments, read)

    async def _search(self, words: str, read: Read) -> Found:
        arguments = {"criterianame": "search", "criteriavalue": words, "perpage": MOST}
        return await self._found(words, "core_course_search_courses", arguments, read)

    async def _found(
        self, key: str, function: str, arguments: Mapping[str, Any], read: Read
    ) -> Found:
        found = self._kept.get(key)
        if found is None:
            answer = await read(function, arguments)
            if answer is None:
                # Withheld or failed: it may work the next time.
                return Found({}, 0)
            found = self._kept[key] = _courses(answer)
        return found


def _courses(answer: Any) -> Found:
    rows, total = answer, None
    if isinstance(answer, Mapping):
        page = cast("Mapping[str, Any]", answer)
        rows, total = page.get("courses"), page.get("total")
    courses = cast("list[Mapping[str, Any]]", rows or [])
    names = {
        course["id"]: "\n".join(unescape(str(course.get(name) or "")) for name in _NAMES).casefold()
        for course in courses
        if "id" in course
    }
    return Found(names, total if isinstance(total, int) else len(names))


def _fitting(typed: str, names: Mapping[int, str]) -> list[int]:
    """The ids that begin with the typed text, then those whose names contain its words."""
    begun = sorted(number for number in names if str(number).startswith(typed))
    words = typed.split()
    named = [number for number, text in names.items() if all(word in text for word in words)]
    return list(dict.fromkeys([*begun, *named]))


def _suggestions(ids: list[int], total: int) -> Suggestions:
    return Suggestions([str(number) for number in ids[:MOST]], total)
