"""Telling a function's own answer from a failure of Moodle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any, cast

import pytest
from inline_snapshot import snapshot

from moodle_mcp.catalogue.coercion import coerce
from moodle_mcp.catalogue.genuine_answers import is_foreign, is_own_answer
from moodle_mcp.catalogue.loading import RELEASES, load
from moodle_mcp.catalogue.model import Function, ListOf, Node, Object, Value
from moodle_mcp.errors import CallError
from moodle_mcp.site.decoding import decode
from moodle_mcp.site.moodle_errors import failure_in
from moodle_mcp.site.response import Response
from tests.support.recordings import calls

CATALOGUE = load()

FAILURES: dict[str, Any] = {
    "of REST": {"exception": "moodle_exception", "errorcode": "nopermissions", "message": "No."},
    "of REST with debugging": {
        "exception": "dml_read_exception",
        "errorcode": "dmlreadexception",
        "message": "Error.",
        "debuginfo": "SELECT",
    },
    "of PHP": {"exception": "TypeError", "errorcode": "", "message": "Argument #1 is null"},
    "of PHP without an errorcode": {"exception": "Error", "message": "Class not found"},
    "of the scripts": {"error": "Invalid token", "errorcode": "invalidtoken", "stacktrace": None},
    "of the scripts with debugging": {
        "error": "Invalid token",
        "errorcode": "invalidtoken",
        "stacktrace": "* line 1",
        "debuginfo": "token",
        "reproductionlink": "https://m.example/",
    },
    "of the AJAX script": [{"error": True, "exception": {"errorcode": "x", "message": "No."}}],
    "of an upload": [{"filename": "a", "error": "Too large", "errortype": "fileoversized"}],
    "an error alone": {"error": "Forbidden"},
    "an error with warnings": {"error": "Forbidden", "warnings": []},
    "an error in an object": {"error": {"code": 403, "message": "Forbidden"}},
    "errors alone": {"errors": ["Forbidden"]},
    "an errorcode and a message": {"errorcode": "invalidtoken", "message": "Invalid token"},
}


def functions() -> Iterator[Function]:
    for release in RELEASES:
        catalogue = load(release)
        yield from map(catalogue.get, catalogue)


def sample(node: Node | None) -> Any:
    """An answer of a type with each of its keys, and a value in each."""
    match node:
        case None:
            return None
        case Value():
            return {"int": 1, "float": 1.5, "bool": True}.get(node.type, "text")
        case ListOf():
            return [sample(node.item)]
        case Object():
            return {key: sample(child) for key, child in node.keys.items()}


def reply(function: Function, answer: Any) -> Any:
    response = Response(200, json.dumps(answer).encode())
    return decode(response, own=partial(is_own_answer, function)).value


@pytest.mark.parametrize("shape", FAILURES)
def test_a_failure_is_a_failure_for_every_function(shape: str) -> None:
    for function in functions():
        with pytest.raises(CallError):
            reply(function, FAILURES[shape])


def test_what_a_function_answers_itself_is_a_success_for_every_function() -> None:
    for function in functions():
        answer = sample(function.returns)
        assert reply(function, answer) == answer
        assert coerce(function, answer).warnings == []


def test_few_functions_have_a_failures_keys_in_their_own_answers() -> None:
    alike = {each.name for each in functions() if failure_in(sample(each.returns)) is not None}
    assert sorted(alike) == snapshot(
        [
            "aiplacement_courseassist_explain_text",
            "aiplacement_courseassist_summarise_text",
            "aiplacement_editor_generate_image",
            "aiplacement_editor_generate_text",
            "core_enrol_unenrol_user_enrolment",
            "core_output_poll_stored_progress",
            "qbank_editquestion_set_status",
        ]
    )


TYPES: dict[str, tuple[Node | None, Any]] = {
    "its own key": (Object({"error": Value("text")}), {"error": "x"}),
    "its own keys": (
        Object({"error": Value("text"), "message": Value("text")}),
        {"error": "x", "message": "y"},
    ),
    "a key beside its own required one": (
        Object({"done": Value("bool")}),
        {"done": 1, "error": "x"},
    ),
    "an exception beside its own": (
        Object({"done": Value("bool")}),
        {"done": True, "exception": "e", "message": "m"},
    ),
    "an optional key": (
        Object({"error": Value("text", presence="optional"), "ok": Value("bool")}),
        {"ok": False, "error": "x"},
    ),
    "entries of its own": (ListOf(Object({"error": Value("text")})), [{"error": "x"}]),
}
NOT_ITS_OWN: dict[str, tuple[Node | None, Any]] = {
    "nothing": (None, {"error": "x"}),
    "a scalar": (Value("text"), {"error": "x"}),
    "a list": (ListOf(Value("int")), {"error": "x"}),
    "an object without keys": (Object({}), {"error": "x"}),
    "a required key is missing": (
        Object({"error": Value("text"), "ok": Value("bool")}),
        {"error": "x"},
    ),
    "a failure's key that is not its own": (
        Object({"error": Value("text")}),
        {"error": "x", "errorcode": "y", "stacktrace": None},
    ),
    "only optional keys": (
        Object({"warnings": ListOf(Value("int"), presence="optional")}),
        {"error": "x", "warnings": []},
    ),
    "a key of another type": (
        Object({"status": Value("bool")}),
        {"status": "error", "error": "Forbidden"},
    ),
    "entries of a scalar": (ListOf(Value("int")), [{"error": "x"}]),
}


@pytest.mark.parametrize("case", TYPES)
def test_an_answer_that_the_type_can_hold_is_the_functions_own(case: str) -> None:
    returns, answer = TYPES[case]
    assert failure_in(answer) is not None
    assert is_own_answer(Function("f", returns=returns), answer)


@pytest.mark.parametrize("case", NOT_ITS_OWN)
def test_a_failure_that_the_type_cannot_hold_is_not(case: str) -> None:
    returns, answer = NOT_ITS_OWN[case]
    assert failure_in(answer) is not None
    assert not is_own_answer(Function("f", returns=returns), answer)


UNTYPED = Function("local_shop_get_all", typed=False)


@pytest.mark.parametrize("shape", sorted(FAILURES.keys() - {"of an upload"}))
def test_a_failure_with_nothing_else_in_it_is_one_for_a_function_without_a_type(shape: str) -> None:
    with pytest.raises(CallError):
        reply(UNTYPED, FAILURES[shape])


@pytest.mark.parametrize(
    "answer",
    [
        {"success": False, "error": "No such shop"},
        {"data": [], "errors": ["x"]},
        [{"id": 1, "error": "x"}, {"error": "y"}],
        {"error": False},
        {"errors": []},
        {"message": "Done"},
        None,
        [],
        "text",
    ],
)
def test_an_error_beside_a_result_is_an_answer_of_a_function_without_a_type(answer: Any) -> None:
    assert reply(UNTYPED, answer) == answer


def test_an_exception_is_a_failure_of_an_untyped_function_despite_other_keys() -> None:
    with pytest.raises(CallError):
        reply(UNTYPED, {"exception": "e", "errorcode": "x", "message": "m", "more": 1})


@pytest.mark.parametrize(
    "answer",
    [
        {"code": 403, "reason": "blocked"},
        {"code": 403, "reason": {"warning": 1}},
        {"<html>": None},
    ],
)
def test_an_object_without_a_key_of_the_type_is_no_answer_of_any_function(answer: Any) -> None:
    accepted = {each.name for each in functions() if not is_foreign(each, answer)}
    # Of these the type says nothing but that it is an object.
    assert accepted == {
        each.name
        for each in functions()
        if not each.typed or (isinstance(each.returns, Object) and not each.returns.keys)
    }


@pytest.mark.parametrize("answer", [None, False, 0, "OK", [], {}, [None], ["OK"], [{"code": 403}]])
def test_an_answer_of_another_shape_is_that_of_no_function(answer: Any) -> None:
    for function in functions():
        if function.typed and not is_foreign(function, answer):
            assert fits_whole(function.returns, answer), function.name


def fits_whole(node: Node | None, answer: Any) -> bool:
    """Whether an answer is all that Moodle would require of a type, its required keys included."""
    match node:
        case None:
            return answer is None
        case ListOf():
            entries = cast("list[Any]", answer) if isinstance(answer, list) else None
            return entries is not None and all(fits_whole(node.item, each) for each in entries)
        case Object():
            required = {key for key, each in node.keys.items() if each.presence == "required"}
            return (isinstance(answer, dict) or answer == []) and required <= {*answer}
        case Value():
            return not coerce(Function("f", returns=node), answer).warnings


def test_no_answer_of_a_function_is_foreign() -> None:
    for function in functions():
        assert not is_foreign(function, sample(function.returns)), function.name
    for exchange in calls(faults=False):
        assert not is_foreign(CATALOGUE.get(exchange.function or ""), exchange.json), exchange.id


def test_an_object_without_keys_is_one_in_every_release() -> None:
    newer = load("5.1")
    empty = [each for each in functions() if each.returns == Object({}) and each.name in newer]
    assert len(empty) > 5
    for function in [*empty, newer.get("core_ai_set_provider_order")]:
        assert not is_foreign(newer.get(function.name), []), function.name


def test_few_functions_answer_with_an_entry_for_each_item() -> None:
    names = {each.name for each in functions() if each.answers_each_item and not each.reads_only}
    assert sorted(names) == snapshot(
        [
            "core_cohort_create_cohorts",
            "core_comment_add_comments",
            "core_course_create_categories",
            "core_course_create_courses",
            "core_group_create_groupings",
            "core_group_create_groups",
            "core_message_send_instant_messages",
            "core_message_send_messages_to_conversation",
            "core_notes_create_notes",
            "core_user_create_users",
            "enrol_meta_add_instances",
            "enrol_meta_delete_instances",
            "mod_assign_set_user_flags",
        ]
    )
