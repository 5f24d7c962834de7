"""Turn a response's bytes into a value, or into an error of the right kind.

REST answers nearly every failure with status 200 (RESTful with 400), so the body decides. Bodies
that are not JSON are distinguished by what an operator must do: a login page, a maintenance page,
a proxy's error, PHP's notices.
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
"""The texts before and after each field."""

_MAX_DIGITS: Final = 400
MAX_TEXT: Final = 2_000_000
"""Maximum characters of one text in an answer. No agent can read more, and processing is slow."""

_MAX_NOTICES: Final = 1_000_000
"""Maximum characters of PHP notices before and after an answer; searching more takes too long."""


IsOwnAnswer: TypeAlias = Callable[[Any], bool]
"""Returns whether a value that looks like a failure is the called function's regular answer."""


def always_a_failure(_: Any) -> bool:
    """Return False: no script of Moodle's answers a value like a failure when it succeeds."""
    return False


@dataclass(frozen=True, slots=True)
class Answer:
    """A function's answer, with warnings about how it arrived.

    `size` is its length in characters; `values` is an upper bound on its number of values.
    """

    value: Any
    warnings: tuple[str, ...] = ()
    size: int = field(default=0, compare=False)
    values: int = field(default=0, compare=False)


def decode(
    response: Response, protocol: Protocol = REST, *, own: IsOwnAnswer = always_a_failure
) -> Answer:
    """Return the value that a site answered to a request in a protocol.

    `own` is called with a value that has the shape of a failure.

    Raises:
        CallError: the answer is a failure (of Moodle, PHP, a proxy or the network), or it is
            `too_large`.
    """
    check_status(response, protocol)
    if has_more_values(response.body, MAX_VALUES):
        raise too_large(f"more than {MAX_VALUES:,} values")
    text = _text(response)
    answer = _json(response, text)
    failure = failure_in(answer.value)
    if response.status >= 400:
        # RESTful answers Moodle's failures with 400. A body without their keys is not Moodle's.
        if failure is None or not failure.keys() & {"exception", "errorcode"}:
            raise unexpected_status(response)
        raise moodle_error(failure, response.status)
    if failure is not None and not own(answer.value):
        raise moodle_error(failure, response.status)
    return _without_long_texts(answer) if answer.size > MAX_TEXT else answer


def too_large(over: str) -> CallError:
    """Return the error for an answer over one of our limits; `over` says which."""
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
        message = "The site answered with an empty body, as PHP does after a fatal error."
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
    """Replace each text longer than `MAX_TEXT` by a note.

    The text is not cut: a cut could leave half of a secret, which redaction would not recognise.
    """
    left_out = 0

    def shown(text: str) -> str:
        nonlocal left_out
        if len(text) <= MAX_TEXT:
            return text
        left_out += 1
        return f"(text of {len(text):,} characters left out; open it in Moodle with a browser)"

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
    """Parse a number; one beyond the range of a double stays text."""
    number = float(text)
    return number if math.isfinite(number) else text


def _integer(text: str) -> int | str:
    """Parse an integer; one with too many digits stays text, because text can be cut."""
    return int(text) if len(text) <= _MAX_DIGITS else text


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _among_notices(text: str) -> Answer | None:
    """Return the answer among PHP notices, which PHP prints if `display_errors` is on."""
    # The answer begins its line. Inner brackets are never tried: a part of a truncated answer or of
    # an exception must not pass for the whole.
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
        # PHP has stopped: what looks like an answer is part of its error message, or incomplete.
        return None
    odd = "PHP printed notices around the answer; they were left out."
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
    message = "The site answered in XML, but JSON was requested."
    return response_error(Kind.BAD_ANSWER, message, response)


def _between(text: str, before: str, after: str) -> str | None:
    """Return the text between the first `before` and the next `after`."""
    found, end, _ = text.partition(before)[2].partition(after)
    return found if end else None
