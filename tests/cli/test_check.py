"""`moodle-mcp check` as a person runs it: lines, a table, JSON, and a report for an issue."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from moodle_mcp.demo import SMALL_TOKEN, STUDENT_TOKEN
from moodle_mcp.diagnostics.report import as_report
from moodle_mcp.site.session import SiteSession
from tests.support.command import run
from tests.support.demo import Demo
from tests.support.serving import connection
from tests.support.setup_steps import UNDONE, lines_of

Environment = Callable[..., dict[str, str]]

NEEDLES = ("student1", "zelda", "unverwechselbar", "127.0.0.1", "localhost", "school.example",
    "gymnasium", STUDENT_TOKEN)  # fmt: skip


def test_all_is_well_in_one_line_for_each_step(environment: Environment) -> None:
    ran = run("check", environment=environment())
    assert (ran.status, ran.err) == (0, "")
    assert {line.split()[0] for line in ran.out.splitlines()} <= {"ok", "warning", "->"}
    assert "\x1b" not in ran.out


def test_json_is_one_object_with_what_was_measured(environment: Environment) -> None:
    ran = run("check", "--json", environment=environment(MOODLE_TOKEN=SMALL_TOKEN))
    data = json.loads(ran.out)
    assert list(data) == ["version", "ok", "protocol", "measured", "lines"]
    assert data["ok"] is True
    assert data["measured"]["form_fields"] == 1000
    assert data["measured"]["advised_max_fields"] == 900
    (default,) = [line for line in data["lines"] if line["step"] == "profile default"]
    assert "core_course_get_contents" in default["missing"]


def test_a_failure_ends_with_status_1_in_every_form(demo: Demo, environment: Environment) -> None:
    demo.site.switches.web_services = False
    for form in ((), ("--json",), ("--report",)):
        assert run("check", *form, environment=environment()).status == 1


def test_json_and_report_exclude_each_other(environment: Environment) -> None:
    assert run("check", "--json", "--report", environment=environment()).status == 2


def tell_names(demo: Demo) -> None:
    """Use distinctive names that are found wherever they leak."""
    world = demo.site.world
    (student,) = [user for user in world.users.values() if user.username == "student1"]
    world.users[student.id] = replace(student, firstname="Zelda", lastname="Unverwechselbar")
    world.courses[1] = replace(world.courses[1], fullname="Gymnasium", shortname="Gymnasium")


@pytest.mark.parametrize("undone", ["nothing", *UNDONE])
async def test_a_report_names_nobody_and_no_place(demo: Demo, undone: str) -> None:
    tell_names(demo)
    if undone != "nothing":
        UNDONE[undone][0](demo)
    lines = await lines_of(SiteSession(connection(demo.url, STUDENT_TOKEN)))
    report = as_report(lines).lower()
    assert [needle for needle in NEEDLES if needle in report] == []
    assert "| user | ok |  |" in report or "failed" in report


def test_the_names_are_there_for_the_operator(demo: Demo, environment: Environment) -> None:
    tell_names(demo)
    out = run("check", environment=environment(MOODLE_TOKEN=STUDENT_TOKEN)).out
    assert "Zelda Unverwechselbar (student1, id " in out
    assert "Gymnasium" in out
    assert STUDENT_TOKEN not in out


def test_a_report_is_a_table_in_markdown(environment: Environment) -> None:
    out = run("check", "--report", environment=environment()).out
    assert out.splitlines()[2:4] == ["| step | verdict | found |", "|---|---|---|"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_on_a_terminal_the_verdicts_have_colours(environment: Environment) -> None:
    import pty

    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if "MOODLE" not in name}
    kept.pop("NO_COLOR", None)
    done = subprocess.Popen(
        [sys.executable, "-m", "moodle_mcp", "check"],
        env={**kept, **environment(), "TERM": "xterm-256color"},
        stdout=theirs,
    )
    os.close(theirs)
    out = b""
    while chunk := _read(ours):
        out += chunk
    os.close(ours)
    assert done.wait() == 0
    assert b"\x1b[32mok" in out


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:
        # Linux ends a terminal whose other side is closed with an error.
        return b""
