"""Puts ids where the names of rows are, and says which rows have names that mean nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from moodle_mcp.background import Background
from moodle_mcp.catalogue.references import Thing
from moodle_mcp.errors import CallError, Fault, Kind, ParameterFault
from moodle_mcp.jsontree import LARGE_VALUES
from moodle_mcp.service.bulk.columns import Columns
from moodle_mcp.service.bulk.rows import Named, Rows, set_at, value_at
from moodle_mcp.service.references.names import IN_COURSE, Match, Name, number
from moodle_mcp.service.references.resolver import Found, Resolver
from moodle_mcp.service.references.roles import ROLES_HELP
from moodle_mcp.tables.items import Steps

_MAX_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class FilledRows:
    """Rows whose names have become ids.

    `faults` are those of rows with a name that is unknown or ambiguous, by index; their items are
    incomplete. `named` are the ids that each kind of name became, with the text of each.
    """

    rows: Rows
    faults: dict[int, Fault]
    named: Mapping[Thing, Mapping[int, str]] = field(
        default_factory=dict[Thing, "Mapping[int, str]"]
    )

    @property
    def good(self) -> list[int]:
        """The indexes of the rows without a fault, in order."""
        return [index for index in range(len(self.rows.items)) if index not in self.faults]


async def fill(
    rows: Rows, columns: Columns, resolver: Resolver, background: Background
) -> FilledRows:
    """Find the ids of all names in rows, each name once, and put them into the items.

    Courses come first, because groups and activities are named within them.

    Raises:
        CallError: a look-up is not allowed or failed, or a default means nothing; nothing was sent.
    """
    found: dict[Name, Match] = {}
    shared_course = await _fill_shared(rows, resolver, found)
    courses = {_name(each): None for each in _of_rows(rows, courses=True)}
    found |= await resolver.find(courses)
    course_of = [
        _course(item, names, columns, found, shared_course)
        for item, names in zip(rows.items, rows.names, strict=True)
    ]
    others = {
        _name(each, course): None
        for names, course in zip(rows.names, course_of, strict=True)
        for each in names
        if each.target.thing is not Thing.COURSE
    }
    in_rows = [course for course in dict.fromkeys(course_of) if course is not None]
    found |= await resolver.find(others, in_rows)
    return await background.run_if(len(rows.items) > LARGE_VALUES, _filled, rows, course_of, found)


async def _fill_shared(rows: Rows, resolver: Resolver, found: dict[Name, Match]) -> int | None:
    """Put the ids of names that all items share into `rows.shared`; return their course's id."""
    course: int | None = None
    contexts = [
        each
        for each in dict.fromkeys(name for names in rows.names for name in names)
        if each.target.scope == "context"
    ]
    in_order = sorted(rows.shared_names, key=lambda each: each.target.thing is not Thing.COURSE)
    if len(contexts) == 1:
        matches = await resolver.find([_name(contexts[0])])
        found |= matches
        course = matches[_name(contexts[0])].id
    for each in in_order:
        name = _name(each, course)
        match = (await resolver.find([name], [] if course is None else [course]))[name]
        fault = _fault(each, match, course)
        if fault is not None:
            problem = ParameterFault(each.header, fault.message)
            raise CallError.not_sent(
                Fault(
                    Kind.INVALID_ARGUMENTS,
                    f"Nothing was sent: {fault.message}",
                    hint=fault.hint,
                    parameters=(problem,),
                )
            )
        rows.shared[each.target.steps[0]] = match.id
        if each.target.thing is Thing.COURSE:
            course = match.id
    return course


def _of_rows(rows: Rows, *, courses: bool) -> Iterator[Named]:
    for names in rows.names:
        for each in names:
            if (each.target.thing is Thing.COURSE) is courses:
                yield each


def _name(named: Named, course: int | None = None) -> Name:
    target = named.target
    in_course = course if target.thing in IN_COURSE else None
    return Name(target.thing, named.text.strip(), target.key, in_course, target.module)


def _course(
    item: Mapping[str, Any],
    names: Sequence[Named],
    columns: Columns,
    found: Found,
    shared: int | None,
) -> int | None:
    """Return the id of a row's course: named, given as an id, or that of all rows."""
    for each in names:
        if each.target.thing is Thing.COURSE:
            return found[_name(each)].id
    given = value_at(item, columns.course_steps) if columns.course_steps else None
    return number(str(given)) if given is not None else shared


def _filled(rows: Rows, course_of: Sequence[int | None], found: Found) -> FilledRows:
    faults: dict[int, Fault] = {}
    named: dict[Thing, dict[int, str]] = {}
    known: dict[tuple[Name, str], Fault | None] = {}
    for index, (item, names) in enumerate(zip(rows.items, rows.names, strict=True)):
        contexts: set[int | None] = set()
        for each in names:
            name = _name(each, course_of[index])
            match = found[name]
            key = (name, each.header)
            if key not in known:
                known[key] = _fault(each, match, course_of[index])
            fault = known[key]
            if fault is not None:
                faults.setdefault(index, fault)
            elif match.id is not None:
                named.setdefault(each.target.thing, {}).setdefault(match.id, each.text.strip())
                if each.target.scope == "item":
                    given = _given(item, each.target.steps)
                    set_at(item, each.target.steps, match.id)
                else:
                    given = contexts
                    contexts = contexts | {match.id}
                if given - {match.id}:
                    faults.setdefault(index, _contradicted(each))
    return FilledRows(rows, faults, named)


def _given(item: Mapping[str, Any], steps: Steps) -> set[int | None]:
    """Return the id that an item has at these keys already, from another column."""
    given = value_at(item, steps)
    return set() if given is None else {number(str(given))}


def _contradicted(named: Named) -> Fault:
    return Fault(
        Kind.INVALID_ARGUMENTS,
        f"{named.header} means another {named.target.word} than another column of the row.",
        hint="Leave out all columns but one for the same thing.",
    )


def _fault(named: Named, match: Match, course: int | None) -> Fault | None:
    """Return what is wrong with a name in a row; None if it means one thing."""
    if match.id is not None:
        return None
    target = named.target
    shown = _shown(named.text.strip())
    if len(match.ids) > 1:
        ids = ", ".join(map(str, match.ids[:5]))
        return Fault(
            Kind.INVALID_ARGUMENTS,
            f"{target.word} {shown} means {len(match.ids)} of them (ids {ids}).",
            hint=f"Name each by another key, such as {target.word}.id.",
        )
    if target.thing in IN_COURSE and course is None and target.key != "cmid":
        message = f"{target.word} {shown} can't be found without its course."
        return Fault(
            Kind.INVALID_ARGUMENTS, message, hint="Give the course in a column or default."
        )
    near = f" Similar: {', '.join(map(_shown, match.near))}." if match.near else ""
    hint = ROLES_HELP if target.thing is Thing.ROLE else "Correct the name, or give the id."
    return Fault(Kind.NOT_FOUND, f"{target.word} {shown} is unknown.{near}", hint=hint)


def _shown(text: str) -> str:
    """Show a name, which anybody may have written, on one line."""
    text = text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
    return json.dumps(text, ensure_ascii=False)


def repeated(rows: Rows, chosen: Sequence[int]) -> list[list[int]]:
    """Return the lines, or else indexes, of chosen rows that ask for the same, together."""
    alike: dict[str, list[int]] = {}
    for index in chosen:
        key = json.dumps(rows.items[index], sort_keys=True, default=str)
        alike.setdefault(key, []).append(rows.lines[index] if rows.lines else index)
    return [members for members in alike.values() if len(members) > 1]
