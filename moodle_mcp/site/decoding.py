"""From the bytes that a site answered to a value, or to the kind of fault that they mean.

REST answers nearly every failure with status 200 (RESTful with 400), so the body decides. What is
not JSON is told apart by what an operator must do about it: a login page, a maintenance page, a
proxy's error, PHP's notices.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from moodle_mcp.errors import CallError, Fault, Kind
from moodle_mcp.jsontree import MAX_VALUES, has_more_values, map_strings, most_values
from moodle_mcp.site.moodle_errors import failure_in, moodle_error, plain
from moodle_mcp.site.protocol import REST, Protocol
from moodle_mcp.site.response import Response, check_status, response_error, unexpected_status

_NOTICE = re.compile(
    r"(?:<br ?/?>|\s)*(?:<b>)?(?:PHP )?(?:Notice|Warning|Deprecated|Strict Standards)(?:</b>)?:"
)
_FATAL = re.compile(r"(?:Fatal|Parse) error(?:</b>)?:")
_LINE_OF_JSON = re.compile(r"^[^\S\n]*([{\[])", re.MULTILINE)
_HTML = re.compile(r"(?i)(<!doctype html|<html|<head|<body|<br|<div|<p>|<!--)")
_XML_FIELDS: Final = {
    "exception": ('<EXCEPTION class="', '"'),
    "errorcode": ("<ERRORCODE>", "</ERRORCODE>"),
    "message": ("<MESSAGE>", "</MESSAGE>"),
}
"""What stands before and after each."""

_MAX_DIGITS: Final = 400
MAX_TEXT: Final = 2_000_000
"""Characters of one text in an answer: no agent can read a longer one, and work on it is slow."""

_MAX_NOTICES: Final = 1_000_000
"""Characters of PHP's notices before an answer, and behind it; searching more takes too long."""


IsOwnAnswer: TypeAlias = Callable[[Any], bool]
"""Tells whether a value with the shape of a failure is the called function's own answer."""


def always_a_failure(_: Any) -> bool:
    """For Moodle's scripts, none of which answers such a value when it succeeds."""
    return False


@dataclass(frozen=True, slots=True)
class Answer:
    """A function's answer and what was odd about the way it came.

    `size` are its characters, `values` the most values that may be in it.
    """

    value: Any
    warnings: tuple[str, ...] = ()
    size: int = field(default=0, compare=False)
    values: int = field(default=0, compare=False)


def decode(
    response: Response, protocol: Protocol = REST, *, own: IsOwnAnswer = always_a_failure
) -> Answer:
    """Return the value that a site answered to a request in a protocol.

    `own` is asked of a value that has the shape of a failure.

    Raises:
        CallError: the answer is a failure, of Moodle, PHP, a proxy or the network's middle; or it
            is `too_large`.
    """
    check_status(response, protocol)
    if has_more_values(response.body, MAX_VALUES):
        raise too_large(f"more than {MAX_VALUES:,} values")
    text = _text(response)
    answer = _json(response, text)
    failure = failure_in(answer.value)
    if response.status >= 400:
        # RESTful answers Moodle's failures with 400; without their keys it is somebody else's.
        if failure is None or not failure.keys() & {"exception", "errorcode"}:
            raise unexpected_status(response)
        raise moodle_error(failure, response.status)
    if failure is not None and not own(answer.value):
        raise moodle_error(failure, response.status)
    return _without_long_texts(answer) if answer.size > MAX_TEXT else answer


def too_large(over: str) -> CallError:
    """The error for an answer over a limit of ours; `over` says which."""
    return CallError(
        Fault(
            Kind.TOO_LARGE,
            f"The answer has {over} and was not read.",
            hint="Ask for less: one course, one page (where the function has `limitnum`, `perpage` "
            "or the like), one user.",
        )
    )


def _text(response: Response) -> str:
    try:
        text = response.body.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        message = "The answer is not valid UTF-8."
        raise response_error(Kind.BAD_ANSWER, message, response) from None
    if not text and response.status >= 400:
        raise unexpected_status(response)
    if not text:
        message = "The site answered nothing at all, as PHP does when it stops with a fatal error."
        raise response_error(Kind.SITE_ERROR, message, response)
    return text


def _json(response: Response, text: str) -> Answer:
    try:
        return Answer(_loads(text), size=len(text), values=most_values(response.body))
    except (ValueError, RecursionError):
        pass
    if text.startswith("<?xml") or "<EXCEPTION" in text[:1000]:
        raise _xml_error(response, text)
    answer = _among_notices(text)
    if answer is not None:
        return answer
    if _looks_like_html(text):
        raise _html_error(response, text)
    if response.status >= 400:
        raise unexpected_status(response)
    message = "The answer is not complete JSON."
    raise response_error(Kind.BAD_ANSWER, message, response)


def _without_long_texts(answer: Answer) -> Answer:
    """The answer with a note in the place of each text that is too long to be worked on.

    It is not cut, because the cut might leave one half of a secret, which nobody would recognise.
    """
    left_out = 0

    def shown(text: str) -> str:
        nonlocal left_out
        if len(text) <= MAX_TEXT:
            return text
        left_out += 1
        return f"(a text of {len(text):,} characters, left out; a browser shows it in Moodle)"

    value = map_strings(shown, answer.value)
    if not left_out:
        return answer
    warning = f"Left out: texts of more than {MAX_TEXT:,} characters ({left_out})."
    return replace(answer, value=value, warnings=(*answer.warnings, warning))


def _loads(text: str) -> Any:
    return _decoder().decode(text)


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(
        parse_float=_finite, parse_int=_integer, parse_constant=_no_constant
    )  # fmt: skip


def _finite(text: str) -> float | str:
    """A number beyond a double stays the text that it came as."""
    number = float(text)
    return number if math.isfinite(number) else text


def _integer(text: str) -> int | str:
    """A number that fills a page stays the text that it came as: a text can be cut."""
    return int(text) if len(text) <= _MAX_DIGITS else text


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _among_notices(text: str) -> Answer | None:
    """The answer around which PHP printed notices, as it does with display_errors on."""
    # The answer begins its line. An inner bracket is never tried: a part of a cut answer, or of an
    # exception, must not pass for the whole.
    notices = min(len(text), _MAX_NOTICES)
    start = (
        _LINE_OF_JSON.search(text, 0, notices)
        if _NOTICE.match(text, 0, notices)
        else _LINE_OF_JSON.match(text, 0, notices)
    )
    if start is None:
        return None
    try:
        value, end = _decoder().raw_decode(text, start.start(1))
    except (ValueError, RecursionError):
        return None
    before, rest = text[: start.start(1)], text[end:]
    if len(rest) > _MAX_NOTICES or (rest.strip() and not _NOTICE.match(rest)):
        return None
    if _FATAL.search(before) or _FATAL.search(rest):
        # PHP has stopped: what looks like an answer is a line of its error, or not the whole.
        return None
    odd = "PHP printed notices beside its answer; they were left out."
    return Answer(value, (odd,), size=len(text), values=most_values(text))


def _looks_like_html(text: str) -> bool:
    return _HTML.match(text) is not None


def _html_error(response: Response, text: str) -> CallError:
    page = text.lower()
    if "maintenance" in page and response.status in (200, 503):
        return response_error(Kind.MAINTENANCE, "The site shows its maintenance page.", response)
    if response.status >= 400:
        return unexpected_status(response)
    if _NOTICE.match(text) or "fatal error" in page:
        return response_error(
            Kind.SITE_ERROR, "PHP stopped with an error before it answered.", response
        )
    if "login" in page:
        message = "The address answers with a login page instead of Moodle's web service."
    else:
        message = "The address answers with a web page instead of Moodle's web service."
    return response_error(Kind.WRONG_ADDRESS, message, response)


def _xml_error(response: Response, text: str) -> CallError:
    fields = {
        key: plain(found)
        for key, (before, after) in _XML_FIELDS.items()
        if (found := _between(text, before, after)) is not None
    }
    if fields.keys() & {"exception", "errorcode"}:
        return moodle_error(fields, response.status)
    message = "The site answered in XML although JSON was asked for."
    return response_error(Kind.BAD_ANSWER, message, response)


def _between(text: str, before: str, after: str) -> str | None:
    """What stands between the first of two texts and the next of the other."""
    found, end, _ = text.partition(before)[2].partition(after)
    return found if end else None
