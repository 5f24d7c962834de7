"""A function's items from tables."""

from __future__ import annotations

from typing import Any

import pytest
from inline_snapshot import snapshot

from moodle_mcp.catalogue.model import ListOf, Object, Value
from moodle_mcp.tables.items import TableItems, table_items
from moodle_mcp.tables.reader import TableError, read_table

PAIR = Object({"type": Value("text"), "value": Value("text")})
PERSON = Object(
    {
        "username": Value("username"),
        "email": Value("email", presence="optional"),
        "idnumber": Value("raw", presence="optional"),
        "age": Value("int", presence="optional"),
        "grade": Value("float", presence="optional"),
        "active": Value("bool", presence="optional"),
        "place": Object({"city": Value("text")}, presence="optional"),
        "fields": ListOf(PAIR, presence="optional"),
        "tags": ListOf(Value("text"), presence="optional"),
    }
)


def items(text: str, *, clear: bool = False) -> TableItems:
    return table_items(read_table(text), PERSON, clear_empty=clear)


def test_keys_in_brackets_make_objects_and_lists() -> None:
    text = (
        "username,place[city],fields[0][type],fields[0][value],fields[1][type],fields[1][value]\n"
        "anna,Bergen,a,1,,\n"
        "lee,,,,b,2\n"
    )
    assert items(text).values == [
        {"username": "anna", "place": {"city": "Bergen"}, "fields": [{"type": "a", "value": "1"}]},
        {"username": "lee", "fields": [{"type": "b", "value": "2"}]},
    ]


@pytest.mark.parametrize(
    ("header", "cell", "value"),
    [
        ("age", " 5 ", "5"),
        ("age", "5.0", "5"),
        ("age", "-5.00", "-5"),
        ("age", "\u00a05", "5"),
        ("age", "5.5", "5.5"),
        ("age", "TRUE", "TRUE"),
        ("grade", " 7.50 ", "7.50"),
        ("active", "TRUE", "true"),
        ("active", " False", "false"),
        ("active", "1.0", "1"),
        ("idnumber", "00123", "00123"),
        ("idnumber", " 5.0 ", " 5.0 "),
        ("idnumber", "7,5", "7,5"),
        ("idnumber", "TRUE", "TRUE"),
        ("fields", '[{"type": "a", "value": "b"}]', '[{"type": "a", "value": "b"}]'),
        ("tags[0]", "00123", ["00123"]),
    ],
)
def test_numbers_are_mended_and_texts_stay(header: str, cell: str, value: Any) -> None:
    quoted = cell.replace('"', '""')
    key = header.partition("[")[0]
    assert items(f'username,{header}\nanna,"{quoted}"\n').values == [
        {"username": "anna", key: value}
    ]


def test_an_empty_cell_is_left_out_or_empties_the_text() -> None:
    text = "username;email;fields[0][type];fields[0][value]\nanna;;a;\nlee; ;;\nkim\n"
    assert items(text).values == [
        {"username": "anna", "fields": [{"type": "a"}]},
        {"username": "lee"},
        {"username": "kim"},
    ]
    assert items(text, clear=True).values == [
        {"username": "anna", "email": "", "fields": [{"type": "a", "value": ""}]},
        {"username": "lee", "email": ""},
        {"username": "kim", "email": ""},
    ]


def test_the_place_of_a_value_is_its_column_and_line() -> None:
    text = (
        "\nusername,fields[0][type],fields[0][value],fields[2][type],fields[2][value],place\n"
        '"an\nna",a,,c,,{}\n'
        "lee,,,c,,{}\n"
    )
    found = items(text)
    assert [
        found.place(0, ["username"]),
        found.place(0, ["fields", "1", "type"]),
        # The first entry is empty, so that the second has its index.
        found.place(1, ["fields", "0", "value"]),
        found.place(1, ["place", "city"]),
        found.place(1, ["fields", "7", "type"]),
        found.place(1, ["email"]),
        found.place(1),
    ] == snapshot(
        [
            "column A (username), line 3",
            "column D (fields[2][type]), line 3",
            "column E (fields[2][value]), line 5",
            "column F (place), line 5",
            "line 5",
            "line 5",
            "line 5",
        ]
    )


REFUSED = {
    "another case": "Username,Email\na,b\n",
    "another case beside": "username,email,EMAIL\na,b,c\n",
    "misspelt": "username,e-mail\na,b\n",
    "a line end in it": 'username,"first\nname ' + "x" * 99 + '"\na,b\n',
    "unlike any": "username,Zimmer\na,b\n",
    "no header": "0815,Qx7!k\n0816,b\n",
    "no index": "username,fields[type]\na,b\n",
    "inside a value": "username,email[0]\na,b\n",
    "twice": "username,email,email\na,b,c\n",
    "the same index": "username,tags[0],tags[00]\na,b,c\n",
    "beside its own keys": "username,place[city],place\na,b,c\n",
    "a required key is missing": "email\na\n",
    "a decimal comma": "username;grade\na;7,5\n",
    "thousands": 'username,age\na,"1,000"\n',
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_table_that_does_not_fit_is_refused_with_the_column(case: str) -> None:
    with pytest.raises(TableError) as caught:
        items(REFUSED[case])
    assert (
        str(caught.value)
        == snapshot(
            {
                "another case": "column A (Username): is not a known key; did you mean username? column B (Email): is not a known key; did you mean email?",
                "another case beside": "column C (EMAIL): is not a known key; did you mean email?",
                "misspelt": "column B (e-mail): is not a known key; did you mean email?",
                "unlike any": "column B (Zimmer): is not a known key; the keys are username, email, idnumber, age, grade, active, place[city], fields[0][type], "
                "fields[0][value], tags[0]",
                "no header": "no cell of its first line is a known key; the keys are username, email, idnumber, age, grade, active, place[city], fields[0][type], fields[0][value], tags[0]",
                "no index": "column B (fields[type]): is not a known key; did you mean fields[0][type] or fields[0][value]?",
                "inside a value": "column B (email[0]): is not a known key; did you mean email?",
                "twice": "column C (email): is for the same value as column B (email)",
                "the same index": "column C (tags[00]): is for the same value as column B (tags[0])",
                "beside its own keys": "column C (place): is for the same value as column B (place[city])",
                "a required key is missing": "has no column username, which is required",
                "a decimal comma": "column B (grade), line 2: has a number with a comma; use a decimal point (7.5) and no thousands separators",
                "thousands": "column B (age), line 2: has a number with a comma; use a decimal point (7.5) and no thousands separators",
                "a line end in it": "column B (first name…): is not a known key; the keys are username, email, idnumber, age, grade, active, place[city], fields[0][type], fields[0][value], tags[0]",
            }
        )[case]
    )
