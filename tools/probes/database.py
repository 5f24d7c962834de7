"""What is in the tables of a test site, and what became different in them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Rows: TypeAlias = Mapping[tuple[str, int], Mapping[str, Any]]
"""Rows by table (without its prefix) and id."""

UNKNOWN: Final = 99_999_999
"""An id that nothing on a test site has."""

_PREFIX: Final = "mdl_"

# Written beside each call whatever it does, or too large and never changed by a call.
_IGNORED: Final = frozenset(
    {
        "cache_flags",
        "capabilities",
        "external_functions",
        "external_services_functions",
        "external_tokens",
        "logstore_standard_log",
        "role_capabilities",
        "sessions",
        "task_adhoc",
        "task_log",
        "task_scheduled",
        "upgrade_log",
        "user_lastaccess",
        "user_private_key",
        "grade_categories_history",
        "grade_grades_history",
        "grade_items_history",
        "analytics_models",
        "config",
        "config_plugins",
    }
)
_INCIDENTAL: Final = frozenset(
    {
        "cacherev",
        "coursecount",
        "sequence",
        "lastaccess",
        "lastip",
        "sortorder",
        "timemodified",
        "timecreated",
        "lastmodified",
        "modified",
        "usermodified",
        "grader",
        "aggregationstatus",
        "aggregationweight",
        "feedbackformat",
        "needsupdate",
    }
)
# A preference that each first access of a user leaves.
_SYNCHRONISED: Final = "last_time_enrolments_synced"
# Columns of a new row that say what it is worth.
_TELLING: Final = (
    "grade",
    "finalgrade",
    "rawgrade",
    "status",
    "state",
    "completionstate",
    "locked",
    "extensionduedate",
    "roleid",
    "timelimit",
    "attempts",
    "repeatid",
    "timeend",
    "value",
    "suspended",
    "groupid",
    "privatereplyto",
    "pinned",
    "eventtype",
    "aggregation",
    "gradetype",
)


@dataclass(frozen=True, slots=True)
class Database:
    """A site's PostgreSQL database, by a connection string of libpq."""

    address: str

    def run(self, sql: str) -> list[str]:
        """The lines that a statement answers."""
        command = ["psql", "-X", "-At", "-v", "ON_ERROR_STOP=1", self.address]
        done = subprocess.run(command, input=sql, capture_output=True, check=True, text=True)
        return done.stdout.splitlines()

    def rows(self) -> Rows:
        """All rows that a call could mean to change."""
        tables = self.run(
            "select table_name from information_schema.columns where column_name = 'id' "
            f"and table_schema = 'public' and table_name like '{_PREFIX}%'"
        )
        names = [name.removeprefix(_PREFIX) for name in tables]
        every = " union all ".join(
            f"select json_build_array('{name}', t.id, t)::text from {_PREFIX}{name} t"
            for name in names
            if name not in _IGNORED
        )
        found = (json.loads(line) for line in self.run(every))
        return {(name, number): row for name, number, row in found}


def happened(before: Rows, after: Rows) -> str:
    """What became different, in words; empty if nothing that matters did."""
    parts: dict[str, int] = {}
    for part in _differences(before, after):
        parts[part] = parts.get(part, 0) + 1
    return "; ".join(part if times == 1 else f"{times} x {part}" for part, times in parts.items())


def _differences(before: Rows, after: Rows) -> Iterator[str]:
    for key in sorted(before.keys() | after.keys()):
        table = key[0]
        old, new = before.get(key), after.get(key)
        if new is not None and new.get("name") == _SYNCHRONISED:
            continue
        if old is None and new is not None:
            unknown = (name for name, value in new.items() if value == UNKNOWN)
            values = _shown(new, [*_TELLING, *unknown], zero=False)
            # Moodle keeps a row for each grade item of a person whom it has ever graded.
            if table != "grade_grades" or new["finalgrade"] is not None:
                yield f"{table} new{values}"
        elif new is None:
            yield f"{table} deleted"
        elif old is not None and old != new:
            changed = [k for k in new if new[k] != old.get(k) and k not in _INCIDENTAL]
            if changed:
                yield f"{table} changed{_shown(new, changed)}"


def _shown(row: Mapping[str, Any], columns: list[str], *, zero: bool = True) -> str:
    values = [
        f"{name}={str(row[name])[:30]}"
        for name in dict.fromkeys(columns)
        if row.get(name) is not None and (zero or row[name] not in ("", 0))
    ]
    return f" ({', '.join(values)})" if values else ""
