"""Look-ups by values: prepares the values, and tells which of them were not found; pure.

Moodle leaves out what it does not find, and fails a whole look-up for one value that it refuses.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from moodle_mcp.catalogue.lookups import Lookup
from moodle_mcp.errors import CallError, Kind

MOST_SPLITS: Final = 64
"""Most requests that a look-up is split into to find the values that Moodle refuses."""

_OF_A_VALUE: Final = frozenset(
    {Kind.INVALID_PARAMETER, Kind.NOT_FOUND, Kind.NO_PERMISSION, Kind.SITE_ERROR}
)
"""Failures that a single value can cause. For an unknown course Moodle fails inside PHP (observed
on 4.5.6)."""


def is_of_a_value(error: CallError) -> bool:
    """Whether one of several values may have caused a failure: Moodle answered an exception."""
    return error.fault.exception is not None and error.fault.kind in _OF_A_VALUE


def values_of(lookup: Lookup | None, arguments: Mapping[str, Any]) -> list[Any]:
    """Return the values that a call looks up, each once; none if it is no look-up."""
    if lookup is None or not _applies(lookup, arguments):
        return []
    values = _at(arguments, lookup.values)
    if _is_joined(lookup, arguments):
        values = [part for value in values for part in str(value).split(",")]
    return list(dict.fromkeys(_trimmed(value) for value in values))


def with_lower_case(lookup: Lookup | None, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments without blanks around the values that are looked up.

    Where case does not matter, values in lower case are added: Moodle compares exactly, and stores
    most addresses and all user names in lower case (observed on 4.5.6).
    """
    values = values_of(lookup, arguments)
    if lookup is None or not values:
        return dict(arguments)
    if "[]" in lookup.values:
        return _with_trimmed(lookup.values, arguments)
    if arguments.get(lookup.key_in) in lookup.no_case:
        lower = [value.lower() for value in values]
        values = list(dict.fromkeys([*values, *lower]))
    return with_values(lookup, arguments, values)


def with_values(
    lookup: Lookup, arguments: Mapping[str, Any], values: Sequence[Any]
) -> dict[str, Any]:
    """Return the arguments with other values to look up."""
    name, _, inner = lookup.values.partition(".")
    new: Any = list(values)
    if lookup.joined:
        new = ",".join(map(str, values))
    return {**arguments, name: {**arguments[name], inner: new} if inner else new}


def not_found(
    lookup: Lookup, arguments: Mapping[str, Any], wanted: Sequence[Any], result: Any
) -> list[Any]:
    """Return the values that no row of the answer has.

    They are compared without case, since the site's database may do so. If a row does not show its
    value, nothing can be said.
    """
    for step in filter(None, lookup.rows.split(".")):
        result = (
            cast("Mapping[str, Any]", result).get(step) if isinstance(result, Mapping) else None
        )
    rows = cast("list[Any]", result) if isinstance(result, list) else []
    if not rows or lookup.all_or_none:
        return [] if rows else list(wanted)
    if len(wanted) == 1:
        return []
    key = _key(lookup, arguments)
    if any(not isinstance(row, Mapping) or key not in row for row in rows):
        return []
    found = {_comparable(row[key]) for row in rows}
    return [value for value in wanted if _comparable(value) not in found]


def _key(lookup: Lookup, arguments: Mapping[str, Any]) -> str:
    if not lookup.key_in:
        return lookup.key
    field = str(arguments.get(lookup.key_in, ""))
    return (lookup.keys or {}).get(field, field)


def _applies(lookup: Lookup, arguments: Mapping[str, Any]) -> bool:
    return not lookup.only or arguments.get(lookup.key_in) in lookup.only


def _is_joined(lookup: Lookup, arguments: Mapping[str, Any]) -> bool:
    # Only a list of ids has commas: a name may contain one.
    return lookup.joined and arguments.get(lookup.key_in) in (lookup.keys or {})


def _at(value: Any, path: str) -> list[Any]:
    found = [value]
    for step in path.split("."):
        name = step.removesuffix("[]")
        objects = [cast("Mapping[str, Any]", each) for each in found if isinstance(each, Mapping)]
        found = [each[name] for each in objects if name in each]
        found = [
            entry
            for each in found
            for entry in (cast("list[Any]", each) if isinstance(each, list) else [each])
        ]
    return found


def _with_trimmed(path: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments with trimmed values in a list of objects: `criteria[].value`."""
    name, _, key = path.partition("[].")
    items = [
        {**item, key: _trimmed(item[key])} if key in item else item for item in arguments[name]
    ]
    return {**arguments, name: items}


def _trimmed(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _comparable(value: Any) -> str:
    return html.unescape(str(value)).strip().casefold()
