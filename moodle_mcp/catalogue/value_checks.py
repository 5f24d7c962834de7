"""Check for values of the right shape that Moodle would refuse, or store as something else.

A function's checks are compiled once, from its parameters' PARAM_ types and the table of times.
Checking an item then mostly costs a look-up and a match for each text.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from moodle_mcp.catalogue.compiled import PerFunction
from moodle_mcp.catalogue.countries import is_country
from moodle_mcp.catalogue.model import Function, ListOf, Node, Object, Value
from moodle_mcp.catalogue.param_types import RULES, Rule, rule_of
from moodle_mcp.catalogue.paths import Path, path_text, shown_at
from moodle_mcp.catalogue.time_values import ParameterTimes
from moodle_mcp.catalogue.unix_seconds import outside, seconds_of
from moodle_mcp.errors import ParameterFault


def _is_country_or_none(text: str) -> bool:
    return not text or is_country(text)


_COUNTRY: Final = Rule(
    _is_country_or_none,
    "two capital letters (ISO 3166), such as DE; Moodle silently stores none for anything else",
)


def _is_timezone(text: str) -> bool:
    if not RULES["timezone"].accepts(text):
        return False
    if not text or not text[0].isalpha():
        # The site's zone, or hours from UTC.
        return True
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _is_base64(text: str) -> bool:
    try:
        b64decode(text, validate=True)
    except ValueError:
        return False
    return True


_TIMEZONE: Final = Rule(
    _is_timezone,
    "a name such as Europe/Berlin, or 99 for the site's; Moodle silently stores any other text",
)
_BASE64: Final = Rule(_is_base64, "base64; Moodle silently stores anything else as some bytes")

_BY_PATH: Final[Mapping[str, Rule]] = {
    f"{function}:users[].{key}": rule
    for function in ("core_user_create_users", "core_user_update_users")
    for key, rule in (("country", _COUNTRY), ("timezone", _TIMEZONE))
} | {"core_files_upload:filecontent": _BASE64}
"""Values that Moodle accepts silently but stores as something else (observed on 4.5.6)."""


@dataclass(frozen=True, slots=True)
class _Text:
    type: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class _Moment:
    seconds: range


@dataclass(frozen=True, slots=True)
class _Each:
    item: _Check


@dataclass(frozen=True, slots=True)
class _Keys:
    checks: Mapping[str, _Check]


_Check: TypeAlias = _Text | _Moment | _Each | _Keys


class ValueChecks:
    """Checks the values of functions' arguments."""

    def __init__(self, times: ParameterTimes) -> None:
        self._times = times
        self._checks = PerFunction(self._compiled)

    def faults(self, function: Function, arguments: Any) -> Iterator[ParameterFault]:
        """Yield faults of the values that are certainly wrong; wrong shapes are skipped."""
        check = self._checks.of(function)
        return iter(()) if check is None else _faults(check, arguments, (), arguments)

    def _compiled(self, function: Function) -> _Check | None:
        def compiled(node: Node, path: str) -> _Check | None:
            match node:
                case Value(type="int"):
                    seconds = seconds_of(self._times.kind(function.name, path))
                    return None if seconds is None else _Moment(seconds)
                case Value():
                    rule = _BY_PATH.get(f"{function.name}:{path}") or rule_of(node.type)
                    return None if rule is None else _Text(node.type, rule)
                case ListOf():
                    inside = compiled(node.item, f"{path}[]")
                    return None if inside is None else _Each(inside)
                case Object():
                    found = (
                        (key, compiled(child, f"{path}.{key}".lstrip(".")))
                        for key, child in node.keys.items()
                    )
                    checks = {key: check for key, check in found if check is not None}
                    return _Keys(checks) if checks else None

        return compiled(function.params, "") if function.typed else None


def _faults(check: _Check, value: Any, path: Path, arguments: Any) -> Iterator[ParameterFault]:
    match check:
        case _Keys(checks) if isinstance(value, dict):
            for key, child in cast("dict[str, Any]", value).items():
                inner = checks.get(key)
                # Handled here to save the usual case a generator of its own.
                if isinstance(inner, _Text):
                    if isinstance(child, str) and not inner.rule.accepts(child):
                        yield _refused(inner, child, (*path, key), arguments)
                elif inner is not None:
                    yield from _faults(inner, child, (*path, key), arguments)
        case _Each(inner) if isinstance(value, list):
            for index, child in enumerate(cast("list[Any]", value)):
                yield from _faults(inner, child, (*path, index), arguments)
        case _Text(_, rule) if isinstance(value, str):
            if not rule.accepts(value):
                yield _refused(check, value, path, arguments)
        case _Moment(seconds) if isinstance(value, int) and not isinstance(value, bool):
            if value not in seconds:
                yield outside(path_text(path), value)
        case _:
            pass


def _refused(check: _Text, value: str, path: Path, arguments: Any) -> ParameterFault:
    what = shown_at(arguments, path, value)
    why = _oddity(value)
    problem = f"{what} {why}" if why else f"{what} is not a value that Moodle accepts here"
    return ParameterFault(path_text(path), problem, check.rule.allowed)


_ODDITIES: Final[tuple[tuple[Callable[[str], bool], str], ...]] = (
    (lambda text: text != text.strip(), "begins or ends with white space"),
    (lambda text: "\0" in text, "contains a null byte"),
)


def _oddity(value: str) -> str | None:
    return next((words for is_so, words in _ODDITIES if is_so(value)), None)
