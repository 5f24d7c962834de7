"""Look up groups, groupings and activities within their courses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from moodle_mcp.service.references.asking import REFUSALS, Ask, ask_each, objects, plain
from moodle_mcp.service.references.names import Listed, Match, Name, among, grouped, number

GROUPS: Final = "core_group_get_course_groups"
GROUPINGS: Final = "core_group_get_course_groupings"
CONTENTS: Final = "core_course_get_contents"
MODULE: Final = "core_course_get_course_module"

_MOST_MODULES: Final = 200
"""Most activities of a course that are asked for their ID numbers, each with a request."""


@dataclass(frozen=True, slots=True)
class _Activity:
    """An activity: its ids as a course module and as an instance of its module, and its name."""

    cmid: int
    instance: int
    module: str
    name: str

    def id_for(self, name: Name) -> int:
        return self.instance if name.module else self.cmid


async def find_in_lists(function: str, names: Sequence[Name], ask: Ask) -> dict[Name, Match]:
    """Find groups or groupings by name or ID number, with a request for each course."""
    found: dict[Name, Match] = {}
    by_course = grouped(names, lambda name: name.course)
    calls = [(function, {"courseid": course}) for course in by_course]
    for same, answer in zip(by_course.values(), await ask_each(ask, calls), strict=True):
        listed = [
            Listed(row["id"], {key: plain(row.get(key)) for key in ("name", "idnumber")})
            for row in objects(answer)
        ]
        found |= among(same, listed)
    return found


async def find_activities(names: Sequence[Name], ask: Ask) -> dict[Name, Match]:
    """Find activities by name, ID number or course-module id.

    The contents of a course have no ID numbers (observed on 4.5.6), so that these take a request
    for each activity of the course.
    """
    by_cmid = [name for name in names if name.key == "cmid"]
    found = await _by_cmid(by_cmid, ask)
    others = grouped((name for name in names if name.key != "cmid"), lambda name: name.course)
    options = [{"name": "excludecontents", "value": "1"}]
    calls = [(CONTENTS, {"courseid": course, "options": options}) for course in others]
    for same, answer in zip(others.values(), await ask_each(ask, calls), strict=True):
        activities = list(_activities(answer))
        found |= _named(same, activities)
        unnamed = [
            name
            for name in same
            if name.key == "idnumber" or (not name.key and not found[name].ids)
        ]
        if unnamed:
            found |= await _by_idnumber(unnamed, found, activities, ask)
    return found


async def activity_names(cmids: Sequence[int], ask: Ask) -> dict[int, str]:
    """Return the names of activities by course-module id, with a request for each."""
    calls = [(MODULE, {"cmid": cmid}) for cmid in cmids]
    answers = await ask_each(ask, calls, refusals=REFUSALS)
    modules = zip(cmids, map(_module, answers), strict=True)
    return {cmid: plain(module["name"]) for cmid, module in modules if module.get("name")}


def _named(names: Sequence[Name], activities: Sequence[_Activity]) -> dict[Name, Match]:
    """Find activities by name; what is an ID number is not found yet."""
    found = dict.fromkeys(names, Match())
    by_name = (name for name in names if name.key != "idnumber")
    for same in grouped(by_name, lambda name: name.module).values():
        fitting = _of_module(same[0], activities)
        listed = [Listed(each.id_for(same[0]), {"name": each.name}) for each in fitting]
        keyed = {name: Name(name.thing, name.text, "name") for name in same}
        matches = among(keyed.values(), listed)
        found |= {name: matches[keyed[name]] for name in same}
    return found


def _of_module(name: Name, activities: Iterable[_Activity]) -> list[_Activity]:
    return [each for each in activities if name.module in ("", each.module)]


async def _by_idnumber(
    names: Sequence[Name], found: Mapping[Name, Match], activities: Sequence[_Activity], ask: Ask
) -> dict[Name, Match]:
    wanted = {each.cmid: each for name in names for each in _of_module(name, activities)}
    if len(wanted) > _MOST_MODULES:
        return {}
    answers = await ask_each(ask, [(MODULE, {"cmid": cmid}) for cmid in wanted])
    texts = {
        cmid: str(_module(answer).get("idnumber") or "")
        for cmid, answer in zip(wanted, answers, strict=True)
    }
    matches: dict[Name, Match] = {}
    for name in names:
        fitting = [
            each.id_for(name)
            for each in _of_module(name, activities)
            if texts[each.cmid] == name.text.strip() != ""
        ]
        matches[name] = Match(tuple(fitting), () if fitting else found[name].near)
    return matches


async def _by_cmid(names: Sequence[Name], ask: Ask) -> dict[Name, Match]:
    """Find activities by their course-module ids, which are text."""
    found = dict.fromkeys(names, Match())
    by_cmid = grouped(names, lambda name: number(name.text))
    by_cmid.pop(None, None)
    calls = [(MODULE, {"cmid": cmid}) for cmid in by_cmid]
    answers = await ask_each(ask, calls, refusals=REFUSALS)
    for same, answer in zip(by_cmid.values(), answers, strict=True):
        module = _module(answer)
        for name in same:
            if name.module in ("", module.get("modname")) and module:
                found[name] = Match((module["instance" if name.module else "id"],))
    return found


def _module(answer: Any) -> Mapping[str, Any]:
    if not isinstance(answer, Mapping):
        return {}
    return cast("Mapping[str, Any]", answer).get("cm") or {}


def _activities(answer: Any) -> Iterable[_Activity]:
    for section in objects(answer):
        for row in objects(section.get("modules")):
            yield _Activity(
                row["id"], row.get("instance", 0), str(row.get("modname")), plain(row.get("name"))
            )
