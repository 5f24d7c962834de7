"""Items from files, and the file with the fate of each."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from moodle_mcp.caller.batch import Fate
from moodle_mcp.catalogue.store import load
from moodle_mcp.cli.items import (
    Fated,
    ItemsError,
    as_arguments,
    digest,
    read_items,
    read_results,
    to_send,
    write_results,
)
from moodle_mcp.demo import Fault, Hold
from tests.cli.test_cli import Environment, Ran, run
from tests.conftest import Demo

CATALOGUE = load()
WRITES = {"MOODLE_MCP_TOOLS": "enrol_manual_enrol_users", "MOODLE_MCP_ACCESS": "write"}
PEOPLE = range(10, 22)


def file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_file_has_keys_as_its_header_and_nested_ones_in_brackets(tmp_path: Path) -> None:
    path = file(
        tmp_path,
        "users.csv",
        "\ufeffusername,customfields[0][type],customfields[0][value],city\n"
        'müller,house,"red, old",Bergen\n'
        "\n"
        "lee,,,\n",
    )
    assert read_items(path) == snapshot(
        [
            {
                "username": "müller",
                "customfields": [{"type": "house", "value": "red, old"}],
                "city": "Bergen",
            },
            {"username": "lee"},
        ]
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.json", '[{"id": 1}, {"id": 2}]'), ("a.jsonl", '{"id": 1}\n\n{"id": 2}\n')],
)
def test_json_files_are_read(tmp_path: Path, name: str, text: str) -> None:
    assert read_items(file(tmp_path, name, text)) == [{"id": 1}, {"id": 2}]


BROKEN = {
    "object.json": '{"id": 1}',
    "cut.json": "[1,",
    "line.jsonl": '{"id": 1}\n{"id"',
    "header.csv": "na me\nx\n",
    "wide.csv": "a\n1,2\n",
    "quote.csv": 'a\n"x\n',
    "items.txt": "a",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_not_what_its_ending_says_is_refused_with_the_place(
    tmp_path: Path, name: str
) -> None:
    path = file(tmp_path, name, BROKEN[name])
    with pytest.raises(ItemsError) as caught:
        read_items(path)
    message = str(caught.value).replace(str(tmp_path), "")
    assert "\n" not in message
    assert (
        message
        == snapshot(
            {
                "object.json": "/object.json: is not a JSON list",
                "cut.json": "/cut.json: is not JSON: Expecting value: line 1 column 4 (char 3)",
                "line.jsonl": "/line.jsonl, line 2: is not JSON: Expecting ':' delimiter: line 1 column 6 (char 5)",
                "header.csv": "/header.csv: the header 'na me' is not a key such as email or a[0][b]",
                "wide.csv": "/wide.csv, line 2: has more cells than the header",
                "quote.csv": "/quote.csv, line 2: unexpected end of data",
                "items.txt": "/items.txt: the ending '.txt' is none of .json, .jsonl and .csv",
            }
        )[name]
    )


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ItemsError):
        read_items(tmp_path / "nothing.csv")


def test_items_of_parallel_lists_are_objects_with_a_key_for_each_list() -> None:
    extend = CATALOGUE.get("mod_assign_save_user_extensions")
    items = [{"userids": 5, "dates": 10}, {"userids": 6, "dates": 20}]
    assert as_arguments(extend, items) == {"userids": [5, 6], "dates": [10, 20]}
    with pytest.raises(ItemsError):
        as_arguments(extend, [{"userids": 5}])


def test_a_function_without_a_list_of_items_takes_no_file() -> None:
    with pytest.raises(ItemsError):
        as_arguments(CATALOGUE.get("core_course_get_contents"), [1])


def test_results_belong_to_their_items_and_hold_none_of_them(tmp_path: Path) -> None:
    items = [{"password": "Hidden-1"}, {"password": "Hidden-2"}]
    results = [
        Fated(Fate.SUCCEEDED, digest(items[0])),
        Fated(Fate.FAILED, digest(items[1]), {"kind": "conflict"}),
    ]
    path = tmp_path / "r.jsonl"
    write_results(path, results)
    assert read_results(path, items) == results
    assert "Hidden" not in path.read_text(encoding="utf-8")
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for other in ([*items, {}], items[:1], [items[1], items[0]]):
        with pytest.raises(ItemsError):
            read_results(path, other)


@pytest.mark.parametrize(("repeat", "sent"), [(True, [1, 2, 3]), (False, [1, 2])])
def test_what_is_done_is_not_sent_again_and_doubtful_items_only_if_that_is_harmless(
    repeat: bool, sent: list[int]
) -> None:
    fates = [Fate.SUCCEEDED, Fate.FAILED, Fate.NOT_SENT, Fate.UNKNOWN]
    results = [Fated(fate, "") for fate in fates]
    assert to_send(results, 4, repeat_unknown=repeat) == sent


def enrol(environment: dict[str, str], path: Path, *options: str) -> Ran:
    command = ("call", "enrol_manual_enrol_users", "--items", str(path), *options)
    return run(*command, environment=environment)


def people(folder: Path, *, bad: int | None = None) -> Path:
    rows = [f"5,{999_999 if user == bad else user},12" for user in PEOPLE]
    return file(folder, "people.csv", "\n".join(["roleid,userid,courseid", *rows]) + "\n")


def fates(path: Path) -> list[str]:
    results = path.with_name(f"{path.name}.result.jsonl")
    return [json.loads(line)["fate"] for line in results.read_text(encoding="utf-8").splitlines()]


def enrolled(demo: Demo) -> int:
    return sum((12, user) in demo.site.world.enrolments for user in PEOPLE)


def test_items_of_a_file_are_called_and_each_ones_fate_is_written(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    path = people(tmp_path)
    ran = enrol(environment(**WRITES), path)
    assert ran.status == 0
    assert json.loads(ran.out)["batch"]["succeeded"] == len(PEOPLE)
    assert fates(path) == ["succeeded"] * len(PEOPLE)
    assert enrolled(demo) == len(PEOPLE)


def test_a_run_goes_on_where_the_one_before_it_stopped(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    path = people(tmp_path)
    settings = environment(**WRITES, MOODLE_MCP_MAX_FIELDS="14")
    broken: list[Any] = [Fault.status(500, function="enrol_manual_enrol_users")]
    demo.site.faults.extend(broken)
    first = enrol(settings, path)
    assert first.status == 1
    assert fates(path).count("succeeded") < len(PEOPLE)
    second = enrol(settings, path)
    assert second.status == 0
    assert fates(path) == ["succeeded"] * len(PEOPLE)
    third = enrol(settings, path)
    assert third.status == 0
    sent = demo.calls_of("enrol_manual_enrol_users")
    # Four requests of three people, one of them failed at first, and nothing in the third run.
    assert sent == 1 + len(PEOPLE) / 4


def test_isolating_names_the_bad_item_in_the_result_file(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    path = people(tmp_path, bad=15)
    ran = enrol(environment(**WRITES), path, "--on-error", "isolate")
    assert ran.status == 1
    assert [index for index, fate in enumerate(fates(path)) if fate == "failed"] == [5]
    assert enrolled(demo) == len(PEOPLE) - 1


def test_a_dry_run_sends_nothing_and_leaves_the_result_file_alone(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    path = people(tmp_path)
    ran = enrol(environment(**WRITES), path, "--dry-run")
    assert json.loads(ran.out)["batch"]["dry_run"]
    assert enrolled(demo) == 0
    assert not path.with_name(f"{path.name}.result.jsonl").exists()


def test_a_bad_file_ends_with_one_line_and_status_2(
    environment: Environment, tmp_path: Path
) -> None:
    ran = enrol(environment(**WRITES), file(tmp_path, "people.csv", "a b\n1\n"))
    assert ran.status == 2
    assert ran.err.count("\n") == 1


def test_interrupting_finishes_the_request_under_way_and_writes_the_result_file(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    path = people(tmp_path)
    hold = Hold()
    demo.site.faults.append(Fault.hang(hold, function="enrol_manual_enrol_users"))
    kept = {name: value for name, value in os.environ.items() if "MOODLE" not in name}
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "moodle_mcp",
            "call",
            "enrol_manual_enrol_users",
            "--items",
            str(path),
        ],
        env={**kept, **environment(**WRITES, MOODLE_MCP_MAX_FIELDS="14")},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    hold.wait_arrived()
    process.send_signal(signal.SIGINT)
    hold.release()
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert json.loads(out)["error"]["kind"] == "declined"
    assert fates(path) == ["succeeded"] * 4 + ["not_sent"] * 8
    assert enrolled(demo) == 4
