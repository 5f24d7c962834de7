"""Tell a function's regular answer from a failure of the same shape.

Moodle reports failures as JSON objects with status 200. A few functions use the same keys in their
regular answers: `error` of qbank_editquestion_set_status, `errors` of
core_enrol_unenrol_user_enrolment. The function's return type distinguishes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from moodle_mcp.catalogue.coercion import coerce
from moodle_mcp.catalogue.model import Function, ListOf, Node, Object, Value

FAILURE_KEYS: Final = frozenset(
    {
        "backtrace",
        "debuginfo",
        "error",
        "errorcode",
        "errors",
        "errortype",
        "exception",
        "link",
        "message",
        "moreinfourl",
        "reproductionlink",
        "stacktrace",
        "warnings",
    }
)
"""Keys that failures of Moodle's may have (read in the source of 4.5.6); they prove nothing.

`warnings` is added although failures don't have it: nearly every type has it, so it proves nothing
either.
"""


def is_own_answer(function: Function, answer: Any) -> bool:
    """Return whether an answer with the shape of a failure is the function's regular answer.

    For a function without a known type (a plugin's), it is if it has a key that no failure has:
    `{"success": false, "error": "..."}` is a result, `{"error": "..."}` contains nothing that could
    be one. An `exception` with an `errorcode` or a `message` is always Moodle's failure there.
    """
    if not function.typed:
        return _has_more_than_a_failure(answer)
    return _has_keys_of(function.returns, answer) and not coerce(function, answer).warnings


def is_foreign(function: Function, answer: Any) -> bool:
    """Return whether an answer can't come from a function, judged by its outermost shape.

    A firewall in front of Moodle answers like this, with status 200:
    `{"code": 403, "message": "blocked"}`, `"OK"`, `[]`. Moodle answers null for functions without
    an answer. It reports an error rather than answer another type or omit a required key (read in
    the source of 4.5.6).
    """
    return function.typed and not _can_be(function.returns, answer)


def _can_be(node: Node | None, answer: Any) -> bool:
    match node, answer:
        case None, _:
            return answer is None
        case Value(), _:
            return not coerce(Function("", returns=node), answer).warnings
        case ListOf(), list():
            return all(_can_be(node.item, entry) for entry in cast("list[Any]", answer))
        case Object(), dict() | []:
            if not answer:
                return not _required(node)
            # An older release may lack some keys that this one requires.
            return not node.keys or not node.keys.keys().isdisjoint(cast("dict[str, Any]", answer))
        case _:
            return False


def _required(node: Object) -> set[str]:
    return {key for key, child in node.keys.items() if child.presence == "required"}


def _has_more_than_a_failure(answer: Any) -> bool:
    match answer:
        case list():
            return any(map(_has_more_than_a_failure, cast("list[Any]", answer)))
        case {"exception": _, "errorcode": _} | {"exception": _, "message": _}:
            return False
        case dict():
            return bool(cast("dict[str, Any]", answer).keys() - FAILURE_KEYS)
        case _:
            return True


def _has_keys_of(node: Node | None, answer: Any) -> bool:
    match node, answer:
        case ListOf(), list():
            return any(_has_keys_of(node.item, entry) for entry in cast("list[Any]", answer))
        case Object(), dict():
            return _has_keys(node, cast("Mapping[str, Any]", answer))
        case _:
            return False


def _has_keys(node: Object, answer: Mapping[str, Any]) -> bool:
    """Whether the answer has the type's required keys, which Moodle checks before answering.

    They must include a key that no failure has, or the type must have all of the failure's keys.
    """
    required = _required(node)
    of_failures = answer.keys() & FAILURE_KEYS
    distinctive = bool(required - FAILURE_KEYS) or of_failures <= node.keys.keys()
    return required <= answer.keys() and distinctive
