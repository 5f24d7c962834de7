"""Items from files, and the errors for files that can't be used."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from moodle_mcp.catalogue.loading import load
from moodle_mcp.cli.item_file import Reading, read_items
from moodle_mcp.cli.items import ItemsError
from moodle_mcp.errors import MoodleMcpError
from moodle_mcp.tables.shapes import as_arguments
from tests.support.command import Environment, Ran, run
from tests.support.demo import Demo

CATALOGUE = load()
CREATE = "core_user_create_users"
EXTEND = "mod_assign_save_user_extensions"
WRITES = {"MOODLE_MCP_TOOLS": CREATE, "MOODLE_MCP_ACCESS": "write"}
HEADER = "username;firstname;lastname;email"


def file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def items(path: Path, function: str = CREATE, reading: Reading | None = None) -> list[Any]:
    return read_items(path, reading).items(CATALOGUE.get(function)).values


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.json", '[{"id": 1}, {"id": 2}]'), ("a.jsonl", '{"id": 1}\n\n{"id": 2}\n')],
)
def test_json_files_are_read(tmp_path: Path, name: str, text: str) -> None:
    assert items(file(tmp_path, name, text)) == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize(
    ("name", "reading"),
    [
        ("a.csv", Reading()),
        ("a.CSV", Reading(delimiter="\t")),
        ("a.tsv", Reading()),
        ("a.tsv", Reading(clear_empty=True)),
    ],
)
def test_tables_are_read(tmp_path: Path, name: str, reading: Reading) -> None:
    path = file(tmp_path, name, "userids\tdates\r\n5\t10\r\n6\t20\r\n")
    expected = [{"userids": "5", "dates": "10"}, {"userids": "6", "dates": "20"}]
    assert items(path, EXTEND, reading) == expected


def test_excels_encodings_are_read_when_they_are_named(tmp_path: Path) -> None:
    text = f"{HEADER}\r\nmüller;Jürgen;Müller;m@example.org\r\n"
    for codec in ("cp1252", "utf-16"):
        path = file(tmp_path, "people.csv", text.encode(codec))
        assert items(path, reading=Reading(codec))[0]["lastname"] == "Müller"


def test_a_text_with_another_line_separator_is_one_json_line(tmp_path: Path) -> None:
    text = json.dumps({"text": "a\u2028b"}, ensure_ascii=False)
    assert items(file(tmp_path, "a.jsonl", text)) == [{"text": "a\u2028b"}]


BROKEN: dict[str, str | bytes] = {
    "object.json": '{"id": 1}',
    "cut.json": "[1,",
    "deep.json": "[" * 100_000,
    "lists.json": "[" * 900 + "]" * 900,
    "none.json": "[]",
    "none.jsonl": "\n\n",
    "line.jsonl": '{"id": 1}\n{"id"',
    "none.csv": "",
    "rows.csv": f"{HEADER}\n;;;\n",
    "header.csv": "username,e mail\nx,y\n",
    "index.csv": f"username,customfields[{'1' * 5000}][type]\nx,y\n",
    "wide.csv": f"{HEADER}\n1;2;3;4;Secret\n",
    "items.txt": "a",
    "people.xlsx": b"PK\x03\x04",
    "excel.csv": b"PK\x03\x04\xff",
    "old.csv": "username\nmüller\n".encode("cp1252"),
    "unicode.csv": "username\n".encode("utf-16"),
    "nul.csv": "username\nSec\0ret\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_not_what_its_ending_says_is_refused_with_the_place(
    tmp_path: Path, name: str
) -> None:
    path = file(tmp_path, name, BROKEN[name])
    with pytest.raises(ItemsError) as caught:
        items(path)
    message = str(caught.value).replace(str(tmp_path), "")
    assert "\n" not in message
    assert (
        message[:150]
        == snapshot(
            {
                "object.json": "/object.json: is not a JSON list",
                "cut.json": "/cut.json: is not JSON: Expecting value: line 1 column 4 (char 3)",
                "deep.json": "/deep.json: is nested too deeply",
                "lists.json": "/lists.json: is nested too deeply",
                "none.json": "/none.json: has no items",
                "none.jsonl": "/none.jsonl: has no items",
                "line.jsonl": "/line.jsonl: line 2: is not JSON: Expecting ':' delimiter: line 1 column 6 (char 5)",
                "none.csv": "/none.csv: is empty: its first line must name the columns",
                "rows.csv": "/rows.csv: has a header and no rows",
                "header.csv": "/header.csv: column B (e mail): is not a known key; did you mean email?",
                "index.csv": "/index.csv: column B (…): is not a known key; the keys are createpassword, username, auth, password, firstname, lastname, email, maildisplay, city, co",
                "wide.csv": "/wide.csv: column E, line 2: there is a value, but the column has no header (quote cells that contain the delimiter)",
                "items.txt": "/items.txt: the extension '.txt' is none of .json, .jsonl, .csv and .tsv",
                "people.xlsx": "/people.xlsx: is a workbook, not text: save the sheet as CSV UTF-8 (in Excel: File > Save As) and use that file",
                "excel.csv": "/excel.csv: is a workbook, not text: save the sheet as CSV UTF-8 (in Excel: File > Save As) and use that file",
                "old.csv": "/old.csv: is not UTF-8 (byte 11, in line 2): save it as UTF-8, or use --encoding windows-1252",
                "unicode.csv": "/unicode.csv: is UTF-16, which PowerShell's > and Excel's Unicode Text write: save it as UTF-8, or use --encoding utf-16",
                "nul.csv": "/nul.csv: contains a NUL character in line 2",
            }
        )[name]
    )


def test_options_of_tables_are_refused_for_other_files(tmp_path: Path) -> None:
    path = file(tmp_path, "a.json", "[1]")
    for reading in (Reading(delimiter=";"), Reading(clear_empty=True)):
        with pytest.raises(ItemsError, match="--delimiter and --empty"):
            read_items(path, reading)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MoodleMcpError):
        read_items(tmp_path / "nothing.csv")


def test_items_of_parallel_lists_are_objects_with_a_key_for_each_list() -> None:
    extend = CATALOGUE.get(EXTEND)
    both = [{"userids": 5, "dates": 10}, {"userids": 6, "dates": 20}]
    assert as_arguments(extend, both) == {"userids": [5, 6], "dates": [10, 20]}
    with pytest.raises(MoodleMcpError):
        as_arguments(extend, [{"userids": 5}])


def test_a_table_of_one_column_is_a_plain_list(tmp_path: Path) -> None:
    delete = "core_user_delete_users"
    found = items(file(tmp_path, "ids.csv", "userids\n5\n6.0\n"), delete)
    assert as_arguments(CATALOGUE.get(delete), found) == {"userids": ["5", "6"]}
    with pytest.raises(ItemsError, match="did you mean userids"):
        items(file(tmp_path, "ids.csv", "userid\n5\n"), delete)


def test_a_function_without_a_list_of_items_takes_no_file(tmp_path: Path) -> None:
    contents = CATALOGUE.get("core_course_get_contents")
    with pytest.raises(MoodleMcpError):
        as_arguments(contents, [1])
    with pytest.raises(MoodleMcpError):
        items(file(tmp_path, "a.csv", "courseid\n1\n"), contents.name)


def call(environment: Environment, function: str, path: Path, *options: str) -> Ran:
    settings = environment(MOODLE_MCP_TOOLS=function, MOODLE_MCP_ACCESS="destructive")
    return run("call", function, "--items", str(path), *options, environment=settings)


def test_a_table_as_excel_writes_it_is_carried_out(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    rows = [
        "mueller;Jürgen;Müller;m@example.org;00123; 1.0 ;TRUE;;",
        "lee;Ann;Lee;l@example.org;;;1;;",
    ]
    header = f"{HEADER};idnumber;maildisplay;createpassword;;"
    text = "\r\n".join(["sep=;", header, *rows, ";;;;;;;;", ""])
    path = file(tmp_path, "people.csv", text.encode("cp1252"))
    refused = call(environment, CREATE, path)
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert "use --encoding windows-1252" in refused.err
    ran = call(environment, CREATE, path, "--encoding", "latin-1")
    assert ran.status == 0, ran.out
    users = {user.username: user for user in demo.site.world.users.values()}
    assert (users["mueller"].lastname, users["mueller"].idnumber) == ("Müller", "00123")
    assert "lee" in users


@pytest.mark.parametrize(
    ("name", "content", "places"),
    [
        (
            "people.csv",
            f'{HEADER};maildisplay\nann;A;"L\nee";a@b.de;1\n\nbob;B;;b@b.de;x\n',
            ["users[1] column E (maildisplay), line 5", "users[1] column C (lastname), line 5"],
        ),
        ("people.jsonl", '\n{"username": "ann", "firstname": "A"}\n', ["users[0] line 2"] * 2),
        ("people.json", '[{"username": "ann", "firstname": "A"}]', ["users[0] "] * 2),
    ],
)
def test_a_fault_of_an_item_names_its_place_in_the_file(
    demo: Demo, environment: Environment, tmp_path: Path, name: str, content: str, places: list[str]
) -> None:
    ran = call(environment, CREATE, file(tmp_path, name, content))
    error = json.loads(ran.out)["error"]
    faults = [(each["path"], each["problem"]) for each in error["parameters"]]
    found = [
        f"{path.partition('.')[0]} {problem.partition(' (')[2].removesuffix(')')}"
        for path, problem in faults
    ]
    assert sorted(found) == sorted(places)
    assert f"Nothing was sent: {' '.join(faults[0])} (and 1 more)." == error["message"]
    assert not any(user.username == "ann" for user in demo.site.world.users.values())


def test_on_going_on_a_fault_names_the_index_and_line_of_the_file(
    environment: Environment, tmp_path: Path
) -> None:
    table = f"{HEADER};createpassword\nann;A;Lee;a@example.org;1\n"
    path = file(tmp_path, "people.csv", table)
    assert call(environment, CREATE, path).status == 0
    file(tmp_path, "people.csv", f"{table}bob;B;;b@example.org;1\n")
    error = json.loads(call(environment, CREATE, path).out)["error"]
    assert error["parameters"][0]["path"] == "users[1].lastname"
    assert "(column C (lastname), line 3)" in error["parameters"][0]["problem"]


def test_what_moodle_refuses_names_the_line_of_the_table(
    environment: Environment, tmp_path: Path
) -> None:
    """The second row's user name is taken by the first, which only the site can tell."""
    table = f"{HEADER};createpassword\nann;A;Lee;a@example.org;1\nann;B;Lee;b@example.org;1\n"
    path = file(tmp_path, "people.csv", table)
    ran = call(environment, CREATE, path, "--on-error", "isolate")
    answer = json.loads(ran.out)
    assert [each["place"] for each in answer["batch"]["failed"]] == ["line 3"]
    suspect = answer["error"]["suspects"][0]
    assert suspect["path"] == "users[1].username"
    assert "(column A (username), line 3)" in suspect["problem"]


def test_an_empty_cell_changes_nothing_unless_it_is_to_clear(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    user = demo.site.world.users[20]
    demo.site.world.users[20] = replace(user, idnumber="7")
    path = file(tmp_path, "people.csv", "id,lastname,idnumber\n20,New,\n")
    found: list[tuple[str, str]] = []
    for option in ("skip", "clear"):
        result = str(tmp_path / option)
        ran = call(
            environment, "core_user_update_users", path, "--empty", option, "--result", result
        )
        assert ran.status == 0
        now = demo.site.world.users[20]
        found.append((now.lastname, now.idnumber))
    assert found == [("New", "7"), ("New", "")]


@pytest.mark.parametrize(
    "option",
    [("--delimiter", ";;"), ("--delimiter", "a"), ("--delimiter", '"'), ("--encoding", "klingon")],
)
def test_what_is_no_delimiter_or_encoding_is_refused(
    environment: Environment, tmp_path: Path, option: tuple[str, str]
) -> None:
    ran = call(environment, CREATE, file(tmp_path, "a.csv", "username\nx\n"), *option)
    assert ran.status == 2
    assert option[0] in ran.err


@pytest.mark.parametrize("name", ["tab", r"\t", "\t"])
def test_a_tab_can_be_named(environment: Environment, tmp_path: Path, name: str) -> None:
    path = file(tmp_path, "a.csv", HEADER.replace(";", "\t") + "\nann\tA\tLee, B\ta@b.de\n")
    assert call(environment, CREATE, path, "--delimiter", name, "--dry-run").status == 0
