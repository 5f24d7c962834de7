"""Look up people by user name, e-mail address or ID number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from moodle_mcp.errors import CallError, Kind
from moodle_mcp.service.references.asking import REFUSALS, Ask, ask_each, objects
from moodle_mcp.service.references.names import Match, Name, grouped

USERS: Final = "core_user_get_users_by_field"
SEARCH: Final = "core_user_get_users"

_PLAIN_USERNAME: Final = re.compile(r"[-.@_a-z0-9]+")
"""User names that every site accepts. For another one Moodle fails the whole request, unless the
site allows extended characters (read in the source of 4.5.6), so it is asked by itself.
"""

_MOST_ODD: Final = 20
"""Most unusual user names that are asked one by one; the others count as unknown."""

_FEW: Final = 8
_MOST_PATTERNS: Final = 80
"""Most searches for e-mail addresses; what they would find counts as unknown."""


async def find_people(names: Sequence[Name], ask: Ask) -> dict[Name, Match]:
    """Find people: a request for each key and few hundred values, and few for unusual ones."""
    found: dict[Name, Match] = {}
    for field, same in grouped(names, _field).items():
        wanted = {name: _compared(field, name.text) for name in same}
        ids = await _ids(field, _values(field, same), ask)
        if field == "email":
            missing = {text for text in wanted.values() if text and text not in ids}
            ids |= await _searched(missing, ask)
        found |= {name: Match(tuple(ids.get(text, ()))) for name, text in wanted.items()}
    return found


def _field(name: Name) -> str:
    return name.key or ("email" if "@" in name.text else "username")


def _compared(field: str, text: str) -> str:
    """Return a value as Moodle compares it: user names are stored in lower case, and the case of an
    e-mail address does not matter (read in the source of 4.5.6).
    """
    text = text.strip()
    match field:
        case "username":
            return text.lower()
        case "email":
            return text.casefold()
        case _:
            return text


def _values(field: str, names: Iterable[Name]) -> list[str]:
    """Return the values to ask for, each once.

    The function compares e-mail addresses as the database does, which on PostgreSQL distinguishes
    case (read in the source of 4.5.6), so that both spellings are asked.
    """
    texts = [name.text.strip() for name in names]
    if field == "username":
        texts = [text.lower() for text in texts]
    if field == "email":
        texts += [text.lower() for text in texts]
    return [text for text in dict.fromkeys(texts) if text]


async def _ids(field: str, values: Sequence[str], ask: Ask) -> dict[str, list[int]]:
    """Return the ids by value, as it is compared."""
    alone: list[str] = []
    if field == "username":
        alone = [each for each in values if not _PLAIN_USERNAME.fullmatch(each)]
        values = [each for each in values if _PLAIN_USERNAME.fullmatch(each)]
    calls = [_asked(field, values)] if values else []
    calls += [_asked(field, [each]) for each in alone[:_MOST_ODD]]
    refusals = REFUSALS if alone else ()
    answers = await ask_each(ask, calls, refusals=refusals)
    return _by_value(field, (row for answer in answers for row in objects(answer)))


def _asked(field: str, values: Sequence[str]) -> tuple[str, Mapping[str, Any]]:
    return USERS, {"field": field, "values": list(values)}


async def _searched(missing: Iterable[str], ask: Ask) -> dict[str, list[int]]:
    """Search for e-mail addresses without regard to case.

    In the search's pattern `%` and `_` stand for other characters (read in the source of 4.5.6), so
    that what was found is compared again. A few addresses are searched one by one, many together
    by their first letter and domain.
    """
    wanted = frozenset(missing)
    patterns = sorted(wanted if len(wanted) <= _FEW else {_pattern(text) for text in wanted})
    if not 0 < len(patterns) <= _MOST_PATTERNS:
        return {}
    calls = [(SEARCH, {"criteria": [{"key": "email", "value": text}]}) for text in patterns]
    try:
        answers = await ask_each(ask, calls, refusals=REFUSALS)
    except CallError as error:
        if error.fault.kind not in (Kind.NOT_ALLOWED, Kind.NO_PERMISSION, Kind.ACCESS_DENIED):
            raise
        return {}
    rows = (row for answer in answers for row in objects(answer, "users"))
    return {text: ids for text, ids in _by_value("email", rows).items() if text in wanted}


def _pattern(text: str) -> str:
    return f"{text[:1]}%@{text.rpartition('@')[2]}"


def _by_value(field: str, rows: Iterable[Mapping[str, Any]]) -> dict[str, list[int]]:
    ids: dict[str, list[int]] = {}
    for row in rows:
        members = ids.setdefault(_compared(field, str(row.get(field, ""))), [])
        if row["id"] not in members:
            members.append(row["id"])
    return ids
