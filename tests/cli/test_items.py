"""Items from files, and the file with the result of each."""

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

from moodle_mcp.caller.ledger import BatchLedger, Fate
from moodle_mcp.cli.items import Fated, ItemsError, Results, to_send
from moodle_mcp.demo import Hold, InjectedFault
from moodle_mcp.errors import Fault, Kind
from moodle_mcp.file_lock import alone_with
from tests.support.command import Environment, Ran, run
from tests.support.demo import Demo

WRITES = {"MOODLE_MCP_TOOLS": "enrol_manual_enrol_users", "MOODLE_MCP_ACCESS": "write"}
PEOPLE = range(10, 22)


def file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


ITEMS = [
    {"username": "one", "password": "Hidden-1"},
    {"username": "two", "password": "Hidden-2"},
]


def written(path: Path) -> Results:
    """Results of a run in which the first item was done and the second failed."""
    results = Results(path, ITEMS)
    results.open()
    ledger = BatchLedger(2)
    ledger.mark([0, 1], Fate.UNKNOWN)
    results.add([0, 1], range(2), ledger)
    ledger.mark([0], Fate.SUCCEEDED)
    ledger.mark([1], Fate.FAILED, Fault(Kind.CONFLICT, "taken"))
    results.add([0, 1], range(2), ledger)
    return results


def test_the_last_line_of_an_item_counts_before_and_after_the_end_of_a_run(
    tmp_path: Path,
) -> None:
    path = tmp_path / "r.jsonl"
    results = written(path)
    killed = Results(path, ITEMS)
    results.finish()
    ended = Results(path, ITEMS)
    assert killed.fates == ended.fates == results.fates
    assert [each.fate for each in ended.fates] == [Fate.SUCCEEDED, Fate.FAILED]
    assert ended.fates[1].error == {"kind": "conflict", "message": "taken"}


def test_results_hold_nothing_of_their_items_and_are_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    results = written(path)
    for _ in range(2):
        assert "Hidden" not in path.read_text(encoding="utf-8")
        if sys.platform != "win32":
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        results.finish()


@pytest.mark.parametrize("other", [ITEMS[:1], [ITEMS[1], ITEMS[0]]], ids=["fewer", "exchanged"])
def test_results_of_other_items_are_refused(tmp_path: Path, other: list[Any]) -> None:
    written(tmp_path / "r.jsonl")
    with pytest.raises(ItemsError):
        Results(tmp_path / "r.jsonl", other)


def test_a_password_can_not_be_guessed_from_a_result_file(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for path, password in zip(paths, ("Hidden-1", "Hidden-2"), strict=True):
        Results(path, [{"username": "one", "password": password}]).finish()
    assert paths[0].read_text(encoding="utf-8") == paths[1].read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"index": 0}',
        '{"index": "x", "fate": "failed"}',
        '{"index": 1e400, "fate": "failed", "item": ""}',
        '{"index": 0, "fate": "failed", "item": "", "error": "taken"}',
        '{"index": 0, "fate": "failed", "item": "", "error": [1]}',
    ],
)
def test_a_broken_result_file_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ItemsError):
        Results(file(tmp_path, "r.jsonl", line), ITEMS)


@pytest.mark.parametrize(("repeat", "sent"), [(True, [1, 2, 3]), (False, [1, 2])])
def test_what_is_done_is_not_sent_again_and_doubtful_items_only_if_that_is_harmless(
    repeat: bool, sent: list[int]
) -> None:
    fates = [Fate.SUCCEEDED, Fate.FAILED, Fate.NOT_SENT, Fate.UNKNOWN]
    assert to_send([Fated(fate, "") for fate in fates], repeat_unknown=repeat) == sent


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
    broken: list[Any] = [InjectedFault.status(500, function="enrol_manual_enrol_users")]
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


def test_what_is_not_sent_since_it_was_done_before_is_told(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    """Without the password's change, which no hash shows, being taken for done."""
    settings = environment(
        MOODLE_MCP_TOOLS="core_user_update_users", MOODLE_MCP_ACCESS="destructive"
    )
    told: list[Any] = []
    for rows in (["20,Gr8-Wolken!"], ["20,Gr9-Wolken!"], ["20,Gr9-Wolken!", "21,Gr9-Wolken!"]):
        path = file(tmp_path, "people.csv", "\n".join(["id,password", *rows]))
        ran = run("call", "core_user_update_users", "--items", str(path), environment=settings)
        assert ran.status == 0
        told.append(json.loads(ran.out).get("warnings"))
    warning = {
        "warningcode": "done_before",
        "message": "Items not sent: 1. According to people.csv.result.jsonl an earlier run did "
        "them. Passwords and keys are not compared: if one has changed since, remove its item's "
        "line from that file and run the command again.",
    }
    assert told == [None, [warning], [warning]]
    assert demo.calls_of("core_user_update_users") == 2


@pytest.mark.parametrize(
    ("function", "arguments", "site"),
    [
        ("enrol_manual_unenrol_users", "{}", ""),
        ("enrol_manual_enrol_users", '{"plugin": "x"}', ""),
        ("enrol_manual_enrol_users", "{}", "/other"),
    ],
)
def test_what_was_done_by_one_call_is_not_done_for_another(
    demo: Demo, environment: Environment, tmp_path: Path, function: str, arguments: str, site: str
) -> None:
    path = people(tmp_path)
    settings = environment(MOODLE_MCP_TOOLS="enrol_manual_*", MOODLE_MCP_ACCESS="destructive")
    enrol(settings, path)
    other = {**settings, "MOODLE_URL": settings["MOODLE_URL"] + site}
    ran = run("call", function, arguments, "--items", str(path), environment=other)
    assert (ran.status, ran.out) == (2, "")
    assert "--result" in ran.err
    assert ran.err.count("\n") == 1
    assert enrolled(demo) == len(PEOPLE)


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
    demo.site.faults.append(InjectedFault.hang(hold, function="enrol_manual_enrol_users"))
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


@pytest.mark.parametrize("option", ["--dry-run", "--on-error=stop"])
def test_a_result_file_whose_name_is_too_long_is_told_or_not_needed(
    demo: Demo, environment: Environment, tmp_path: Path, option: str
) -> None:
    path = people(tmp_path).rename(tmp_path / f"{'p' * 245}.csv")
    ran = enrol(environment(**WRITES), path, option)
    assert ran.status == (0 if option == "--dry-run" else 2)
    assert "Traceback" not in ran.err
    assert enrolled(demo) == 0


def test_arguments_that_are_nested_without_end_are_refused(environment: Environment) -> None:
    for depth in (900, 100_000):
        nested = '{"a": ' + "[" * depth + "]" * depth + "}"
        ran = run("call", "core_course_get_courses", "-", input=nested, environment=environment())
        assert ran.status == 2
        assert "nested too deeply" in ran.err


def test_a_second_run_at_the_same_time_sends_nothing(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    path = people(tmp_path)
    settings = environment(**WRITES)
    with alone_with(path.with_name(f"{path.name}.result.jsonl")):
        ran = enrol(settings, path)
        planned = enrol(settings, path, "--dry-run")
    assert (ran.status, planned.status) == (2, 0)
    assert "another process" in ran.err
    assert ran.err.count("\n") == 1
    assert enrolled(demo) == 0
    assert enrol(settings, path).status == 0
    assert enrolled(demo) == len(PEOPLE)
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "people.csv",
        "people.csv.result.jsonl",
    ]


def test_a_result_file_that_cannot_be_written_stops_before_anything_is_sent(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    ran = enrol(environment(**WRITES), people(tmp_path), "--result", str(tmp_path / "no" / "r"))
    assert ran.status == 2
    assert enrolled(demo) == 0


_LIMITED = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
runpy.run_module("moodle_mcp", run_name="__main__", alter_sys=True)
"""
"""The command, for which a file can't grow beyond some bytes, as on a full disk."""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize("room", [0, 100, 300, 400, 600, 900])
def test_on_a_full_disk_all_that_was_written_is_told_and_the_next_run_goes_on(
    demo: Demo, environment: Environment, tmp_path: Path, room: int
) -> None:
    path = people(tmp_path)
    settings = environment(**WRITES, MOODLE_MCP_MAX_FIELDS="14")
    kept = {name: value for name, value in os.environ.items() if "MOODLE" not in name}
    command = ["call", "enrol_manual_enrol_users", "--items", str(path)]
    full = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(room), *command],
        env={**kept, **settings},
        capture_output=True,
        check=False,
    )
    envelope = json.loads(full.stdout)
    assert full.returncode == 1
    assert "can't be written" in envelope["error"]["message"]
    assert envelope["batch"]["succeeded"] == enrolled(demo) < len(PEOPLE)
    assert enrol(settings, path).status == 0
    assert enrolled(demo) == len(PEOPLE)
    assert fates(path) == ["succeeded"] * len(PEOPLE)


def test_items_in_doubt_that_must_not_be_done_twice_are_not_called_done(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    row = {"userid": 20, "publishstate": "course", "courseid": 12, "text": "n", "format": 1}
    path = file(tmp_path, "notes.jsonl", json.dumps(row))
    demo.site.faults.append(InjectedFault.drop(after_work=True, function="core_notes_create_notes"))
    settings = environment(
        MOODLE_MCP_TOOLS="core_notes_create_notes", MOODLE_MCP_ACCESS="destructive"
    )
    command = ("call", "core_notes_create_notes", "--items", str(path))
    for _ in range(2):
        ran = run(*command, environment=settings)
        assert ran.status == 1
        assert json.loads(ran.out)["batch"]["unknown"] == [[0, 0]]
    assert sum(note.text == "n" for note in demo.site.world.notes.values()) == 1


def test_on_going_on_the_indexes_are_those_of_the_file(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    path = people(tmp_path, bad=15)
    enrol(environment(**WRITES), path, "--on-error", "isolate")
    again = enrol(environment(**WRITES), path, "--on-error", "isolate")
    batch = json.loads(again.out)["batch"]
    assert [each["index"] for each in batch["failed"]] == [5]
    assert (batch["items"], batch["succeeded"]) == (len(PEOPLE), len(PEOPLE) - 1)


def test_a_run_that_goes_on_well_still_tells_what_an_earlier_one_left_in_doubt(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    rows = [
        {"userid": user, "publishstate": "course", "courseid": 12, "text": "n", "format": 1}
        for user in (20, 21, 22)
    ]
    path = file(tmp_path, "notes.jsonl", "\n".join(map(json.dumps, rows)))
    demo.site.faults.append(InjectedFault.drop(after_work=True, function="core_notes_create_notes"))
    settings = environment(
        MOODLE_MCP_TOOLS="core_notes_create_notes",
        MOODLE_MCP_ACCESS="destructive",
        MOODLE_MCP_MAX_FIELDS="10",
    )
    command = ("call", "core_notes_create_notes", "--items", str(path))
    run(*command, environment=settings)
    resumed = run(*command, environment=settings)
    envelope = json.loads(resumed.out)
    assert resumed.status == 1
    assert envelope["error"]["kind"] == "declined"
    assert envelope["batch"] == {
        "items": 3,
        "requests": 2,
        "succeeded": 2,
        "failed": [],
        "unknown": [[0, 0]],
        "not_sent": [],
    }


def test_on_going_on_every_item_of_the_file_has_one_place_in_the_report(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    rows = ["5,20,12", *(f"5,{999_000 + number},12" for number in range(70))]
    path = file(tmp_path, "people.csv", "\n".join(["roleid,userid,courseid", *rows]) + "\n")
    enrol(environment(**WRITES), path, "--on-error", "isolate")
    batch = json.loads(enrol(environment(**WRITES), path, "--on-error", "isolate").out)["batch"]
    told = [range(each["index"], each.get("to", each["index"]) + 1) for each in batch["failed"]]
    told += [range(first, last + 1) for first, last in batch.get("failed_too", [])]
    assert [index for run in told for index in run] == list(range(1, 71))
    assert (batch["items"], batch["succeeded"]) == (71, 1)


def test_a_row_that_failed_may_be_corrected_in_place(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    path = people(tmp_path, bad=15)
    enrol(environment(**WRITES), path, "--on-error", "isolate")
    people(tmp_path)
    again = enrol(environment(**WRITES), path)
    assert again.status == 0
    assert json.loads(again.out)["batch"]["succeeded"] == len(PEOPLE)
    assert demo.site.requests[-1].fields_sent < 10


def test_a_row_that_was_done_may_not_be_changed(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    path = people(tmp_path)
    enrol(environment(**WRITES), path)
    people(tmp_path, bad=15)
    assert "another item" in enrol(environment(**WRITES), path).err


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.csv", None, "there is no such file"),
        (
            "people.csv",
            "roleid,person,courseid\n5,20,12\n",
            "column B (person): is not a known key",
        ),
    ],
)
def test_a_file_that_can_not_be_used_says_why_in_one_line(
    environment: Environment, tmp_path: Path, name: str, content: str | None, said: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content, encoding="utf-8")
    ran = enrol(environment(**WRITES), path)
    assert (ran.status, ran.err.count("\n")) == (2, 1)
    assert said in ran.err


def test_items_in_the_arguments_and_in_a_file_are_a_contradiction(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    ran = enrol(environment(**WRITES), people(tmp_path), '{"enrolments": []}')
    assert ran.status == 2
    assert "remove one" in ran.err
    assert enrolled(demo) == 0


def test_where_the_fates_are_is_said(demo: Demo, environment: Environment, tmp_path: Path) -> None:
    path = people(tmp_path)
    assert f"{path.name}.result.jsonl" in enrol(environment(**WRITES), path).err
