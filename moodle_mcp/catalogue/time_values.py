"""Tell which numbers in answers and parameters are timestamps in Unix seconds."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from importlib import resources
from typing import Final

from moodle_mcp.catalogue.model import Node, Value


class TimeKind(StrEnum):
    """What an integer parameter means.

    A moment is Unix seconds from 1970 on, or 0 for none; `PAST` also allows times before 1970. A
    duration is seconds. `OTHER` only looks like a time: a day of a month, an offset in a list.
    """

    MOMENT = "moment"
    PAST = "past"
    DURATION = "duration"
    OTHER = "other"


MOMENT_KINDS: Final = (TimeKind.MOMENT, TimeKind.PAST)


class ParameterTimes:
    """Which integer parameters are times; the table is read on first use."""

    def kind(self, function: str, path: str) -> TimeKind | None:
        """Return the kind at a path (`enrolments[].timestart`); None if it is not a time."""
        rules = self._rules
        return rules.get(f"{function}:{path}") or rules.get(path.rpartition(".")[2])

    @property
    def rows(self) -> frozenset[str]:
        """The keys and function paths in the table."""
        return frozenset(self._rules)

    @cached_property
    def _rules(self) -> dict[str, TimeKind]:
        file = resources.files("moodle_mcp.catalogue") / "data" / "times.tsv"
        lines = file.read_text(encoding="utf-8").splitlines()
        rows = (line.split("\t") for line in lines if not line.startswith("#"))
        return {key: TimeKind(kind) for key, kind in rows}


# fmt: off
MOMENTS: Final = frozenset({
    "allowsubmissionsfromdate", "assessmentend", "assessmentstart", "assesstimefinish",
    "assesstimestart", "chatnewlasttime", "chattime", "closingtime", "created", "cutoffdate",
    "date", "dateexpire", "dateissued", "duedate", "enddate", "endtime", "expiredate",
    "extensionduedate", "firstaccess", "gradedategraded", "gradedatesubmitted", "gradeddate",
    "gradingduedate", "lastaccess", "lastactiontime", "lastcourseaccess", "lastlogin",
    "lastmessagedate", "lastmodified", "lessontime", "maxdaytimestamp", "mindaytimestamp",
    "modified", "neweventtimestamp", "nexttimestamp", "openingtime", "prevtimestamp",
    "sessionend", "sessionstart", "startdate", "startedat", "starttime", "submissionend",
    "submissionmodified", "submissionstart", "time", "timeaccess", "timeavailablefrom",
    "timeavailableto", "timecheckstate", "timeclose", "timecompleted", "timecopied",
    "timecreated", "timeend", "timefinish", "timegraded", "timemodified", "timemodifiedoffline",
    "timeopen", "timeread", "timeseen", "timesort", "timestamp", "timestart", "timestarted",
    "timeupdated", "timeusermidnight", "timeviewfrom", "timeviewto",
})
# fmt: on
"""Keys of timestamps. Durations (`timelimit`, `timespent`) and ids (`usermodified`) are not
included."""

EARLIEST: Final = 31_536_000
"""Smaller numbers are not timestamps: 0 means never, 1 is a flag, and Moodle is newer than 1970."""


def is_moment(key: str, node: Node) -> bool:
    """Whether the value of a key is a timestamp."""
    return key in MOMENTS and isinstance(node, Value) and node.type == "int"
