"""The tool `upload_users`, on the demo site."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot
from mcp import Client

from moodle_mcp.demo import InjectedFault
from moodle_mcp.files.folder import Folder
from moodle_mcp.policy.approvals import Confirm
from moodle_mcp.policy.exposure import Mode
from moodle_mcp.service.process import ServiceSettings
from tests.support.demo import Demo
from tests.support.serving import server_for

pytestmark = pytest.mark.anyio

BIO101 = 2
ROLES = {"student": 5, "editingteacher": 3}
PEOPLE = """\
username,firstname,lastname,email,cohort1,course1,role1,group1
Ann1,Ann,One,ann1@college.example,COHORT,BIO101,student,Lab group A
ben1,Ben,Two,ben1@college.example,COHORT,BIO101,student,Lab group B
"""
CREATE, UPDATE = "core_user_create_users", "core_user_update_users"
ENROL = "enrol_manual_enrol_users"


def client(
    demo: Demo, tools: str = "all", confirm: Confirm = Confirm.NEVER, folder: Path | None = None
) -> Client:
    settings = ServiceSettings(Mode.FACADE, confirm, roles=ROLES)
    files = None if folder is None else Folder(folder)
    return Client(server_for(demo.context(tools, settings=settings, folder=files)))


async def upload(demo: Demo, csv: str | None = None, **arguments: Any) -> dict[str, Any]:
    options = {
        name: arguments.pop(name) for name in ("tools", "confirm", "folder") if name in arguments
    }
    if csv is not None:
        cohort = next(iter(demo.site.world.cohorts.values()))
        arguments["csv"] = csv.replace("COHORT", cohort.idnumber)
    async with client(demo, **options) as session:
        answer = await session.call_tool("upload_users", arguments)
    assert answer.structured_content is not None
    text = re.sub(r"</?moodle-text \w+>", "", json.dumps(answer.structured_content))
    return {key: each for key, each in json.loads(text).items() if key != "notice"}


def writes(demo: Demo) -> Counter[str | None]:
    return Counter(
        each.function for each in demo.site.requests if "_get_" not in (each.function or "")
    )


def memberships(demo: Demo, username: str) -> tuple[list[int], list[str], list[str]]:
    """The courses, groups and cohorts of a person."""
    world = demo.site.world
    user = world.user_named(username)
    assert user is not None
    return (
        [each.course for each in world.enrolments_of(user.id)],
        [each.name for each in world.groups.values() if user.id in each.members],
        [each.idnumber for each in world.cohorts.values() if user.id in each.members],
    )


async def test_new_people_get_account_cohort_course_and_group(demo: Demo) -> None:
    planned = await upload(demo, PEOPLE, _dry_run=True)
    assert planned == snapshot(
        {
            "result": {
                "dry_run": True,
                "rows": 2,
                "created": 2,
                "failed": [],
                "would": {
                    "core_user_create_users": 2,
                    "core_cohort_add_cohort_members": 2,
                    "enrol_manual_enrol_users": 2,
                    "core_group_add_group_members": 2,
                },
            }
        }
    )
    assert writes(demo) == {}
    assert await upload(demo, PEOPLE) == snapshot(
        {"result": {"rows": 2, "created": 2, "failed": []}}
    )
    cohort = next(iter(demo.site.world.cohorts.values())).idnumber
    assert memberships(demo, "ann1") == ([BIO101], ["Lab group A"], [cohort])
    assert memberships(demo, "ben1") == ([BIO101], ["Lab group B"], [cohort])
    assert set(writes(demo).values()) == {1}


async def test_run_again_it_repeats_nothing_but_what_is_harmless(demo: Demo) -> None:
    await upload(demo, PEOPLE)
    demo.site.requests.clear()
    assert (await upload(demo, PEOPLE))["result"] == snapshot(
        {"rows": 2, "skipped": 2, "failed": []}
    )
    assert writes(demo) == {}
    again = await upload(demo, PEOPLE, mode="add_update")
    assert again["result"] == snapshot({"rows": 2, "unchanged": 2, "failed": []})
    assert {CREATE, UPDATE} & writes(demo).keys() == set()


async def test_only_what_differs_is_updated(demo: Demo) -> None:
    user = demo.site.world.user_named("student1")
    assert user is not None
    csv = (
        "username,firstname,lastname,email,city,suspended\n"
        f"student1,{user.firstname},{user.lastname},{user.email},Oslo,\n"
        f"student2,,,,,\n"
        "nobody9,A,B,c@college.example,,\n"
    )
    assert (await upload(demo, csv, mode="update"))["result"] == snapshot(
        {"rows": 3, "skipped": 1, "unchanged": 1, "updated": 1, "failed": []}
    )
    changed = demo.site.world.user_named("student1")
    assert (changed and changed.city, writes(demo)) == ("Oslo", {UPDATE: 1})


async def test_accounts_are_renamed(demo: Demo) -> None:
    csv = "username,oldusername\nrenamed1,student1\nrenamed2,nobody\n"
    answer = await upload(demo, csv, mode="update", on_error="continue")
    assert answer["result"] == snapshot({"rows": 2, "skipped": 1, "updated": 1, "failed": []})
    assert demo.site.world.user_named("renamed1") is not None


async def test_a_row_that_is_not_understood_stops_the_others(demo: Demo) -> None:
    csv = PEOPLE.replace("ben1@college.example,COHORT,BIO101", "ben1@college.example,COHORT,BIO102")
    assert await upload(demo, csv) == snapshot(
        {
            "error": {
                "kind": "invalid_arguments",
                "message": "Nothing was sent: 1 of 2 rows are not understood. The first: course BIO102 is unknown.",
                "hint": "Correct the rows in failed. Or pass on_error=continue to do the others only.",
                "function": "upload_users",
                "retryable": False,
                "written": "nothing",
            },
            "result": {
                "rows": 2,
                "failed": [
                    {
                        "line": 3,
                        "error": {
                            "kind": "invalid_arguments",
                            "message": "course BIO102 is unknown.",
                        },
                    }
                ],
            },
        }
    )
    assert writes(demo) == {}
    done = await upload(demo, csv, on_error="continue")
    assert done["result"] == snapshot(
        {
            "rows": 2,
            "created": 1,
            "failed": [
                {
                    "line": 3,
                    "error": {"kind": "invalid_arguments", "message": "course BIO102 is unknown."},
                }
            ],
        }
    )


async def test_missing_groups_are_made_when_asked(demo: Demo) -> None:
    csv = PEOPLE.replace("Lab group A", "New group").replace("Lab group B", "New group")
    assert (await upload(demo, csv))["result"]["failed"][0]["error"] == snapshot(
        {
            "kind": "invalid_arguments",
            "message": "group New group is unknown; similar: Lab group B, Lab group A.",
        }
    )
    assert "error" not in await upload(demo, csv, make_groups=True)
    assert memberships(demo, "ben1")[1] == ["New group"]


async def test_a_failed_step_ends_its_row_only(demo: Demo) -> None:
    csv = PEOPLE.replace("ben1@college.example", "student1@college.example")
    answer = await upload(demo, csv)
    assert answer == snapshot(
        {
            "error": {
                "kind": "invalid_parameter",
                "message": "1 of 2 rows are not done. The first: Invalid parameter value detected",
                "hint": "Correct the rows and run it again with mode add_update, because accounts may exist by now: what is done is not repeated.",
                "function": "upload_users",
                "errorcode": "invalidparameter",
                "retryable": False,
                "written": "something",
            },
            "result": {
                "rows": 2,
                "created": 1,
                "failed": [
                    {
                        "line": 3,
                        "step": "account",
                        "done": [],
                        "error": {
                            "kind": "invalid_parameter",
                            "message": "Invalid parameter value detected",
                            "errorcode": "invalidparameter",
                        },
                    }
                ],
            },
        }
    )
    assert memberships(demo, "ann1")[0] == [BIO101]
    assert demo.site.world.user_named("ben1") is None


async def test_an_enrolment_in_doubt_is_unknown(demo: Demo) -> None:
    demo.site.faults.append(InjectedFault.answer(b'{"id":', function=CREATE))
    answer = await upload(demo, PEOPLE)
    assert answer == snapshot(
        {
            "error": {
                "kind": "bad_answer",
                "message": "2 of 2 rows are not done. The first: The answer is not complete JSON.",
                "hint": "Correct the rows and run it again with mode add_update, because accounts may exist by now: what is done is not repeated.",
                "function": "upload_users",
                "retryable": False,
                "written": "unknown",
            },
            "result": {"rows": 2, "unknown": 2, "failed": [], "unknown_lines": [[2, 3]]},
        }
    )
    assert ENROL not in writes(demo)


async def test_deleting_and_suspending_are_confirmed(demo: Demo) -> None:
    csv = "username,deleted,suspended\nstudent1,1,\nstudent2,,1\n"
    asked = await upload(demo, csv, mode="update", confirm=Confirm.TOKEN)
    assert asked["error"]["kind"] == "needs_confirmation"
    assert asked["error"]["message"] == snapshot(
        'Nothing was sent. Delete users (core_user_delete_users): userids: "Amina Adeyemi" (user id 4); users: id "Björn Lindqvist" (user id 5), suspended true. Deleted along with each: 4: 4 enrolments.'
    )
    assert writes(demo) == {}
    async with client(demo, confirm=Confirm.TOKEN) as session:
        arguments = {"csv": csv, "mode": "update"}
        first = await session.call_tool("upload_users", arguments)
        assert first.structured_content is not None
        hint = first.structured_content["error"]["hint"]
        token = hint.partition("_confirm: ")[2].partition(" ")[0]
        done = await session.call_tool("upload_users", {**arguments, "_confirm": token})
    assert done.structured_content is not None
    assert done.structured_content["result"] == snapshot(
        {"rows": 2, "deleted": 1, "updated": 1, "failed": []}
    )
    assert demo.site.world.user_named("student1") is None


async def test_no_password_is_in_an_answer_or_a_result_file(demo: Demo, tmp_path: Path) -> None:
    secret = "Correct-horse-9"
    text = PEOPLE.replace("COHORT", "").replace("lastname,", "lastname,password,")
    text = text.replace("One,", f"One,{secret},").replace("Two,", "Two,weak,")
    (tmp_path / "people.csv").write_text(text, encoding="utf-8")
    answer = await upload(demo, file="people.csv", folder=tmp_path)
    saved = (tmp_path / "people.csv.result.jsonl").read_text(encoding="utf-8")
    assert [json.loads(line)["state"] for line in saved.splitlines()] == ["created", "failed"]
    assert secret not in json.dumps(answer) + saved


async def test_columns_that_can_not_be_done_are_refused(demo: Demo) -> None:
    headers = ["mnethostid", "type1", "course1", "role1", "fristname", "categoryrole1"]
    answers = [await upload(demo, f"username,{header}\na,b\n") for header in headers]
    answers.append(await upload(demo, "firstname\na\n"))
    assert [each["error"]["parameters"][0]["problem"] for each in answers] == snapshot(
        [
            "mnethostid: accounts of other sites can't be reached by web services",
            "type1: what a type means is chosen on Moodle's page; use role1",
            "course1: there is no column or default role1",
            "role1: there is no column course1",
            "fristname: is no column of Moodle's page for uploading users; did you mean firstname or lastname or firstnamephonetic?",
            "categoryrole1: roles in categories are not supported",
            "there is no column username, by which accounts are recognised",
        ]
    )
    assert writes(demo) == {}


async def test_every_function_that_is_needed_must_be_allowed(demo: Demo) -> None:
    answer = await upload(demo, PEOPLE, tools=f"all,-{ENROL}")
    assert answer["error"]["kind"] == "not_allowed"
    assert writes(demo) == {}
