"""What the argument check corrects, and what it refuses before anything is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from inline_snapshot import snapshot

from moodle_mcp.catalogue.arguments import MAX_FAULTS, ArgumentChecker
from moodle_mcp.catalogue.loading import RELEASES, load
from moodle_mcp.catalogue.model import (
    Function,
    FunctionText,
    ListOf,
    Node,
    Object,
    ParameterText,
    Value,
)
from moodle_mcp.catalogue.sendable import MAX_DEPTH
from moodle_mcp.errors import CallError, Kind

PAIR = Object({"name": Value("alpha"), "value": Value("raw")})
EVERYTHING = Function(
    "core_x_everything",
    params=Object(
        {
            "i": Value("int", presence="optional"),
            "f": Value("float", presence="optional"),
            "b": Value("bool", presence="optional"),
            "t": Value("raw", presence="optional"),
            "fixed": Value("alpha", presence="optional"),
            "ints": ListOf(Value("int"), "optional"),
            "texts": ListOf(Value("raw"), "default", []),
            "pairs": ListOf(PAIR, "optional"),
            "pair": Object(PAIR.keys, "optional"),
            "loose": Object({"x": Value("int", presence="optional")}, "optional"),
            "nothing": Value("int", presence="default"),
        }
    ),
    text=FunctionText("F.", {"fixed": ParameterText("One of two.", ("id", "name"))}),
)
FREE = Function("local_shop_get_orders", typed=False)
CHECKER = ArgumentChecker()
CATALOGUE = load()


def refused(function: Function, arguments: Any) -> dict[str, Any]:
    with pytest.raises(CallError) as caught:
        CHECKER.check(function, arguments)
    error = caught.value
    assert (error.fault.kind, error.fault.written) == (Kind.INVALID_ARGUMENTS, "nothing")
    report = error.fault.report()
    # A report must be able to leave this process.
    json.dumps(report, ensure_ascii=False).encode("utf-8")
    return report


def problems(function: Function, arguments: Any) -> list[dict[str, str]]:
    return refused(function, arguments)["parameters"]


MENDED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": ({}, {}),
    "a list as JSON": ({"ints": "[1, 2]"}, {"ints": [1, 2]}),
    "a list of objects as JSON": (
        {"pairs": '[{"name": "a", "value": 5}]'},
        {"pairs": [{"name": "a", "value": "5"}]},
    ),
    "an object as JSON": (
        {"pair": '{"name": "a", "value": "b"}'},
        {"pair": {"name": "a", "value": "b"}},
    ),
    "an object as JSON in a list": (
        {"pairs": ['{"name": "a", "value": "b"}']},
        {"pairs": [{"name": "a", "value": "b"}]},
    ),
    "text for an integer": ({"i": "5"}, {"i": 5}),
    "negative text for an integer": ({"i": "-5"}, {"i": -5}),
    "texts in a list of integers": ({"ints": ["5", 6]}, {"ints": [5, 6]}),
    "a whole double for an integer": ({"i": 2.0}, {"i": 2}),
    "the largest integer": ({"i": 2**63 - 1}, {"i": 2**63 - 1}),
    "the smallest integer": ({"i": -(2**63)}, {"i": -(2**63)}),
    "the smallest integer as text": ({"i": str(-(2**63))}, {"i": -(2**63)}),
    "text for a number": ({"f": "1.5"}, {"f": 1.5}),
    "an exponent as text for a number": ({"f": "-1e3"}, {"f": -1000.0}),
    "an integer for a number": ({"f": 2}, {"f": 2}),
    "an integer for text": ({"t": 5}, {"t": "5"}),
    "a double for text": ({"t": 1.5}, {"t": "1.5"}),
    "integers in a list of texts": ({"texts": [1, "b"]}, {"texts": ["1", "b"]}),
    "one for a boolean": ({"b": 1}, {"b": True}),
    "zero for a boolean": ({"b": 0}, {"b": False}),
    "the text true for a boolean": ({"b": "true"}, {"b": True}),
    "the text 0 for a boolean": ({"b": "0"}, {"b": False}),
    "a boolean": ({"b": False}, {"b": False}),
    "null for what is optional": ({"i": None, "ints": None, "pair": None}, {}),
    "null where it is the default": ({"nothing": None}, {}),
    "null inside an object": ({"loose": {"x": 1}, "t": None}, {"loose": {"x": 1}}),
    "text that looks like JSON stays text": ({"t": "[1]"}, {"t": "[1]"}),
    "a text that is empty": ({"t": ""}, {"t": ""}),
    "characters beyond the first plane": ({"t": "\U0001f600 é"}, {"t": "\U0001f600 é"}),
    "an accepted value": ({"fixed": "id"}, {"fixed": "id"}),
}


@pytest.mark.parametrize("case", MENDED)
def test_what_clients_are_known_to_send_is_put_right(case: str) -> None:
    given, accepted = MENDED[case]
    checked = CHECKER.check(EVERYTHING, given)
    assert checked == accepted
    # 1 == True == 1.0 in Python, but not on the wire.
    assert json.dumps(checked) == json.dumps(accepted)


def test_what_was_given_is_not_changed() -> None:
    given = {"ints": ["1"], "i": None}
    CHECKER.check(EVERYTHING, given)
    assert given == {"ints": ["1"], "i": None}


REFUSED: dict[str, dict[str, Any]] = {
    "a boolean for an integer": {"i": True},
    "a boolean in a list of integers": {"ints": [1, False]},
    "a boolean for a number": {"f": True},
    "a boolean for text": {"t": True},
    "a fraction for an integer": {"i": 2.5},
    "SQL for an integer": {"i": "3; DROP TABLE"},
    "a plus sign": {"i": "+5"},
    "a leading zero": {"i": "05"},
    "digits of another script": {"i": "1\u0663"},
    "a space": {"i": " 5"},
    "the empty text for an integer": {"i": ""},
    "an exponent for an integer": {"i": "1e3"},
    "a comma in a number": {"f": "1,5"},
    "not a number": {"f": float("nan")},
    "infinity": {"f": float("inf")},
    "infinity as text": {"f": "1e999"},
    "negative infinity for text": {"t": float("-inf")},
    "2**63": {"i": 2**63},
    "-2**63-1": {"i": -(2**63) - 1},
    "2**63 as text": {"i": str(2**63)},
    "2**63 for a number": {"f": 2**63},
    "10**5000": {"i": 10**5000},
    "10**5000 for text": {"t": 10**5000},
    "10**5000 for a boolean": {"b": 10**5000},
    "10**5000 as text": {"i": "1" + "0" * 5000},
    "a double beyond 2**53": {"i": 1e300},
    "2 for a boolean": {"b": 2},
    "yes for a boolean": {"b": "yes"},
    "1.0 for a boolean": {"b": 1.0},
    "half a character": {"t": "a\ud800"},
    "half a character in a key": {"\ud800": 1},
    "half a character in a nested key": {"pair": {"name": "a", "value": "b", "\udfff": 1}},
    "a misspelt key": {"intts": [1]},
    "a misspelt nested key": {"pairs": [{"nmae": "a", "value": "b"}]},
    "a key like no other": {"zzzzzz": 1},
    "missing nested keys": {"pairs": [{}, {"name": "a"}]},
    "an empty optional list": {"ints": []},
    "an empty optional list with a default": {"texts": []},
    "an empty list as JSON": {"ints": "[]"},
    "an empty object": {"loose": {}},
    "an object that only nulls fill": {"loose": {"x": None}},
    "a list for a scalar": {"i": [1]},
    "an object for a scalar": {"t": {"a": 1}},
    "a scalar for a list": {"ints": 1},
    "an object for a list": {"ints": {"0": 1}},
    "a list for an object": {"pair": ["a"]},
    "text that is no JSON for a list": {"ints": "1,2"},
    "JSON of another kind for a list": {"ints": "{}"},
    "null in a list": {"ints": [None]},
    "null for a required key": {"pair": {"name": None, "value": "b"}},
    "deep JSON as text": {"ints": "[" * 500 + "]" * 500},
    "deeper JSON as text than Python parses": {"ints": "[" * 10**5 + "]" * 10**5},
    "a value that Moodle does not accept": {"fixed": "idd"},
    "a very long key": {"k" * 10_000: 1},
    "a very long text": {"i": "x" * 10_000},
    "a reserved argument of another type": {"_dry_run": 3},
    "a reserved argument that makes no sense here": {"_on_error": "stop"},
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_named_with_its_path_and_what_is_allowed(case: str) -> None:
    expected = snapshot(
        {
            "a boolean for an integer": [
                {"path": "i", "problem": "true is not allowed; use 1 or 0", "allowed": "integer"}
            ],
            "a boolean in a list of integers": [
                {
                    "path": "ints[1]",
                    "problem": "false is not allowed; use 1 or 0",
                    "allowed": "integer",
                }
            ],
            "a boolean for a number": [
                {"path": "f", "problem": "true is not allowed", "allowed": "number"}
            ],
            "a boolean for text": [
                {"path": "t", "problem": "true is not allowed", "allowed": "string"}
            ],
            "a fraction for an integer": [
                {"path": "i", "problem": "2.5 is not allowed", "allowed": "integer"}
            ],
            "SQL for an integer": [
                {"path": "i", "problem": '"3; DROP TABLE" is not allowed', "allowed": "integer"}
            ],
            "a plus sign": [{"path": "i", "problem": '"+5" is not allowed', "allowed": "integer"}],
            "a leading zero": [
                {"path": "i", "problem": '"05" is not allowed', "allowed": "integer"}
            ],
            "digits of another script": [
                {"path": "i", "problem": '"1٣" is not allowed', "allowed": "integer"}
            ],
            "a space": [{"path": "i", "problem": '" 5" is not allowed', "allowed": "integer"}],
            "the empty text for an integer": [
                {"path": "i", "problem": '"" is not allowed', "allowed": "integer"}
            ],
            "an exponent for an integer": [
                {"path": "i", "problem": '"1e3" is not allowed', "allowed": "integer"}
            ],
            "a comma in a number": [
                {"path": "f", "problem": '"1,5" is not allowed', "allowed": "number"}
            ],
            "not a number": [{"path": "f", "problem": "nan is not a number that can be sent"}],
            "infinity": [{"path": "f", "problem": "inf is not a number that can be sent"}],
            "infinity as text": [{"path": "f", "problem": "inf is not a number that can be sent"}],
            "negative infinity for text": [
                {"path": "t", "problem": "-inf is not a number that can be sent"}
            ],
            "2**63": [
                {
                    "path": "i",
                    "problem": "is an integer that does not fit in 64 bits",
                    "allowed": "-9223372036854775808 to 9223372036854775807",
                }
            ],
            "-2**63-1": [
                {
                    "path": "i",
                    "problem": "is an integer that does not fit in 64 bits",
                    "allowed": "-9223372036854775808 to 9223372036854775807",
                }
            ],
            "2**63 as text": [
                {
                    "path": "i",
                    "problem": "is an integer that does not fit in 64 bits",
                    "allowed": "-9223372036854775808 to 9223372036854775807",
                }
            ],
            "2**63 for a number": [
                {
                    "path": "f",
                    "problem": "is an integer that does not fit in 64 bits",
                    "allowed": "-9223372036854775808 to 9223372036854775807",
                }
            ],
            "10**5000": [
                {
                    "path": "i",
                    "problem": "is an integer that does not fit in 64 bits",
                    "allowed": "-9223372036854775808 to 9223372036854775807",
                }
            ],
            "10**5000 for text": [
                {
                    "path": "t",
                    "problem": "is an integer that does not fit in 64 bits",
                    "allowed": "-9223372036854775808 to 9223372036854775807",
                }
            ],
            "10**5000 for a boolean": [
                {
                    "path": "b",
                    "problem": "is an integer that does not fit in 64 bits",
                    "allowed": "-9223372036854775808 to 9223372036854775807",
                }
            ],
            "10**5000 as text": [
                {
                    "path": "i",
                    "problem": '"10000000000000000000000000000000000000000000000000000000000… (5003 characters) is not allowed',
                    "allowed": "integer",
                }
            ],
            "a double beyond 2**53": [
                {"path": "i", "problem": '"1e+300" is not allowed', "allowed": "integer"}
            ],
            "2 for a boolean": [{"path": "b", "problem": "2 is not allowed", "allowed": "boolean"}],
            "yes for a boolean": [
                {"path": "b", "problem": '"yes" is not allowed', "allowed": "boolean"}
            ],
            "1.0 for a boolean": [
                {"path": "b", "problem": "1.0 is not allowed", "allowed": "boolean"}
            ],
            "half a character": [
                {"path": "t", "problem": "contains half of a character (a lone surrogate)"}
            ],
            "half a character in a key": [
                {"path": "\\ud800", "problem": "is not a name of an argument"}
            ],
            "half a character in a nested key": [
                {"path": "pair.\\udfff", "problem": "is not a name of an argument"}
            ],
            "a misspelt key": [
                {
                    "path": "intts",
                    "problem": "is not a known key; did you mean ints?",
                    "allowed": "i, f, b, t, fixed, ints, texts, pairs, pair, loose, nothing",
                }
            ],
            "a misspelt nested key": [
                {
                    "path": "pairs[0].name",
                    "problem": "is missing and required",
                    "allowed": "string",
                },
                {
                    "path": "pairs[0].nmae",
                    "problem": "is not a known key; did you mean name?",
                    "allowed": "name, value",
                },
            ],
            "a key like no other": [
                {
                    "path": "zzzzzz",
                    "problem": "is not a known key",
                    "allowed": "i, f, b, t, fixed, ints, texts, pairs, pair, loose, nothing",
                }
            ],
            "missing nested keys": [
                {
                    "path": "pairs[0].name",
                    "problem": "is missing and required",
                    "allowed": "string",
                },
                {
                    "path": "pairs[0].value",
                    "problem": "is missing and required",
                    "allowed": "string",
                },
                {
                    "path": "pairs[1].value",
                    "problem": "is missing and required",
                    "allowed": "string",
                },
            ],
            "an empty optional list": [
                {
                    "path": "ints",
                    "problem": "is an empty list, which can't be sent: Moodle would treat it as omitted, which means all",
                    "allowed": "at least one item",
                }
            ],
            "an empty optional list with a default": [
                {
                    "path": "texts",
                    "problem": "is an empty list, which can't be sent: Moodle would treat it as omitted, which means all",
                    "allowed": "at least one item",
                }
            ],
            "an empty list as JSON": [
                {
                    "path": "ints",
                    "problem": "is an empty list, which can't be sent: Moodle would treat it as omitted, which means all",
                    "allowed": "at least one item",
                }
            ],
            "an empty object": [
                {
                    "path": "loose",
                    "problem": "is an empty object, which can't be sent",
                    "allowed": "at least one key, or leave out",
                }
            ],
            "an object that only nulls fill": [
                {
                    "path": "loose",
                    "problem": "is an empty object, which can't be sent",
                    "allowed": "at least one key, or leave out",
                }
            ],
            "a list for a scalar": [
                {"path": "i", "problem": "a list is not allowed", "allowed": "integer"}
            ],
            "an object for a scalar": [
                {"path": "t", "problem": "an object is not allowed", "allowed": "string"}
            ],
            "a scalar for a list": [
                {"path": "ints", "problem": "1 is not allowed", "allowed": "a list of integers"}
            ],
            "an object for a list": [
                {
                    "path": "ints",
                    "problem": "an object is not allowed",
                    "allowed": "a list of integers",
                }
            ],
            "a list for an object": [
                {
                    "path": "pair",
                    "problem": "a list is not allowed",
                    "allowed": "an object with name, value",
                }
            ],
            "text that is no JSON for a list": [
                {"path": "ints", "problem": '"1,2" is not allowed', "allowed": "a list of integers"}
            ],
            "JSON of another kind for a list": [
                {"path": "ints", "problem": '"{}" is not allowed', "allowed": "a list of integers"}
            ],
            "null in a list": [
                {"path": "ints[0]", "problem": "null is not allowed", "allowed": "integer"}
            ],
            "null for a required key": [
                {"path": "pair.name", "problem": "null is not allowed", "allowed": "string"}
            ],
            "deep JSON as text": [
                {
                    "path": "ints",
                    "problem": "is nested too deeply to be sent",
                    "allowed": "60 levels",
                }
            ],
            "deeper JSON as text than Python parses": [
                {
                    "path": "ints",
                    "problem": '"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[… (200002 characters) is not allowed',
                    "allowed": "a list of integers",
                }
            ],
            "a value that Moodle does not accept": [
                {
                    "path": "fixed",
                    "problem": '"idd" is not one of its values',
                    "allowed": "id, name",
                }
            ],
            "a very long key": [
                {
                    "path": "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk…",
                    "problem": "is not a known key",
                    "allowed": "i, f, b, t, fixed, ints, texts, pairs, pair, loose, nothing",
                }
            ],
            "a very long text": [
                {
                    "path": "i",
                    "problem": '"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… (10002 characters) is not allowed',
                    "allowed": "integer",
                }
            ],
            "a reserved argument of another type": [
                {"path": "_dry_run", "problem": "3 is not allowed", "allowed": "boolean"}
            ],
            "a reserved argument that makes no sense here": [
                {
                    "path": "_on_error",
                    "problem": "is not a known key",
                    "allowed": "i, f, b, t, fixed, ints, texts, pairs, pair, loose, nothing",
                }
            ],
        }
    )
    assert problems(EVERYTHING, REFUSED[case]) == expected[case]


def test_a_report_says_that_nothing_was_sent_and_what_to_do() -> None:
    users = [{"usrname": "a", "firstname": "A", "lastname": "B", "email": 5, "maildisplay": True}]
    report = refused(CATALOGUE.get("core_user_create_users"), {"users": users})
    assert {key: report[key] for key in report if key != "parameters"} == snapshot(
        {
            "kind": "invalid_arguments",
            "message": "Nothing was sent: users[0].username is missing and required (and 2 more).",
            "hint": "Correct the arguments named in `parameters` and call again.",
            "function": "core_user_create_users",
            "retryable": False,
            "written": "nothing",
        }
    )
    shown = [(each["path"], each["problem"]) for each in report["parameters"]]
    assert shown == snapshot(
        [
            ("users[0].username", "is missing and required"),
            ("users[0].maildisplay", "true is not allowed; use 1 or 0"),
            ("users[0].usrname", "is not a known key; did you mean username?"),
        ]
    )


@pytest.mark.parametrize("key", ["EMAIL", "Email", "e_mail"])
def test_a_key_in_capitals_is_suggested_as_it_is(key: str) -> None:
    create = CATALOGUE.get("core_user_create_users")
    user = {"username": "a", "firstname": "A", "lastname": "B", "email": "a@b.example", key: "x"}
    assert [each["problem"] for each in problems(create, {"users": [user]})] == [
        "is not a known key; did you mean email?"
    ]


def test_a_message_that_asks_ends_with_its_question() -> None:
    update = CATALOGUE.get("core_course_update_courses")
    with pytest.raises(CallError) as error:
        ArgumentChecker().check(update, {"courses": [{"id": 2, "shortnam": "x"}]})
    assert error.value.fault.message == (
        "Nothing was sent: courses[0].shortnam is not a known key; did you mean shortname?"
    )


def test_a_missing_and_an_empty_required_list_are_refused() -> None:
    delete = CATALOGUE.get("core_user_delete_users")
    assert problems(delete, {}) == snapshot(
        [{"path": "userids", "problem": "is missing and required", "allowed": "a list of integers"}]
    )
    assert problems(delete, {"userids": []}) == snapshot(
        [
            {
                "path": "userids",
                "problem": "is an empty list, which can't be sent to Moodle",
                "allowed": "at least one item",
            }
        ]
    )


def test_an_argument_for_a_function_without_any_is_refused() -> None:
    assert problems(CATALOGUE.get("core_tag_get_tag_areas"), {"x": 1}) == snapshot(
        [
            {
                "path": "x",
                "problem": "is not a known key",
                "allowed": "no keys: this takes no arguments",
            }
        ]
    )


def test_thousands_of_bad_items_give_a_report_that_fits_an_answer() -> None:
    report = refused(EVERYTHING, {"pairs": [{"nmae": n, "x": []} for n in range(5000)]})
    assert len(report["parameters"]) == MAX_FAULTS
    assert report["message"] == snapshot(
        "Nothing was sent: pairs[0].name is missing and required (and at least 999 more)."
    )
    assert len(json.dumps(report)) < 5000


def test_nesting_is_refused_from_where_php_would_drop_it() -> None:
    def nested(depth: int) -> Any:
        value: Any = 1
        for _ in range(depth):
            value = [value]
        return value

    assert CHECKER.check(FREE, {"a": nested(MAX_DEPTH - 1)})
    assert problems(FREE, {"a": nested(MAX_DEPTH)}) == snapshot(
        [{"path": "a", "problem": "is nested too deeply to be sent", "allowed": "60 levels"}]
    )
    assert problems(FREE, {"a": nested(10_000)}) == problems(FREE, {"a": nested(MAX_DEPTH)})
    assert problems(EVERYTHING, {"i": nested(10_000)})


PROTOCOL = ["wstoken", "wsfunction", "moodlewsrestformat", "moodlewssettingraw"]
FUNCTIONS: list[Function] = [
    FREE,
    EVERYTHING,
    CATALOGUE.get("core_tag_get_tag_areas"),
    CATALOGUE.get("core_user_create_users"),
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
@pytest.mark.parametrize("name", PROTOCOL)
@pytest.mark.parametrize(
    "value", [1, "x", ["x"], {"a": "x"}], ids=["int", "text", "list", "object"]
)
def test_no_argument_becomes_a_field_of_the_protocol(
    function: Function, name: str, value: Any
) -> None:
    assert name in [each["path"] for each in problems(function, {name: value})]


BECOMES_PROTOCOL = [
    "wstoken[0]",
    "wstoken[",
    "wstoken]",
    " wstoken",
    "\twstoken",
    "wstoken ",
    "wstoken\n",
    "wstoken\0x",
    "wstoken=x&y",
    "ws.token",
    "ws token",
    "WSTOKEN",
    "moodlewssettingfilter",
    "moodlewssettingfileurl",
    "moodlewssettinglang",
    "moodlewssettingtimezone",
    "moodlewssettinganything",
    "a[b",
    "a]b",
    "a.b",
    "a b",
    "a\x7f",
    "é",
    "1a",
    "a-b",
    "",
    "_on_error",
    "_x",
]


@pytest.mark.parametrize("name", BECOMES_PROTOCOL)
def test_a_name_that_php_would_make_another_of_is_refused_for_a_free_form_function(
    name: str,
) -> None:
    assert [each["path"] for each in problems(FREE, {"good": 1, name: 1})] == [name]


@pytest.mark.parametrize("name", ["a[b", "a]", "a.b", "a\0", "", "0", "é"])
@pytest.mark.parametrize("around", ["object", "list"])
def test_names_inside_free_form_arguments_are_plain_too(name: str, around: str) -> None:
    inner: Any = {"good": 1, name: 1}
    report = problems(FREE, {"a": [inner] if around == "list" else {"b": inner}})
    assert len(report) == 1


def test_inside_an_argument_a_name_of_the_protocol_is_any_other() -> None:
    arguments = {"a": [{"wstoken": "x"}]}
    assert CHECKER.check(FREE, arguments) == arguments


def test_free_form_arguments_pass_as_they_are_but_for_nulls() -> None:
    arguments = {"ids": [1, 2], "o": {"a_1": [True, "x"]}, "n": None, "_dry_run": True}
    assert CHECKER.check(FREE, arguments) == {
        "ids": [1, 2],
        "o": {"a_1": [True, "x"]},
        "_dry_run": True,
    }


WIDENING: dict[str, Any] = {
    "empty list": [],
    "empty object": {},
    "list of null": [1, None],
    "object of null": {"a": None},
    "empty list inside": [{"a": []}],
}


@pytest.mark.parametrize("case", WIDENING)
def test_free_form_values_that_would_vanish_on_the_way_are_refused(case: str) -> None:
    expected = snapshot(
        {
            "empty list": [
                {
                    "path": "a",
                    "problem": "is an empty list, which can't be sent to Moodle",
                    "allowed": "at least one item",
                }
            ],
            "empty object": [
                {
                    "path": "a",
                    "problem": "is an empty object, which can't be sent",
                    "allowed": "at least one key, or leave out",
                }
            ],
            "list of null": [
                {
                    "path": "a[1]",
                    "problem": "is null, which can't be sent",
                    "allowed": "leave it out",
                }
            ],
            "object of null": [
                {
                    "path": "a.a",
                    "problem": "is null, which can't be sent",
                    "allowed": "leave it out",
                }
            ],
            "empty list inside": [
                {
                    "path": "a[0].a",
                    "problem": "is an empty list, which can't be sent to Moodle",
                    "allowed": "at least one item",
                }
            ],
        }
    )
    assert problems(FREE, {"a": WIDENING[case]}) == expected[case]


def test_reserved_arguments_of_a_free_form_function_are_checked() -> None:
    assert problems(FREE, {"_dry_run": "no"}) == snapshot(
        [{"path": "_dry_run", "problem": '"no" is not allowed', "allowed": "boolean"}]
    )


def test_reserved_arguments_are_mended_and_their_nulls_left_out_like_moodles_own() -> None:
    course = load().get("core_course_get_courses_by_field")
    sent = {"_fields": '["id"]', "_times": "true", "_format": None, "field": "id", "value": "2"}
    assert CHECKER.check(course, sent) == snapshot(
        {"field": "id", "value": "2", "_fields": ["id"], "_times": True}
    )
    write = load().get("enrol_manual_enrol_users")
    enrolments = [{"roleid": 5, "userid": 20, "courseid": 3}]
    sent = {"enrolments": enrolments, "_dry_run": "1", "_on_error": None, "_confirm": None}
    assert CHECKER.check(write, sent) == snapshot(
        {"enrolments": [{"roleid": 5, "userid": 20, "courseid": 3}], "_dry_run": True}
    )


def top_level(node: Node) -> set[str]:
    return set(node.keys) if isinstance(node, Object) else set()


def test_no_function_of_the_catalogue_takes_a_name_of_the_protocol_or_one_of_ours() -> None:
    for release in RELEASES:
        catalogue = load(release)
        for name in catalogue:
            for key in top_level(catalogue.get(name).params):
                assert not key.lower().startswith(("wstoken", "wsfunction", "moodlews", "_")), name
