"""The tool `resolve`: the ids of many names, or the names of many ids, in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from moodle_mcp.caller.executor import Observer
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.catalogue.arguments import arguments_fault
from moodle_mcp.catalogue.classification import Access, Classification
from moodle_mcp.catalogue.model import Function, FunctionText, ListOf, Object, ParameterText, Value
from moodle_mcp.catalogue.references import Thing
from moodle_mcp.catalogue.text_kinds import TextKind
from moodle_mcp.errors import CallError, ParameterFault
from moodle_mcp.presentation.render import Each, Keys, Words
from moodle_mcp.service.builtin_tools import BuiltinAnswer, BuiltinTool
from moodle_mcp.service.id_names import find_names
from moodle_mcp.service.references.asking import REFUSALS
from moodle_mcp.service.references.in_course import activity_names
from moodle_mcp.service.references.names import (
    ID,
    IN_COURSE,
    Match,
    Name,
    kind_named,
    kinds,
    number,
)
from moodle_mcp.service.references.people import USERS
from moodle_mcp.service.references.resolver import Resolver
from moodle_mcp.service.references.roles import ROLES_WARNING
from moodle_mcp.service.references.site_things import COURSES

RESOLVE: Final = Function(
    "resolve",
    params=Object(
        {
            "names": ListOf(
                Object(
                    {
                        "of": Value("raw"),
                        "values": ListOf(Value("raw")),
                        "course": Value("raw", presence="optional"),
                    }
                )
            )
        }
    ),
    classification=Classification(Access.READ),
    text=FunctionText(
        "Find the ids of many names at once, or the names of ids, instead of looking up one by "
        "one. Says what is unknown or ambiguous.",
        {
            "names[].of": ParameterText(
                "user (user name or e-mail), course (short name), category (path A / B), cohort, "
                "role, group, grouping or activity; or with a key: user.idnumber, cohort.name, "
                "user.id for the names of ids."
            ),
            "names[].course": ParameterText(
                "For groups, groupings and activities: short name or id of their course."
            ),
        },
    ),
)

RESOLVE_RULE: Final = Each(
    Keys(
        {
            "names": Each(Keys({"name": Words(TextKind.NAME)})),
            "unknown": Each(Keys({"near": Each(Words(TextKind.NAME))})),
        }
    )
)

_LISTS: Final[Mapping[Thing, str]] = {
    Thing.USER: "userids",
    Thing.COURSE: "courseids",
    Thing.CATEGORY: "categoryid",
    Thing.COHORT: "cohortids",
    Thing.GROUP: "groupids",
    Thing.GROUPING: "groupingids",
}
"""Arguments whose ids `find_names` looks up."""


def is_useful(allows: Callable[[str], bool]) -> bool:
    """Whether people or courses can be looked up with what is allowed."""
    return allows(USERS) or allows(COURSES)


class ResolveTool:
    """Runs `resolve` for one user; `resolver` makes the resolver of a call."""

    def __init__(self, resolver: Callable[[], Resolver]) -> None:
        self._resolver = resolver
        self.tool = BuiltinTool(RESOLVE, self._run)

    async def _run(self, arguments: Mapping[str, Any], _: Observer) -> BuiltinAnswer:
        resolver = self._resolver()
        rows: list[Mapping[str, Any]] = arguments["names"]
        asked = [_asked(row, f"names[{index}]") for index, row in enumerate(rows)]
        courses = await _courses(rows, resolver)
        result = [
            {"of": row["of"]} | await _answer(resolver, of, values, course)
            for row, (of, values), course in zip(rows, asked, courses, strict=True)
        ]
        unknown_roles = any(
            thing is Thing.ROLE and "unknown" in answer
            for ((thing, _), _), answer in zip(asked, result, strict=True)
        )
        warnings = [ROLES_WARNING] if unknown_roles else []
        return BuiltinAnswer(Outcome(result=result, warnings=warnings), rule=RESOLVE_RULE)


def _asked(row: Mapping[str, Any], path: str) -> tuple[tuple[Thing, str], list[str]]:
    of = kind_named(row["of"])
    if of is None:
        raise _wrong(f"{path}.of", "is not a kind of thing that has names", kinds())
    thing, key = of
    if thing in IN_COURSE and key not in (ID, "cmid") and not row.get("course", "").strip():
        raise _wrong(f"{path}.course", "is missing, and names of this kind are within a course")
    return of, list(dict.fromkeys(row["values"]))


def _wrong(path: str, problem: str, allowed: str | None = None) -> CallError:
    return CallError.not_sent(arguments_fault(RESOLVE, [ParameterFault(path, problem, allowed)]))


async def _courses(rows: Sequence[Mapping[str, Any]], resolver: Resolver) -> list[int | None]:
    """Return the id of each row's course."""
    texts = [str(row.get("course", "")).strip() for row in rows]
    found = await resolver.find(Name(Thing.COURSE, text) for text in texts if text)
    courses: list[int | None] = []
    for index, text in enumerate(texts):
        match = found.get(Name(Thing.COURSE, text), Match())
        found_id = match.id or number(text)
        if text and found_id is None:
            raise _wrong(f"names[{index}].course", "is not the short name or id of one course")
        courses.append(found_id)
    return courses


async def _answer(
    resolver: Resolver, of: tuple[Thing, str], values: Sequence[str], course: int | None
) -> dict[str, Any]:
    thing, key = of
    answer: dict[str, Any] = {}
    if key == ID:
        return answer | await _names(resolver, thing, values, course)
    names = {text: Name(thing, text, key, course) for text in values}
    found = await resolver.find(names.values(), [] if course is None else [course])
    matches = {text: found[name] for text, name in names.items()}
    unknown = [_unknown(text, match) for text, match in matches.items() if not match.ids]
    ambiguous = {text: list(match.ids) for text, match in matches.items() if len(match.ids) > 1}
    answer["ids"] = {text: match.id for text, match in matches.items() if match.id is not None}
    return answer | _present(unknown=unknown, ambiguous=ambiguous)


def _unknown(text: str, match: Match) -> dict[str, Any]:
    return {"name": text} | _present(near=list(match.near))


def _present(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}


async def _names(
    resolver: Resolver, thing: Thing, values: Sequence[str], course: int | None
) -> dict[str, Any]:
    ids = {text: number(text) for text in values}
    wanted = [each for each in ids.values() if each is not None]
    match thing:
        case Thing.ROLE:
            names = await resolver.role_names(wanted, [] if course is None else [course])
        case Thing.MODULE:
            names = await activity_names(wanted, resolver.ask)
        case _:
            names = await _things(resolver, thing, wanted)
    listed = [{"id": each, "name": name} for each, name in names.items()]
    unknown = [{"name": text} for text, each in ids.items() if each not in names]
    return {"names": listed} | _present(unknown=unknown)


async def _things(resolver: Resolver, thing: Thing, ids: Sequence[int]) -> dict[int, str]:
    async def read(function: str, arguments: Mapping[str, Any]) -> Any:
        try:
            return await resolver.ask(function, arguments)
        except CallError as error:
            if error.fault.kind not in REFUSALS:
                raise
            return None

    found = await find_names({_LISTS[thing]: list(ids)}, read)
    return {each: name for (_, each), name in found.items() if name is not None}
