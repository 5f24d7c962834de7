"""Timestamps in arguments: find the Unix seconds that a number or an ISO date meant."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from moodle_mcp.catalogue.time_values import EARLIEST, TimeKind
from moodle_mcp.errors import ParameterFault

UNIX_SECONDS: Final = "Unix seconds"

_END: Final = 4_102_444_800
"""2100-01-01 in Unix seconds."""

_RANGES: Final[Mapping[TimeKind, range]] = {
    TimeKind.MOMENT: range(_END),
    TimeKind.PAST: range(-_END, _END),
}
_ALLOWED: Final = f"{UNIX_SECONDS}, 1970 to 2100; 0 for none"
_FINER: Final = ((1000, "milliseconds"), (10**6, "microseconds"), (10**9, "nanoseconds"))


class LocalTimeFault(ParameterFault):
    """A date or time without an offset, read as UTC because no zone was given."""


def seconds_of(kind: TimeKind | None) -> range | None:
    """Return the allowed Unix seconds of a parameter; None if it is not a timestamp."""
    return None if kind is None else _RANGES.get(kind)


def outside(path: str, value: int) -> ParameterFault:
    """Return the fault for a number outside the allowed Unix seconds."""
    finer = finer_than_seconds(value)
    if finer is None:
        return ParameterFault(path, f"{value} is outside the years 1970 to 2100", _ALLOWED)
    unit, meant = finer
    return ParameterFault(path, f"{value}: these are {unit}; did you mean {meant}?", _ALLOWED)


def finer_than_seconds(value: int) -> tuple[str, str] | None:
    """Return the unit in which a number would be a plausible timestamp, and the Unix seconds with
    their date: `("milliseconds", "1795812799 (2026-11-27T20:53:19Z)")`.
    """
    for factor, unit in _FINER:
        seconds = value // factor
        if EARLIEST <= seconds < _END:
            return unit, f"{seconds} ({_iso(datetime.fromtimestamp(seconds, UTC))})"
    return None


def not_seconds(path: str, value: Any, zone: tzinfo | None) -> ParameterFault | None:
    """Return the fault for an ISO date or date-time instead of Unix seconds; None for other values.

    `zone` is the user's time zone, for values without an offset; None if unknown.
    """
    moment = _parsed(value)
    if moment is None:
        return None
    shown = json.dumps(value, ensure_ascii=False)
    is_local = moment.tzinfo is None
    if is_local:
        moment = moment.replace(tzinfo=zone or UTC)
    try:
        seconds = int(moment.timestamp())
    except (OverflowError, ValueError):
        seconds = -1
    if seconds not in range(_END):
        return ParameterFault(path, f"{shown} is outside the years 1970 to 2100", _ALLOWED)
    problem = f"{shown} is not in {UNIX_SECONDS}; use {seconds} ({_iso(moment)}"
    if not is_local:
        return ParameterFault(path, f"{problem})", UNIX_SECONDS)
    if isinstance(zone, ZoneInfo):
        return ParameterFault(path, f"{problem}, {zone.key})", UNIX_SECONDS)
    problem = f"{problem}, in UTC: the user's time zone is not known)"
    fault = ParameterFault if zone else LocalTimeFault
    return fault(path, problem, UNIX_SECONDS)


def unix_seconds(value: str) -> int | None:
    """Parse an ISO date or date-time to Unix seconds, in UTC unless it has an offset."""
    moment = _parsed(value)
    if moment is None:
        return None
    try:
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (OverflowError, ValueError):
        return None


def _parsed(value: Any) -> datetime | None:
    if not isinstance(value, str) or len(value) > _LONGEST or "-" not in value:
        return None
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return None


_LONGEST: Final = 40


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
