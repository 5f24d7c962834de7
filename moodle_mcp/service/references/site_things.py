"""Look up courses, categories and cohorts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from moodle_mcp.service.references.asking import Ask, ask_each, objects, plain
from moodle_mcp.service.references.names import (
    Listed,
    Match,
    Name,
    among,
    folded,
    grouped,
    most_suggested,
)

COURSES: Final = "core_course_get_courses_by_field"
CATEGORIES: Final = "core_course_get_categories"
COHORTS: Final = "core_cohort_get_cohorts"

_FEW: Final = 8
"""Up to so many courses are asked one by one: the function takes one value. For more, all courses
of the site are read at once.
"""

_MOST_NEAR: Final = 3

_SLASH: Final = re.compile(r"\s*/\s*")


async def find_courses(names: Sequence[Name], ask: Ask) -> dict[Name, Match]:
    """Find courses by short name or ID number."""
    asked = grouped(names, lambda name: (name.key or "shortname", name.text.strip()))
    if len(asked) > _FEW:
        everything = [
            _listed(row, "shortname", "idnumber")
            for row in objects(await ask(COURSES, {}), "courses")
        ]
        keys = {name: Name(name.thing, name.text, name.key or "shortname") for name in names}
        matches = among(keys.values(), everything)
        return {name: matches[keyed] for name, keyed in keys.items()}
    calls: list[tuple[str, Mapping[str, Any]]] = [
        (COURSES, {"field": field, "value": text}) for field, text in asked if text
    ]
    answers = await ask_each(ask, calls)
    found = dict.fromkeys(names, Match())
    by_value = {
        (arguments["field"], arguments["value"]): tuple(
            row["id"] for row in objects(answer, "courses")
        )
        for (_, arguments), answer in zip(calls, answers, strict=True)
    }
    for value, same in asked.items():
        found |= dict.fromkeys(same, Match(by_value.get(value, ())))
    return found


async def find_categories(names: Sequence[Name], ask: Ask) -> dict[Name, Match]:
    """Find categories by ID number, or by the path of their names: `Science / Biology`."""
    rows = {row["id"]: row for row in objects(await ask(CATEGORIES, {}))}
    listed = [
        Listed(row["id"], {"path": _path(row, rows), "idnumber": plain(row.get("idnumber"))})
        for row in rows.values()
    ]
    found = among(names, listed, _compared_path)
    unknown = [name for name in names if not found[name].ids]
    paths = {_compared_path(each.texts["path"]): each.texts["path"] for each in listed}
    return found | {
        name: _suggested(name, paths) or found[name] for name in unknown[: most_suggested(listed)]
    }


async def find_cohorts(names: Sequence[Name], ask: Ask) -> dict[Name, Match]:
    """Find cohorts by ID number or name."""
    listed = [_listed(row, "idnumber", "name") for row in objects(await ask(COHORTS, {}))]
    return among(names, listed)


def _suggested(name: Name, paths: Mapping[str, str]) -> Match | None:
    """Suggest the categories that are named without those above them; None if there are none."""
    end = f"/{_compared_path(name.text)}"
    near = [path for compared, path in paths.items() if compared.endswith(end)]
    return Match(near=tuple(near[:_MOST_NEAR])) if near else None


def _listed(row: Mapping[str, Any], *keys: str) -> Listed:
    return Listed(row["id"], {key: plain(row.get(key)) for key in keys})


def _path(row: Mapping[str, Any], rows: Mapping[int, Mapping[str, Any]]) -> str:
    """Return the names from the top category down, as far as they are visible."""
    ids = [int(each) for each in str(row.get("path", "")).split("/") if each.isdecimal()]
    return " / ".join(plain(rows[each].get("name")) for each in ids if each in rows)


def _compared_path(text: str) -> str:
    return _SLASH.sub("/", folded(text))
