"""Which numbers of answers and of parameters are moments in time, in Unix seconds."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from importlib import resources
from typing import Final

from moodle_mcp.catalogue.model import Node, Value


class TimeKind(StrEnum):
    """What the number of a parameter is.

    A moment is Unix seconds from 1970 on, or 0 for none; `PAST` may also lie before 1970. A
    duration is seconds. `OTHER` only looks like a time: a day of a month, an offset in a list.
    """

    MOMENT = "moment"
    PAST = "past"
    DURATION = "duration"
    OTHER = "other"


MOMENT_KINDS: Final = (TimeKind.MOMENT, TimeKind.PAST)


class ParameterTimes:
    """Which integer parameters are times; the table is read when it is first asked for."""

    def kind(self, function: str, path: str) -> TimeKind | None:
        """What stands at a path (`enrolments[].timestart`); None for what is no time."""
        rules = self._rules
        return rules.get(f"{function}:{path}") or rules.get(path.rpartition(".")[2])

    @property
    def rows(self) -> frozenset[str]:
        """The keys, and the functions' paths, that the table has."""
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
"""Keys that hold a moment. Durations (`timelimit`, `timespent`) and ids (`usermodified`) are not
among them."""

EARLIEST: Final = 31_536_000
"""A smaller number is no moment: 0 means never, 1 is a flag; the year 1970 saw no Moodle."""


def is_moment(key: str, node: Node) -> bool:
    """Whether what stands under a key is a moment in time."""
    return key in MOMENTS and isinstance(node, Value) and node.type == "int"
