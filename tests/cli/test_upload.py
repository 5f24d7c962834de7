"""`moodle-mcp upload-users`."""

from __future__ import annotations

import json
from pathlib import Path

from inline_snapshot import snapshot

from tests.support.command import Environment, Ran, run
from tests.support.demo import Demo

OPEN = {
    "MOODLE_MCP_TOOLS": "all",
    "MOODLE_MCP_ACCESS": "destructive",
    "MOODLE_MCP_RATE": "1000",
    "MOODLE_MCP_ROLES": "student=5",
}
PEOPLE = "username,firstname,lastname,E-Mail,course1\nann1,Ann,One,ann1@college.example,PHY120\n"
OPTIONS = ("--column", "E-Mail=email", "--set", "role1=student")


def upload(environment: Environment, folder: Path, text: str, *options: str, say: str = "") -> Ran:
    path = folder / "people.csv"
    path.write_text(text, encoding="utf-8")
    given = ("upload-users", str(path), *options)
    return run(*given, environment=environment(**OPEN), input=say)


def test_accounts_are_made_and_put_into_courses(
    demo: Demo, environment: Environment, tmp_path: Path
) -> None:
    planned = upload(environment, tmp_path, PEOPLE, *OPTIONS, "--dry-run")
    assert json.loads(planned.out)["result"]["created"] == 1
    assert demo.site.world.user_named("ann1") is None
    ran = upload(environment, tmp_path, PEOPLE, *OPTIONS)
    assert (ran.status, json.loads(ran.out)) == snapshot(
        (0, {"result": {"rows": 1, "created": 1, "failed": []}})
    )
    user = demo.site.world.user_named("ann1")
    assert user is not None
    assert [each.course for each in demo.site.world.enrolments_of(user.id)] == [5]
    lines = (tmp_path / "people.csv.result.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"state": "created", "line": 2}]
    again = upload(environment, tmp_path, PEOPLE, *OPTIONS, "--mode", "add_update")
    assert json.loads(again.out)["result"]["unchanged"] == 1


def test_deleting_is_asked_for(demo: Demo, environment: Environment, tmp_path: Path) -> None:
    text = "username,deleted\nstudent1,1\n"
    refused = upload(environment, tmp_path, text, say="n\n")
    assert (refused.status, "delete 1 accounts" in refused.err) == (1, True)
    assert demo.site.world.user_named("student1") is not None
    assert upload(environment, tmp_path, text, "--yes").status == 0
    assert demo.site.world.user_named("student1") is None


def test_a_wrong_table_is_explained(environment: Environment, tmp_path: Path) -> None:
    ran = upload(environment, tmp_path, "username,type1\na,1\n")
    assert (ran.status, json.loads(ran.out)["error"]["parameters"]) == snapshot(
        (
            1,
            [
                {
                    "path": "csv",
                    "problem": "type1: what a type means is chosen on Moodle's page; use role1",
                }
            ],
        )
    )
