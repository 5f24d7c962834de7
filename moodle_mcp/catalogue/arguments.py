"""Check an agent's arguments against a function's parameters, before anything is sent.

Clients often send the right value in the wrong type; `accept` converts those without guessing. The
result is checked against the schema that the agent sees, including the values that it only lists in
descriptions, and against what REST can carry.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from itertools import islice
from typing import Any, Final, cast

import jsonschema_rs

from moodle_mcp.background import checkpoint
from moodle_mcp.catalogue.compiled import CompiledSchemas
from moodle_mcp.catalogue.control_arguments import CONTROL_ARGUMENTS
from moodle_mcp.catalogue.explaining import Reader, explain
from moodle_mcp.catalogue.model import Function, ListOf, Node, Object, Value, scalar
from moodle_mcp.catalogue.schema import checked_schema
from moodle_mcp.catalogue.sendable import INT64, empty_objects, free_form_faults, unsendable
from moodle_mcp.catalogue.time_values import ParameterTimes
from moodle_mcp.catalogue.unix_seconds import LocalTimeFault
from moodle_mcp.catalogue.value_checks import ValueChecks
from moodle_mcp.errors import CallError, Fault, Kind, ParameterFault
from moodle_mcp.jsontree import MAX_ITEMS, MAX_VALUES, Size, head, size_of

MAX_FAULTS: Final = 20
"""Maximum faults in one report: a list of thousands of bad items must fit an answer."""

_MAX_FOUND: Final = 1000
"""Maximum faults to search for: of 100,000 bad items the rest is as bad."""

_LOOKED_AT: Final = 1_000
"""How many values are searched for the first faults. The validator builds an error of a kilobyte or
more for every fault before it returns the first."""

_LONGEST_INTEGER: Final = 60
_EXACT: Final = 2.0**53
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_BOOLEANS: Final[Mapping[Any, bool]] = {
    "1": True, "0": False, "true": True, "false": False, 1: True, 0: False,
}  # fmt: skip


class ArgumentChecker:
    """Checks arguments; caches the compiled checks of each function."""

    def __init__(self) -> None:
        self._schemas = CompiledSchemas(checked_schema)
        self._times = ParameterTimes()
        self._values = ValueChecks(self._times)

    def check(
        self,
        function: Function,
        arguments: Mapping[str, Any],
        zone: tzinfo | None = None,
        size: Size | None = None,
    ) -> dict[str, Any]:
        """Return the arguments as they can be sent, without nulls.

        `zone` is the user's time zone, in which error messages explain dates without an offset; UTC
        if it is None. `lacks_zone` tells whether a zone would change the error. `size` is the
        result of `checked_size`, if the arguments have been counted already.

        Raises:
            CallError: `invalid_arguments` with one entry for each fault, or `too_large`; nothing
                was sent.
        """
        size = size or checked_size(arguments)
        own = {name: value for name, value in arguments.items() if name not in CONTROL_ARGUMENTS}
        ours = {name: value for name, value in arguments.items() if name in CONTROL_ARGUMENTS}
        accepted = accept(function.params, own) if function.typed else _without_nulls(own)
        accepted |= accept(Object(CONTROL_ARGUMENTS), ours)
        faults = list(islice(unsendable(accepted, ()), _MAX_FOUND))
        if not faults and not function.typed:
            faults = list(islice(free_form_faults(function, accepted), _MAX_FOUND))
        if not faults:
            found = self._faults(function, accepted, size, Reader(self._times, zone, accepted))
            faults = list(islice(found, _MAX_FOUND))
        if not faults:
            faults = list(islice(empty_objects(accepted, ()), _MAX_FOUND))
        if faults:
            all_found = len(faults) < _MAX_FOUND and size.values <= _LOOKED_AT
            raise CallError.not_sent(arguments_fault(function, faults, all_found=all_found))
        return accepted

    def _faults(
        self, function: Function, arguments: Any, size: Size, reader: Reader
    ) -> Iterator[ParameterFault]:
        validator = self._schemas.of(function)
        if not validator.is_valid(arguments):
            for error in validator.iter_errors(_up_to_a_fault(validator, arguments, size.values)):
                yield from explain(function, error, reader)
        yield from self._values.faults(function, arguments)


def checked_size(arguments: Mapping[str, Any]) -> Size:
    """Count the values of a call's arguments; must run before any other check.

    Raises:
        CallError: `too_large`; nothing was sent.
    """
    size = size_of(arguments)
    if not size.is_too_large:
        return size
    raise CallError.not_sent(
        Fault(
            Kind.TOO_LARGE,
            "Nothing was sent: the arguments of one call may have "
            f"{MAX_VALUES:,} values, and {MAX_ITEMS:,} entries in one list.",
        )
    )


def _up_to_a_fault(
    validator: jsonschema_rs.Draft202012Validator, arguments: Any, values: int
) -> Any:
    """Return invalid arguments with their lists cut off soon after the first fault."""
    valid, invalid, looked_at = 0, values, _LOOKED_AT
    while invalid - valid > _LOOKED_AT:
        checkpoint()
        if validator.is_valid(head(arguments, looked_at)):
            valid = looked_at
        else:
            invalid = looked_at
        looked_at = (valid + invalid) // 2
    return head(arguments, invalid) if invalid < values else arguments


def lacks_zone(error: CallError) -> bool:
    """Whether a check without a zone found a time whose meaning depends on the zone."""
    return any(isinstance(fault, LocalTimeFault) for fault in error.fault.parameters)


def accept(node: Node, value: Any) -> Any:
    """Convert common client mistakes, and drop nulls.

    A list or object in a JSON string is parsed, "5" becomes 5 for an integer and 5 becomes "5" for
    text (ids in `values`, for example), 1 and "true" become a boolean. Other wrong values stay
    unchanged, to be refused by name.
    """
    match node:
        case Value():
            return _accept_scalar(scalar(node), value)
        case ListOf():
            value = parsed_json(value, list)
            if not isinstance(value, list):
                return value
            return [accept(node.item, item) for item in cast("list[Any]", value)]
        case Object():
            value = parsed_json(value, dict)
            if not isinstance(value, Mapping):
                return value
            items = cast("Mapping[str, Any]", value).items()
            return {
                key: accept(node.keys[key], item) if key in node.keys else item
                for key, item in items
                if not (item is None and _may_be_left_out(node.keys.get(key)))
            }


def _may_be_left_out(node: Node | None) -> bool:
    return node is not None and node.presence != "required"


def _accept_scalar(kind: str, value: Any) -> Any:
    match kind, value:
        case "boolean", str() | int() if value in _BOOLEANS:
            return _BOOLEANS[value]
        case "integer", str() if _INTEGER.fullmatch(value):
            return int(value) if len(value) <= _LONGEST_INTEGER else value
        case "integer", float() if value.is_integer():
            # A larger double stands for many integers; written as text it is refused.
            return int(value) if abs(value) < _EXACT else str(value)
        case "number", str() if _NUMBER.fullmatch(value):
            return float(value)
        case "string", float() if math.isfinite(value):
            return json.dumps(value)
        case "string", int() if not isinstance(value, bool) and value in INT64:
            return str(value)
        case _:
            return value


def parsed_json(value: Any, expected: type[list[Any]] | type[dict[str, Any]]) -> Any:
    """Return the list or object in a JSON text; any other value unchanged."""
    if not isinstance(value, str):
        return value
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return cast("Any", parsed) if isinstance(parsed, expected) else value


def _without_nulls(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in arguments.items() if value is not None}


def arguments_fault(
    function: Function, faults: Sequence[ParameterFault], *, all_found: bool = True
) -> Fault:
    """Return the fault for invalid arguments; it names the first of `faults`.

    `all_found` is False if there may be more faults than these.
    """
    count = len(faults)
    first = faults[0]
    where = f"{first.path} {first.problem}" if first.path else first.problem
    more = "" if all_found else "at least "
    rest = "" if count == 1 else f" (and {more}{count - 1} more)"
    end = "" if where.endswith("?") and not rest else "."
    return Fault(
        Kind.INVALID_ARGUMENTS,
        f"Nothing was sent: {where}{rest}{end}",
        function=function.name,
        parameters=tuple(faults[:MAX_FAULTS]),
        written="nothing",
    )
