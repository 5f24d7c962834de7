"""`moodle-mcp call --items` with names instead of ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from inline_snapshot import snapshot

from tests.support.command import Environment, Ran, run
from tests.support.demo import Demo

ENROL = "enrol_manual_enrol_users"
OPEN = {
    "MOODLE_MCP_TOOLS": f"default,{ENROL},core_enrol_get_enrolled_users",
    "MOODLE_MCP_ACCESS": "write",
    "MOODLE_MCP_RATE": "1000",
}
REGISTRAR = """\
E-Mail;Kurs
student50@college.example;PHY120
nobody@college.example;PHY120
student51@college.example;PHY120
"""
GERMAN = ("--column", "Kurs=course", "--set", "role=student")


def enrol(environment: Environment, path: Path, *options: str, **more: str) -> Ran:
    return run(
        "call", ENROL, "--items", str(path), *options, environment=environment(**{**OPEN, **more})
    )


def table(folder: Path, text: str = REGISTRAR) -> Path:
    path = folder / "list.csv"
    path.write_text(text, encoding="utf-8")
    return path


def results(path: Path) -> list[dict[str, Any]]:
    text = path.with_name(f"{path.name}.result.jsonl").read_text(encoding="utf-8")
    return [{**json.loads(line), "item": ""} for line in text.splitlines()]


def enrolled(demo: Demo) -> set[int]:
    return {each.user for each in demo.site.world.enrolled(5)}


def test_a_row_that_is_not_understood_stops_the_others(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    before = enrolled(demo)
    ran = enrol(environment, table(tmp_path), *GERMAN)
    assert ran.status == 1
    assert json.loads(ran.out) == snapshot(
        {
            "error": {
                "kind": "invalid_arguments",
                "message": 'Nothing was sent: 1 of 3 rows are not understood. The first: user "nobody@college.example" is unknown.',
                "hint": "Correct the rows in batch.failed, or use --on-error continue to send the others.",
                "function": "enrol_manual_enrol_users",
                "retryable": False,
                "written": "nothing",
            },
            "batch": {
                "items": 3,
                "requests": 0,
                "succeeded": 0,
                "failed": [
                    {
                        "index": 3,
                        "error": {
                            "kind": "not_found",
                            "message": 'user "nobody@college.example" is unknown.',
                        },
                    }
                ],
                "unknown": [],
                "not_sent": [[2, 2], [4, 4]],
                "index_is": "line",
            },
        }
    )
    assert enrolled(demo) == before
    assert not list(tmp_path.glob("*.jsonl"))


def test_the_others_are_sent_and_a_corrected_file_goes_on(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    path = table(tmp_path)
    ran = enrol(environment, path, *GERMAN, "--on-error", "continue")
    assert json.loads(ran.out) == snapshot(
        {
            "error": {
                "kind": "not_found",
                "message": '2 of 3 items are done. user "nobody@college.example" is unknown.',
                "hint": "Items in `failed` were not done. Nothing has this id. Look the id up first: course id, course-module id, instance id and context id are different numbers. Run the same command again: it continues with the 1 remaining items.",
                "function": "enrol_manual_enrol_users",
                "retryable": False,
                "written": "something",
            },
            "batch": {
                "items": 3,
                "requests": 1,
                "succeeded": 2,
                "failed": [
                    {
                        "index": 1,
                        "error": {
                            "kind": "not_found",
                            "message": 'user "nobody@college.example" is unknown.',
                        },
                        "place": "line 3",
                    }
                ],
                "unknown": [],
                "not_sent": [],
            },
            "result": None,
        }
    )
    assert results(path) == snapshot(
        [
            {"index": 0, "fate": "succeeded", "item": ""},
            {
                "index": 1,
                "fate": "failed",
                "item": "",
                "error": {
                    "kind": "not_found",
                    "message": 'user "nobody@college.example" is unknown.',
                },
            },
            {"index": 2, "fate": "succeeded", "item": ""},
        ]
    )
    assert {53, 54} <= enrolled(demo)
    demo.site.requests.clear()
    table(tmp_path, REGISTRAR.replace("nobody", "student52"))
    ran = enrol(environment, path, *GERMAN)
    assert (ran.status, json.loads(ran.out)["batch"]["succeeded"]) == (0, 3)
    assert 55 in enrolled(demo)
    assert demo.calls_of(ENROL) == 1


def test_a_dry_run_shows_what_the_names_mean(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    ran = enrol(environment, table(tmp_path), *GERMAN, "--dry-run")
    assert json.loads(ran.out)["batch"]["plan"] == snapshot(
        'Enrol users: 2 rows; 2 people ("student50@college.example", "student51@college.example"); course "PHY120"; role "student"'
    )
    assert [line.split() for line in ran.err.splitlines() if "student" in line] == snapshot(
        [
            ["person", "student50@college.example", "53"],
            ["person", "student51@college.example", "54"],
            ["role", "student", "5"],
        ]
    )
    assert demo.calls_of(ENROL) == 0


def test_a_lookup_that_is_not_allowed_is_named(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    ran = enrol(environment, table(tmp_path), *GERMAN, MOODLE_MCP_TOOLS=ENROL)
    assert ran.status == 2
    assert ran.err.splitlines()[-1] == snapshot(
        "moodle-mcp: not_allowed: Can't look up courses: core_course_get_courses_by_field is withheld by the operator: not in MOODLE_MCP_TOOLS."
    )
    assert demo.calls_of(ENROL) == 0


def test_the_operators_roles_need_no_lookup(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    path = table(tmp_path, "user;course\nstudent50;PHY120\n")
    ran = enrol(environment, path, "--set", "role=student", MOODLE_MCP_ROLES="student=4")
    # One read, for who is enrolled already.
    assert (ran.status, demo.calls_of("core_enrol_get_enrolled_users")) == (0, 1)
    assert (53, (4,)) in {(each.user, each.roles) for each in demo.site.world.enrolled(5)}


def test_wrong_options_are_explained(environment: Environment, tmp_path: Path) -> None:
    path = table(tmp_path)
    wrong = [("--column", "Kurs"), ("--column", "Fach=course"), ("--set", "roles=student")]
    assert [
        enrol(environment, path, *each).err.splitlines()[-1].replace(str(tmp_path), "")
        for each in wrong
    ] == snapshot(
        [
            "moodle-mcp: --column is not NAME=VALUE",
            "moodle-mcp: /list.csv: columns: the table has no column Fach; it has E-Mail, Kurs",
            "moodle-mcp: /list.csv: Kurs: enrol_manual_enrol_users has nothing for it; did you mean course?",
        ]
    )
