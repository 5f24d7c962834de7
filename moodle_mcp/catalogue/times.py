"""Which numbers of an answer are moments in time, in Unix seconds."""

from __future__ import annotations

from typing import Final

from moodle_mcp.catalogue.model import Node, Value

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
