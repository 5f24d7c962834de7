"""Moodle's exceptions, as its web services show them: class, errorcode, message, debuginfo."""

from __future__ import annotations

from typing import Final

MOODLE: Final = "core\\exception\\moodle_exception"
INVALID_PARAMETER: Final = "core\\exception\\invalid_parameter_exception"
CODING: Final = "core\\exception\\coding_exception"
REQUIRED_CAPABILITY: Final = "core\\exception\\required_capability_exception"
ACCESS: Final = "webservice_access_exception"
MISSING_RECORD: Final = "dml_missing_record_exception"


class MoodleError(Exception):
    """A Moodle exception. `debuginfo` is only shown while debugging is on."""

    def __init__(
        self, exception: str, errorcode: str, message: str, debuginfo: str | None = None
    ) -> None:
        super().__init__(message)
        self.exception = exception
        self.errorcode = errorcode
        self.message = message
        self.debuginfo = debuginfo


def moodle_error(errorcode: str, message: str, debuginfo: str | None = None) -> MoodleError:
    """The plain `moodle_exception`."""
    return MoodleError(MOODLE, errorcode, message, debuginfo)


def php_error(message: str) -> MoodleError:
    """A bug in Moodle's code: PHP's own error has no errorcode."""
    return MoodleError("Error", "", message)


def invalid_parameter(debuginfo: str) -> MoodleError:
    """A refused parameter: only the debuginfo says which one, and only while debugging is on."""
    return MoodleError(
        INVALID_PARAMETER, "invalidparameter", "Invalid parameter value detected", debuginfo
    )


def coding_error(hint: str, debuginfo: str) -> MoodleError:
    """Moodle's answer to a value that a function does not support."""
    message = f"Coding error detected, it must be fixed by a programmer: {hint}"
    return MoodleError(CODING, "codingerror", message, debuginfo)


def access_denied(debuginfo: str) -> MoodleError:
    """Moodle's single answer to many causes: service, user, IP address and expiry of the token."""
    return MoodleError(ACCESS, "accessexception", "Access control exception", debuginfo)


def no_permission(what: str) -> MoodleError:
    """The user lacks a capability; `what` is the capability's name in the site's language."""
    message = f"Sorry, but you do not currently have permissions to do that ({what})."
    return MoodleError(REQUIRED_CAPABILITY, "nopermissions", message)


def course_closed(course_id: int, why: str = "Course or activity not accessible.") -> MoodleError:
    """The user may not enter the course."""
    return moodle_error(
        "errorcoursecontextnotvalid",
        f"You cannot execute functions in the course context (course id:{course_id}). "
        f"The context error message was: {why}",
    )


def missing_record(table: str, value: int | str, column: str = "id") -> MoodleError:
    """No such row; for a user that does not exist, Moodle has a separate errorcode."""
    shown = value if isinstance(value, int) else f"'{value}'"
    query = f"{{{table}}} WHERE {column} = ?\n[array (\n  0 => {shown},\n)]"
    debuginfo = f"SELECT * FROM {query}"  # noqa: S608 - it is shown and never run
    if table == "user":
        return MoodleError(MISSING_RECORD, "invaliduser", "Invalid user", debuginfo)
    message = f"Can't find data record in database table {table}."
    return MoodleError(MISSING_RECORD, "invalidrecord", message, debuginfo)


def missing_module(cmid: int) -> MoodleError:
    """No such activity: Moodle looks it up with a join, so it can't name one table."""
    return MoodleError(
        MISSING_RECORD,
        "invalidrecordunknown",
        "Can't find data record in database.",
        f"course_modules joined to modules\n[array (\n  'cmid' => {cmid},\n)]",
    )
