"""Finds out which user names and e-mail addresses made Moodle refuse accounts.

Moodle 4.5.6 answers one nameless sentence for a name that is taken, a bad address and a weak
password alike. One look-up per field tells the first apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from moodle_mcp.caller.ledger import Fate
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.catalogue.paths import path_text
from moodle_mcp.catalogue.suspects import MAX_SUSPECTS, TAKEN
from moodle_mcp.errors import Suspect
from moodle_mcp.service.id_names import Read

_FUNCTIONS: Final = frozenset({"core_user_create_users", "core_user_update_users"})
_LIST: Final = "users"
_FIELDS: Final = ("username", "email")
_LOOKUP: Final = "core_user_get_users_by_field"


@dataclass(frozen=True, slots=True)
class _Item:
    index: int
    fields: Mapping[str, Any]


async def with_taken_values(
    function: str, arguments: Mapping[str, Any], outcome: Outcome, read: Read
) -> Outcome:
    """Put the values that belong to another account first among the suspects of a refusal."""
    fault = outcome.fault
    if fault is None or fault.errorcode != "invalidparameter" or function not in _FUNCTIONS:
        return outcome
    items = list(_refused(arguments, outcome))
    taken: dict[str, Suspect] = {}
    for field in _FIELDS:
        owners = await _owners(field, items, read)
        if owners is None:
            return outcome
        for item in items:
            owner = owners.get(str(item.fields.get(field, "")).lower())
            if owner is not None and owner != item.fields.get("id"):
                path = path_text((_LIST, item.index, field))
                problem = f"belongs to user id {owner} already"
                taken[path] = Suspect(path, problem, str(item.fields[field]))
    checked = {path_text((_LIST, item.index, field)) for item in items for field in _FIELDS}
    others = [
        each for each in fault.suspects if not (each.problem == TAKEN and each.path in checked)
    ]
    others = [each for each in others if each.path not in taken]
    suspects = tuple([*taken.values(), *others][:MAX_SUSPECTS])
    return replace(outcome, fault=replace(fault, suspects=suspects))


def _refused(arguments: Mapping[str, Any], outcome: Outcome) -> Iterator[_Item]:
    """The items that Moodle refused; all of them if it refused the call as a whole."""
    users = cast("Sequence[Mapping[str, Any]]", arguments.get(_LIST) or ())
    ledger = outcome.ledger
    indexes = range(len(users)) if ledger is None else ledger.indexes(Fate.FAILED)
    return (_Item(index, users[index]) for index in indexes)


async def _owners(field: str, items: Sequence[_Item], read: Read) -> Mapping[str, int] | None:
    """The ids of the accounts that have the items' values, by value in lower case.

    None if they can't be looked up.
    """
    values = [str(item.fields[field]) for item in items if item.fields.get(field)]
    if not values:
        return {}
    # Moodle compares as the database does, which may mind capitals (PostgreSQL does).
    wanted = list(dict.fromkeys([*values, *(value.lower() for value in values)]))
    found = await read(_LOOKUP, {"field": field, "values": wanted})
    if not isinstance(found, list):
        return None
    users = [cast("Mapping[str, Any]", each) for each in cast("list[Any]", found)]
    return {str(user.get(field)).lower(): user["id"] for user in users if user.get(field)}
