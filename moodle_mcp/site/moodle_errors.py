"""Turn Moodle's failures into our kinds of error.

The errorcode is the stable part: the message is in the site's language. If an errorcode is not in
the table of `errorcodes.py`, the exception's class decides the kind. Observed on 4.5.6 unless a
line says "read".
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any, Final, cast

from moodle_mcp.errors import CallError, Delivery, Fault, Kind
from moodle_mcp.site.errorcodes import Meaning, When, meaning_of

_MAX_MESSAGE: Final = 500
_DEEPEST_TEXT: Final = 3
_TAG = re.compile(r"<[^<>]*>")
IDENTIFIER: Final = re.compile(r"[\w/:-]{1,100}")
"""What an errorcode looks like; Moodle sometimes puts a sentence in its place."""


_MARKS: Final = ("exception", "error", "errors", "errorcode")
"""Keys that make an object a failure if they have a value."""

_NOT_IN_SITE: Final = Meaning(
    Kind.NOT_FOUND,
    When.CHECKING,
    "The site has no such function: it belongs to another Moodle release, or to a plugin that is "
    "not installed there.",
)
_NOTHING_ELSE: Final = Meaning(
    Kind.MOODLE_ERROR,
    hint="The site answered only this error, without an errorcode. It may come from the "
    "function itself, or from a firewall or proxy in front of Moodle.",
)

_SENTENCES: Final[tuple[tuple[re.Pattern[str], Kind], ...]] = (
    (re.compile(r"(?i)permission|not allowed|not a member|not part of"), Kind.NO_PERMISSION),
    (re.compile(r"(?i)(not|n't) exist|unable to find|not be found|unknown"), Kind.NOT_FOUND),
)
"""What a sentence in place of an errorcode means. Moodle 4.5.6 has about seventy, in English on
every site (read). Sentences that match none say what is wrong with a value.
"""

_REFUSALS: Final = ("cannotaccess", "cannotview", "nopermission", "noview")
"""Prefixes of about thirty errorcodes by which Moodle denies permission (read)."""

# By the last part of the exception's class name, for errorcodes that are not in the table.
_CLASSES: Final[Mapping[str, Meaning]] = {
    "required_capability_exception": Meaning(Kind.NO_PERMISSION, When.CHECKING),
    "require_login_exception": Meaning(Kind.NO_PERMISSION, When.CHECKING),
    "report_access_exception": Meaning(Kind.NO_PERMISSION, When.CHECKING),
    "webservice_access_exception": Meaning(Kind.ACCESS_DENIED),
    "dml_missing_record_exception": Meaning(Kind.NOT_FOUND, When.CHECKING),
    "dml_multiple_records_exception": Meaning(Kind.SITE_ERROR),
    "invalid_parameter_exception": Meaning(Kind.INVALID_PARAMETER, When.CHECKING),
    "invalid_response_exception": Meaning(Kind.SITE_ERROR),
    "coding_exception": Meaning(Kind.INVALID_PARAMETER),
    "dml_read_exception": Meaning(Kind.SITE_ERROR),
    "dml_write_exception": Meaning(Kind.SITE_ERROR),
    "dml_connection_exception": Meaning(Kind.SITE_ERROR),
}

# Errors that PHP itself throws, without an errorcode: a bug in Moodle or a broken installation.
_PHP_ERRORS: Final = frozenset(
    {
        "ArgumentCountError",
        "ArithmeticError",
        "AssertionError",
        "DivisionByZeroError",
        "Error",
        "TypeError",
        "UnhandledMatchError",
        "ValueError",
    }
)
_PHP_ERROR: Final = Meaning(
    Kind.SITE_ERROR,
    hint="Moodle's own code failed on this call and would fail again. Often one of the ids does "
    "not exist, or a plugin is disabled or incomplete. Check the ids; an administrator finds the "
    "cause in PHP's error log.",
)


def failure_in(answer: Any) -> Mapping[str, Any] | None:
    """Return the failure if an answer has the shape of one, else None.

    The shapes are `{exception, errorcode?, message}` from the protocols, `{error, errorcode, ...}`
    from the file and sign-in scripts, `{error}` or `{errors}` alone, and a list of nothing but such
    objects (the AJAX script's `[{error: true, exception: {...}}]`).
    """
    if isinstance(answer, list):
        failures = [_failure(entry) for entry in cast("list[Any]", answer)]
        return failures[0] if failures and all(failures) else None
    return _failure(answer)


def _failure(answer: Any) -> Mapping[str, Any] | None:
    match answer:
        case {"exception": _, "errorcode": _} | {"exception": _, "message": _}:
            return cast("dict[str, Any]", answer)
        case dict():
            failure = cast("dict[str, Any]", answer)
            return failure if any(failure.get(key) for key in _MARKS) else None
        case _:
            return None


def moodle_error(data: Mapping[str, Any], http_status: int | None = None) -> CallError:
    """Return the error for a failure in one of the shapes that `failure_in` lists."""
    fault, when = _judged(data, http_status)
    delivery = Delivery.REJECTED if when is When.BEFORE else None
    return CallError(fault, delivery, while_checking=when is When.CHECKING)


def foreign_error(answer: Any) -> CallError:
    """Return the error for an answer that can't come from the called function."""
    is_object = isinstance(answer, Mapping)
    said = plain(_said(cast("Mapping[str, Any]", answer)) if is_object else _first_text(answer))
    message = (
        "This answer does not come from the function. It may come from a firewall or proxy in "
        "front of Moodle, and then Moodle has not received the call."
    )
    text = f"{message} It says: {said}" if said else message
    return CallError(Fault(Kind.BAD_ANSWER, text, said=said))


def moodle_fault(data: Mapping[str, Any], http_status: int | None = None) -> Fault:
    """Return the fault for a failure in one of the shapes that `failure_in` lists.

    It never includes the debuginfo, which can contain SQL with values.
    """
    return _judged(data, http_status)[0]


def _judged(data: Mapping[str, Any], http_status: int | None) -> tuple[Fault, When]:
    if isinstance(data.get("exception"), Mapping):
        # The AJAX script puts the whole exception there.
        data = cast("Mapping[str, Any]", data["exception"])
    errorcode = str(data.get("errorcode") or "")
    exception = str(data.get("exception") or "")
    said = _said(data) or errorcode
    message = plain(_without_debuginfo(said, str(data.get("debuginfo") or "")))
    if errorcode and not IDENTIFIER.fullmatch(errorcode):
        # For a weak password Moodle sends HTML sentences as the errorcode.
        meaning = _sentence(errorcode)
        message, errorcode = plain(errorcode) or message, ""
    else:
        meaning = _meaning(errorcode, exception, message)
    failed_in_php = not errorcode and exception in _PHP_ERRORS
    fault = Fault(
        meaning.kind,
        message or "Moodle refused the call without giving a reason.",
        hint=meaning.hint,
        errorcode=errorcode or None,
        exception=plain(exception) or None,
        http_status=http_status if http_status != 200 else None,
        retryable=False if failed_in_php else None,
        said=message,
    )
    return fault, meaning.when


def _said(data: Mapping[str, Any]) -> str:
    """Return the message of a failure: the first text in its `message`, `error` or `errors`."""
    texts = (_first_text(data.get(key)) for key in ("message", "error", "errors"))
    return next(filter(None, texts), "")


def _first_text(value: Any) -> str:
    for _ in range(_DEEPEST_TEXT):
        match value:
            case {"message": said}:
                value = said
            case dict():
                value = next(iter(cast("dict[str, Any]", value).values()), None)
            case [first, *_]:
                value = first
            case _:
                break
    return value if isinstance(value, str) else ""


def _without_debuginfo(message: str, debuginfo: str) -> str:
    """Remove the debuginfo that `debugdisplay` appends in brackets.

    The debuginfo may be longer than its part in the message. Only as many brackets are tried as an
    error message may have characters; the rest is cut off anyway.
    """
    start = message.find(" (") if debuginfo and message.endswith(")") else -1
    for _ in range(_MAX_MESSAGE):
        if start == -1:
            break
        if debuginfo.startswith(message[start + 2 : -1]):
            return message[:start]
        start = message.find(" (", start + 1)
    return message


def plain(text: str) -> str:
    """Return text without HTML tags and lone surrogates, on one line, cut to fit an error."""
    words = " ".join(html.unescape(_TAG.sub(" ", text)).split())
    words = words.encode("utf-8", "replace").decode()
    return words if len(words) <= _MAX_MESSAGE else f"{words[:_MAX_MESSAGE]}…"


def _sentence(errorcode: str) -> Meaning:
    """Return the meaning of an errorcode that is a sentence for people."""
    for pattern, kind in _SENTENCES:
        if pattern.search(errorcode):
            return Meaning(kind)
    hint = "Follow Moodle's rules given in the message."
    return Meaning(Kind.INVALID_PARAMETER, hint=hint)


def _meaning(errorcode: str, exception: str, message: str) -> Meaning:
    if errorcode == "invalidrecord" and "external_functions" in message:
        return _NOT_IN_SITE
    if not errorcode and exception in _PHP_ERRORS:
        return _PHP_ERROR
    if not errorcode and not exception:
        return _NOTHING_ELSE
    meaning = meaning_of(errorcode) if errorcode else None
    if meaning is None and errorcode.startswith(_REFUSALS):
        return Meaning(Kind.NO_PERMISSION, When.CHECKING)
    if meaning is None:
        return _CLASSES.get(exception.rpartition("\\")[2], Meaning(Kind.MOODLE_ERROR))
    return meaning
