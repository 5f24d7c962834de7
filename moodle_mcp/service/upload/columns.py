"""The columns of Moodle's page "Upload users" (read in the source of 4.5.6); pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from moodle_mcp.errors import MoodleMcpError
from moodle_mcp.suggest import similar

PROFILE_FIELD: Final = "profile_field_"

ACCOUNT: Final = (
    "username", "firstname", "lastname", "email", "idnumber", "auth", "city", "country", "lang",
    "timezone", "institution", "department", "phone1", "phone2", "address", "description",
    "mailformat", "maildisplay", "theme", "interests", "firstnamephonetic", "lastnamephonetic",
    "middlename", "alternatename",
)  # fmt: skip
"""Columns that are arguments of core_user_create_users and core_user_update_users."""

SPECIAL: Final = ("password", "suspended", "deleted", "oldusername")

NUMBERED: Final = (
    "course", "role", "group", "enrolperiod", "enrolstatus", "enroltimestart", "cohort", "sysrole",
)  # fmt: skip
"""Columns that are followed by a number from 1, such as `course1`."""

_BY_THE_PAGE: Final = "no web-service function sets it"
REFUSED: Final[Mapping[str, str]] = {
    "id": "accounts are recognised by username",
    "mnethostid": "accounts of other sites can't be reached by web services",
    "emailstop": _BY_THE_PAGE,
    "maildigest": _BY_THE_PAGE,
    "htmleditor": _BY_THE_PAGE,
    "autosubscribe": _BY_THE_PAGE,
    "descriptionformat": "descriptions are HTML",
    "type": "what a type means is chosen on Moodle's page; use role1",
    "category": "roles in categories are not supported",
    "categoryrole": "roles in categories are not supported",
}
"""Columns of Moodle's page that are refused, with the reason."""

_NUMBER: Final = re.compile(r"([a-z]+)([1-9][0-9]{0,2})")


class UploadError(MoodleMcpError):
    """The table can't be used; the message is one line."""


def numbered(header: str) -> tuple[str, int] | None:
    """Split `course1` into its word and number; None for other headers."""
    match = _NUMBER.fullmatch(header)
    return (match[1], int(match[2])) if match and match[1] in NUMBERED else None


def check_headers(headers: Iterable[str]) -> None:
    """Check the headers of a table, with those of defaults.

    Raises:
        UploadError: a column is unknown or can't be done by web services, or one is missing.
    """
    names = list(headers)
    problems = [problem for name in names for problem in _problem(name)]
    if problems:
        raise UploadError("; ".join(problems))
    if "username" not in names:
        raise UploadError("there is no column username, by which accounts are recognised")
    for name in names:
        found = numbered(name)
        needs_course = found and found[0] not in ("course", "cohort", "sysrole")
        if found and needs_course and f"course{found[1]}" not in names:
            raise UploadError(f"{name}: there is no column course{found[1]}")
        if found and found[0] == "course" and f"role{found[1]}" not in names:
            raise UploadError(f"{name}: there is no column or default role{found[1]}")


def _problem(name: str) -> Iterator[str]:
    known = name in ACCOUNT or name in SPECIAL or name.startswith(PROFILE_FIELD) or numbered(name)
    if known:
        return
    word = name if name in REFUSED else name.rstrip("0123456789")
    if word in REFUSED:
        yield f"{name}: {REFUSED[word]}"
        return
    near = similar(name, [*ACCOUNT, *SPECIAL, *(f"{each}1" for each in NUMBERED)])
    did_you_mean = f"; did you mean {' or '.join(near)}?" if near else ""
    yield f"{name}: is no column of Moodle's page for uploading users{did_you_mean}"
