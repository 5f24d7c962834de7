"""Times in arguments: which parameters take them, and the errors for other values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.catalogue.arguments import ArgumentChecker, lacks_zone
from moodle_mcp.catalogue.loading import RELEASES, load
from moodle_mcp.catalogue.model import Function, ListOf, Node, Object, Value
from moodle_mcp.catalogue.time_values import MOMENT_KINDS, ParameterTimes, TimeKind
from moodle_mcp.errors import CallError

CHECKER = ArgumentChecker()
CATALOGUE = load()
TIMES = ParameterTimes()
FUNCTIONS = [known.get(name) for known in map(load, RELEASES) for name in known]
BERLIN = ZoneInfo("Europe/Berlin")

LOOKS_LIKE_A_TIME = re.compile(
    r"time|date|since|until|(?<!re)start|^end|^from$|events(from|to)$|expir|due|midnight|created"
    r"|modified|duration|period|before|^after$|day|hour|minute|second|month|year|^read$|^age$"
)
DESPITE_ITS_NAME = re.compile(r"ids?(\[\])?$")


def integers(node: Node, path: str = "") -> Iterator[str]:
    match node:
        case Value(type="int"):
            yield path
        case Value():
            pass
        case ListOf():
            yield from integers(node.item, f"{path}[]")
        case Object():
            for key, child in node.keys.items():
                yield from integers(child, f"{path}.{key}".lstrip("."))


INTEGERS = sorted({(each.name, path) for each in FUNCTIONS for path in integers(each.params)})


def test_every_integer_whose_name_looks_like_a_time_is_classified() -> None:
    missing = [
        f"{function}:{path}"
        for function, path in INTEGERS
        if LOOKS_LIKE_A_TIME.search(key := path.rpartition(".")[2])
        and not DESPITE_ITS_NAME.search(key)
        and TIMES.kind(function, path) is None
    ]
    assert missing == []


def test_every_row_of_the_table_is_of_use() -> None:
    """A row without a parameter would hide that the parameter was renamed."""
    exact = {f"{function}:{path}" for function, path in INTEGERS}
    keys = {path.rpartition(".")[2] for _, path in INTEGERS}
    assert sorted(TIMES.rows - exact - keys) == []


def test_moments_and_durations_are_told_apart() -> None:
    durations = [f"{f}:{p}" for f, p in INTEGERS if TIMES.kind(f, p) is TimeKind.DURATION]
    assert durations == snapshot(
        [
            "core_calendar_create_calendar_events:events[].timeduration",
            "mod_quiz_save_overrides:data.overrides[].timelimit",
        ]
    )
    moments = [each for each in INTEGERS if TIMES.kind(*each) in MOMENT_KINDS]
    assert (len(INTEGERS), len(moments)) == snapshot((1466, 72))
    assert sorted({path.rpartition(".")[2] for _, path in moments}) == snapshot(
        [
            "before",
            "chatlasttime",
            "dates[]",
            "daytimestamp",
            "duedate",
            "end",
            "enddate",
            "eventsfrom",
            "eventsto",
            "extensionduedate",
            "hiddenuntil",
            "locktime",
            "modified",
            "sessionend",
            "sessionstart",
            "since",
            "start",
            "startdate",
            "timeclose",
            "timecopied",
            "timecreated",
            "timecreatedto",
            "timeend",
            "timefrom",
            "timemodified",
            "timeopen",
            "timeread",
            "timesortfrom",
            "timesortto",
            "timestamp",
            "timestart",
        ]
    )


def test_every_text_of_a_moment_says_unix_seconds() -> None:
    texts = {
        f"{function.name}:{path}": function.text.params[path].text
        for function in FUNCTIONS
        for path in integers(function.params)
        if TIMES.kind(function.name, path) in MOMENT_KINDS and path in function.text.params
    }
    assert len(texts) > 20
    assert {path: text for path, text in texts.items() if "Unix seconds" not in text} == {}


def refused(value: Any, zone: tzinfo | None = None) -> CallError:
    enrolment = {"roleid": 5, "userid": 3, "courseid": 2, "timestart": value}
    with pytest.raises(CallError) as caught:
        CHECKER.check(CATALOGUE.get("enrol_manual_enrol_users"), {"enrolments": [enrolment]}, zone)
    return caught.value


def said(value: Any, zone: tzinfo | None = None) -> dict[str, str]:
    (fault,) = refused(value, zone).fault.report()["parameters"]
    assert fault.pop("path") == "enrolments[0].timestart"
    return fault


OUTSIDE: dict[str, Any] = {
    "milliseconds": 1_795_812_799_000,
    "milliseconds as text": "1795812799123",
    "microseconds": 1_795_812_799_000_000,
    "nanoseconds": 1_795_812_799_000_000_000,
    "the year 2100": 4_102_444_800,
    "a negative number": -1,
}


@pytest.mark.parametrize("case", OUTSIDE)
def test_a_number_that_is_no_moment_is_refused_with_what_was_meant(case: str) -> None:
    expected = snapshot(
        {
            "milliseconds": {
                "problem": "1795812799000: these are milliseconds; did you mean 1795812799 (2026-11-27T20:53:19Z)?",
                "allowed": "Unix seconds, 1970 to 2100; 0 for none",
            },
            "milliseconds as text": {
                "problem": "1795812799123: these are milliseconds; did you mean 1795812799 (2026-11-27T20:53:19Z)?",
                "allowed": "Unix seconds, 1970 to 2100; 0 for none",
            },
            "microseconds": {
                "problem": "1795812799000000: these are microseconds; did you mean 1795812799 (2026-11-27T20:53:19Z)?",
                "allowed": "Unix seconds, 1970 to 2100; 0 for none",
            },
            "nanoseconds": {
                "problem": "1795812799000000000: these are nanoseconds; did you mean 1795812799 (2026-11-27T20:53:19Z)?",
                "allowed": "Unix seconds, 1970 to 2100; 0 for none",
            },
            "the year 2100": {
                "problem": "4102444800 is outside the years 1970 to 2100",
                "allowed": "Unix seconds, 1970 to 2100; 0 for none",
            },
            "a negative number": {
                "problem": "-1 is outside the years 1970 to 2100",
                "allowed": "Unix seconds, 1970 to 2100; 0 for none",
            },
        }
    )
    assert said(OUTSIDE[case]) == expected[case]


DATES: dict[str, tuple[str, tzinfo | None]] = {
    "a date in the user's zone": ("2026-11-27", BERLIN),
    "a date-time in the user's zone": ("2026-11-27T21:33", BERLIN),
    "a date-time with a space": ("2026-11-27 21:33:19", BERLIN),
    "a date-time in summer": ("2026-07-27T21:33", BERLIN),
    "a date-time with an offset": ("2026-11-27T21:33:19+05:30", BERLIN),
    "a date-time in UTC": ("2026-11-27T21:33:19Z", BERLIN),
    "a date in no known zone": ("2026-11-27", None),
    "a date where the site knows no zone": ("2026-11-27", UTC),
    "a date outside": ("1812-11-27", BERLIN),
    "a date at the edge of the calendar": ("0001-01-01", BERLIN),
    "no date": ("27.11.2026", BERLIN),
    "no day": ("2026-02-30", BERLIN),
}


@pytest.mark.parametrize("case", DATES)
def test_an_iso_date_is_refused_with_the_seconds_that_it_stands_for(case: str) -> None:
    expected = snapshot(
        {
            "a date in the user's zone": {
                "problem": '"2026-11-27" is not in Unix seconds; use 1795734000 (2026-11-27T00:00:00+01:00, Europe/Berlin)',
                "allowed": "Unix seconds",
            },
            "a date-time in the user's zone": {
                "problem": '"2026-11-27T21:33" is not in Unix seconds; use 1795811580 (2026-11-27T21:33:00+01:00, Europe/Berlin)',
                "allowed": "Unix seconds",
            },
            "a date-time with a space": {
                "problem": '"2026-11-27 21:33:19" is not in Unix seconds; use 1795811599 (2026-11-27T21:33:19+01:00, Europe/Berlin)',
                "allowed": "Unix seconds",
            },
            "a date-time in summer": {
                "problem": '"2026-07-27T21:33" is not in Unix seconds; use 1785180780 (2026-07-27T21:33:00+02:00, Europe/Berlin)',
                "allowed": "Unix seconds",
            },
            "a date-time with an offset": {
                "problem": '"2026-11-27T21:33:19+05:30" is not in Unix seconds; use 1795795399 (2026-11-27T21:33:19+05:30)',
                "allowed": "Unix seconds",
            },
            "a date-time in UTC": {
                "problem": '"2026-11-27T21:33:19Z" is not in Unix seconds; use 1795815199 (2026-11-27T21:33:19Z)',
                "allowed": "Unix seconds",
            },
            "a date in no known zone": {
                "problem": '"2026-11-27" is not in Unix seconds; use 1795737600 (2026-11-27T00:00:00Z, in UTC: the user\'s time zone is not known)',
                "allowed": "Unix seconds",
            },
            "a date where the site knows no zone": {
                "problem": '"2026-11-27" is not in Unix seconds; use 1795737600 (2026-11-27T00:00:00Z, in UTC: the user\'s time zone is not known)',
                "allowed": "Unix seconds",
            },
            "a date outside": {
                "problem": '"1812-11-27" is outside the years 1970 to 2100',
                "allowed": "Unix seconds, 1970 to 2100; 0 for none",
            },
            "a date at the edge of the calendar": {
                "problem": '"0001-01-01" is outside the years 1970 to 2100',
                "allowed": "Unix seconds, 1970 to 2100; 0 for none",
            },
            "no date": {"problem": '"27.11.2026" is not allowed', "allowed": "Unix seconds"},
            "no day": {"problem": '"2026-02-30" is not allowed', "allowed": "Unix seconds"},
        }
    )
    assert said(*DATES[case]) == expected[case]


def test_only_a_date_without_an_offset_asks_for_the_zone() -> None:
    assert lacks_zone(refused("2026-11-27"))
    assert not lacks_zone(refused("2026-11-27T21:33Z"))
    assert not lacks_zone(refused("soon"))
    assert not lacks_zone(refused("2026-11-27", BERLIN))
    assert not lacks_zone(refused("2026-11-27", UTC))


@given(st.datetimes(timezones=st.sampled_from([BERLIN, ZoneInfo("America/Lima"), UTC])))
def test_the_seconds_of_any_moment_in_range_are_the_right_ones(moment: Any) -> None:
    problem = said(moment.isoformat())["problem"]
    seconds = moment.replace(microsecond=0).timestamp()
    inside = 0 <= seconds < 4_102_444_800
    assert (f"use {seconds:.0f} " in problem) == inside


@pytest.mark.parametrize("value", [0, 1, 1_795_812_799, "1795812799", 4_102_444_799])
def test_seconds_and_zero_pass(value: Any) -> None:
    function = CATALOGUE.get("enrol_manual_enrol_users")
    enrolment = {"roleid": 5, "userid": 3, "courseid": 2, "timestart": value}
    checked = CHECKER.check(function, {"enrolments": [enrolment]})
    assert checked["enrolments"][0]["timestart"] == int(value)


def check(function: str, **arguments: Any) -> dict[str, Any]:
    return CHECKER.check(CATALOGUE.get(function), arguments)


def test_a_moment_that_is_only_shown_may_lie_before_1970() -> None:
    stamps = [{"timestamp": -86_400, "format": "%d"}]
    assert check(
        "core_get_user_dates", contextid=1, contextlevel="", instanceid=0, timestamps=stamps
    )


def test_moments_in_a_list_of_numbers_are_checked() -> None:
    with pytest.raises(CallError, match=r"dates\[1\] 1795812799000: these are milliseconds"):
        check(
            "mod_assign_save_user_extensions",
            assignmentid=1,
            userids=[3, 4],
            dates=[0, 1795812799000],
        )


def test_durations_may_be_any_number() -> None:
    event = {"name": "x", "timeduration": 10**10}
    assert check("core_calendar_create_calendar_events", events=[event])


def test_the_functions_of_a_plugin_are_checked_by_the_names_of_their_parameters() -> None:
    shop = Function(
        "local_shop_order", params=Object({"timestart": Value("int"), "n": Value("int")})
    )
    with pytest.raises(CallError, match="these are milliseconds"):
        CHECKER.check(shop, {"timestart": 1_795_812_799_000, "n": 1})
