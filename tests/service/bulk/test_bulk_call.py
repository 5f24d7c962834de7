"""The tool `bulk_call`, on the demo site."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.demo import InjectedFault
from moodle_mcp.policy.approvals import Confirm
from tests.service.bulk.calling import BIO101, ENROL, bulk, client, without_notice, written
from tests.support.demo import Demo

pytestmark = pytest.mark.anyio

MAINTENANCE = b'{"exception":"moodle_exception","errorcode":"sitemaintenance","message":"m"}'
PHY120 = 5
STUDENT = 5


REGISTRAR = """\
E-Mail;Kurs;Rolle
student50@college.example;PHY120;student
Student51@College.Example;PHY120;student
teacher3@college.example;BIO101;editingteacher
"""
GERMAN = ["Kurs=course", "Rolle=role"]


async def test_a_registrars_list_enrols_people(demo: Demo) -> None:
    answer = await bulk(demo, csv=REGISTRAR, columns=GERMAN)
    assert answer == snapshot(
        {
            "undo": "enrol_manual_unenrol_users",
            "batch": {
                "items": 3,
                "requests": 1,
                "succeeded": 3,
                "failed": [],
                "unknown": [],
                "not_sent": [],
                "index_is": "line",
            },
            "result": None,
        }
    )
    enrolled = {(each.user, each.roles) for each in demo.site.world.enrolled(PHY120)}
    assert {(53, (STUDENT,)), (54, (STUDENT,))} <= enrolled
    assert written(demo) == {ENROL: 1}


async def test_a_dry_run_says_what_would_be_done(demo: Demo) -> None:
    csv = f"{REGISTRAR}nobody@college.example;BIO 101;student\n"
    answer = await bulk(demo, csv=csv, columns=GERMAN, _dry_run=True)
    assert answer == snapshot(
        {
            "batch": {
                "dry_run": True,
                "plan": 'Enrol users: 3 rows; 3 people ("student50@college.example", "Student51@College.Example", "teacher3@college.example"); 2 courses ("PHY120", "BIO101"); 2 roles ("student", "editingteacher")',
                "items": 4,
                "requests": 1,
                "succeeded": 0,
                "failed": [
                    {
                        "index": 5,
                        "error": {
                            "kind": "not_found",
                            "message": 'user "nobody@college.example" is unknown.',
                        },
                    }
                ],
                "unknown": [],
                "not_sent": [[2, 4]],
                "index_is": "line",
                "hint": "Correct the name, or give the id.",
            },
            "result": None,
        }
    )
    assert written(demo) == {}


async def test_nothing_is_sent_unless_every_row_is_understood(demo: Demo) -> None:
    csv = "user,course,role\nnobody,BIO101,student\nstudent50,PHY120,student\n"
    answer = await bulk(demo, csv=csv)
    assert answer == snapshot(
        {
            "error": {
                "kind": "invalid_arguments",
                "message": 'Nothing was sent: 1 of 2 rows are not understood. The first: user "nobody" is unknown.',
                "hint": "Correct the rows in batch.failed. Or pass on_error=continue to do the others only. Correct the name, or give the id.",
                "function": "enrol_manual_enrol_users",
                "retryable": False,
                "written": "nothing",
            },
            "batch": {
                "items": 2,
                "requests": 0,
                "succeeded": 0,
                "failed": [
                    {
                        "index": 2,
                        "error": {"kind": "not_found", "message": 'user "nobody" is unknown.'},
                    }
                ],
                "unknown": [],
                "not_sent": [[3, 3]],
                "index_is": "line",
            },
        }
    )
    assert written(demo) == {}
    done = await bulk(demo, csv=csv, on_error="continue")
    assert done == snapshot(
        {
            "error": {
                "kind": "not_found",
                "message": '1 of 2 items are done. user "nobody" is unknown.',
                "hint": "Items in `failed` were not done. Correct the name, or give the id.",
                "function": "enrol_manual_enrol_users",
                "retryable": False,
                "written": "something",
            },
            "batch": {
                "items": 2,
                "requests": 1,
                "succeeded": 1,
                "failed": [
                    {
                        "index": 2,
                        "error": {"kind": "not_found", "message": 'user "nobody" is unknown.'},
                    }
                ],
                "unknown": [],
                "not_sent": [],
                "index_is": "line",
            },
        }
    )
    assert written(demo) == {ENROL: 1}


async def test_defaults_count_for_all_rows_without_a_value_of_their_own(demo: Demo) -> None:
    csv = "user,role\nstudent50,\nstudent51,teacher\n"
    answer = await bulk(
        demo, csv=csv, defaults={"course": "PHY120", "role": "student"}, roles={"teacher": 4}
    )
    assert "error" not in answer, answer
    enrolled = {each.user: each.roles for each in demo.site.world.enrolled(PHY120)}
    assert (enrolled[53], enrolled[54]) == ((5,), (4,))


async def test_rows_with_faults_are_named_by_their_lines(demo: Demo) -> None:
    csv = (
        "username,firstname,lastname,email,lang\n"
        "ann,Ann,A,ann@college.example,en\n"
        "\n"
        "bob,Bob,B,bob@college.example,\n"
        "Not A Name,C,C,c@college.example,en\n"
    )
    answer = await bulk(
        demo, "core_user_create_users", csv=csv, defaults=["createpassword=true"], _dry_run=True
    )
    assert answer == snapshot(
        {
            "batch": {
                "dry_run": True,
                "plan": "Create users: 2 rows",
                "items": 3,
                "requests": 1,
                "succeeded": 0,
                "failed": [
                    {
                        "index": 5,
                        "error": {
                            "kind": "invalid_arguments",
                            "message": 'username "Not A Name" is not a value that Moodle accepts here (column A (username), line 5); allowed: lowercase letters, without white space at the edges.',
                        },
                    }
                ],
                "unknown": [],
                "not_sent": [[2, 4]],
                "index_is": "line",
            },
            "result": None,
        }
    )


async def test_groups_are_named_within_the_course_of_their_row(demo: Demo) -> None:
    groups = demo.site.world.groups_of(BIO101)
    taken = {member for group in groups for member in group.members}
    people = [each.user for each in demo.site.world.enrolled(BIO101) if each.user not in taken]
    rows = "".join(
        f"BIO101,{group.name},{demo.site.world.users[user].username}\n"
        for group, user in zip(groups, people, strict=False)
    )
    answer = await bulk(demo, "core_group_add_group_members", csv=f"course,group,user\n{rows}")
    assert (answer["batch"]["succeeded"], "error" in answer) == (2, False)
    members = [each.members for each in demo.site.world.groups_of(BIO101)]
    assert [people[0] in members[0], people[1] in members[1]] == [True, True]


async def test_an_activity_may_be_shared_by_all_rows(demo: Demo) -> None:
    module = next(each for each in demo.site.world.modules_of(BIO101) if each.modname == "assign")
    answer = await bulk(
        demo,
        "mod_assign_save_user_extensions",
        csv="userids.username,dates\nstudent1,1900000000\n",
        defaults={"course": "BIO101", "activity": module.name},
    )
    assert answer == snapshot(
        {
            "undo": "the same call with date 0",
            "batch": {
                "items": 1,
                "requests": 1,
                "succeeded": 1,
                "failed": [],
                "unknown": [],
                "not_sent": [],
                "index_is": "line",
            },
            "result": [],
        }
    )


async def test_the_rest_is_sent_by_the_handle(demo: Demo) -> None:
    demo.site.faults.append(InjectedFault.answer(MAINTENANCE, after_work=False, function=ENROL))
    csv = f"{REGISTRAR}nobody;BIO101;student\n"
    arguments = {"function": ENROL, "csv": csv, "on_error": "continue"}
    async with client(demo) as session:
        call = await session.call_tool("bulk_call", {**arguments, "columns": GERMAN})
        assert call.structured_content is not None
        stopped = call.structured_content["batch"]
        handle = stopped.pop("resume")
        assert stopped == snapshot(
            {
                "items": 4,
                "requests": 1,
                "succeeded": 0,
                "failed": [
                    {
                        "index": 2,
                        "error": {
                            "kind": "maintenance",
                            "message": "m",
                            "errorcode": "sitemaintenance",
                        },
                        "to": 4,
                    },
                    {
                        "index": 5,
                        "error": {"kind": "not_found", "message": 'user "nobody" is unknown.'},
                    },
                ],
                "unknown": [],
                "not_sent": [],
                "index_is": "line",
            }
        )
        call = await session.call_tool("resume_batch", {"handle": handle})
        assert call.structured_content is not None
    assert without_notice(call.structured_content) == snapshot(
        {
            "error": {
                "kind": "not_found",
                "message": '3 of 4 items are done. user "nobody" is unknown.',
                "hint": "Items in `failed` were not done. Correct the name, or give the id.",
                "function": "enrol_manual_enrol_users",
                "retryable": False,
                "written": "something",
            },
            "batch": {
                "items": 4,
                "requests": 1,
                "succeeded": 3,
                "failed": [
                    {
                        "index": 5,
                        "error": {"kind": "not_found", "message": 'user "nobody" is unknown.'},
                    }
                ],
                "unknown": [],
                "not_sent": [],
                "index_is": "line",
            },
        }
    )
    assert written(demo) == {ENROL: 2}


async def test_a_destructive_call_is_confirmed_with_names(demo: Demo) -> None:
    csv = "user,course\nstudent1,BIO101\n"
    async with client(demo, confirm=Confirm.TOKEN) as session:
        arguments = {"function": "enrol_manual_unenrol_users", "csv": csv}
        asked = await session.call_tool("bulk_call", arguments)
        assert asked.structured_content is not None
        error = asked.structured_content["error"]
        token = error["hint"].partition("_confirm: ")[2].partition(" ")[0]
        assert error["message"] == snapshot(
            'Nothing was sent. Unenrol users (enrol_manual_unenrol_users): enrolments: userid "Amina Adeyemi" (user id 4), courseid "Introduction to Biology" (course id 2).'
        )
        assert written(demo) == {}
        done = await session.call_tool("bulk_call", {**arguments, "_confirm": token})
    assert done.structured_content is not None
    assert without_notice(done.structured_content) == snapshot(
        {
            "undo": "enrol_manual_enrol_users with the role; groups do not come back",
            "batch": {
                "items": 1,
                "requests": 1,
                "succeeded": 1,
                "failed": [],
                "unknown": [],
                "not_sent": [],
                "index_is": "line",
            },
            "result": None,
        }
    )


async def test_a_file_in_the_folder_is_read_and_gets_a_result_file(
    demo: Demo, tmp_path: Path
) -> None:
    (tmp_path / "list.csv").write_text(REGISTRAR, encoding="utf-8")
    answer = await bulk(demo, folder=tmp_path, file="list.csv", columns=GERMAN)
    assert answer == snapshot(
        {
            "undo": "enrol_manual_unenrol_users",
            "batch": {
                "items": 3,
                "requests": 1,
                "succeeded": 3,
                "failed": [],
                "unknown": [],
                "not_sent": [],
                "index_is": "line",
                "file": "list.csv.result.jsonl",
            },
            "result": None,
        }
    )
    lines = (tmp_path / "list.csv.result.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"line": line, "fate": "succeeded"} for line in (2, 3, 4)
    ]
    again = await bulk(demo, folder=tmp_path, file="list.csv", columns=GERMAN)
    assert again["batch"]["file"] == "list.csv.result-2.jsonl"


async def test_a_file_that_changed_since_the_dry_run_sends_nothing(
    demo: Demo, tmp_path: Path
) -> None:
    table = tmp_path / "list.csv"
    table.write_text("user,course,roleid\nstudent50,PHY120,5\n")
    async with client(demo, folder=tmp_path) as session:
        given = {"function": ENROL, "file": "list.csv", "_dry_run": True}
        planned: dict[str, Any] = (
            await session.call_tool("bulk_call", given)
        ).structured_content or {}
        table.write_text("user,course,roleid\nstudent51,PHY120,5\n")
        kept = {"token": planned["batch"]["confirm"]}
        ended: dict[str, Any] = (await session.call_tool("confirm", kept)).structured_content or {}
    assert ended["error"]["kind"] == "needs_confirmation"
    assert written(demo) == {}


async def test_json_rows_name_things_too(demo: Demo, tmp_path: Path) -> None:
    rows = [{"user": "student50", "course": "PHY120", "roleid": 5}]
    (tmp_path / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    answer = await bulk(demo, folder=tmp_path, file="rows.json")
    assert (answer["batch"]["succeeded"], "error" in answer) == (1, False)


async def test_only_some_lines_are_done(demo: Demo) -> None:
    answer = await bulk(demo, csv=REGISTRAR, columns=GERMAN, only="3-4")
    assert answer["batch"]["items"] == 2
    assert (await bulk(demo, csv=REGISTRAR, columns=GERMAN, only="9"))["error"]["parameters"] == (
        snapshot([{"path": "", "problem": "no row is within 9; they are 2 to 4"}])
    )


async def test_rows_that_ask_for_the_same_are_reported(demo: Demo) -> None:
    csv = "user,course,role\nstudent50,BIO101,student\nstudent50@college.example,BIO101,student\n"
    (warning,) = (await bulk(demo, csv=csv))["warnings"]
    assert warning["warningcode"] == "same_rows"
    assert "Some lines ask for the same, and are sent as they are: 2 = 3." in warning["message"]


CONTRADICTIONS = [
    (
        ENROL,
        "user.username,user.email,course,roleid\nstudent50,student51@college.example,PHY120,5\n",
    ),
    (ENROL, "user,user,course,roleid\nstudent50,student51,PHY120,5\n"),
    (ENROL, "userid,user,course,roleid\n53,student51,PHY120,5\n"),
    (ENROL, "courseid,course,user,roleid\n2,PHY120,student51,5\n"),
    (
        "core_group_add_group_members",
        "course.shortname,course.id,group,user\nBIO101,5,Monday lab,student1\n",
    ),
]


@pytest.mark.parametrize(("function", "csv"), CONTRADICTIONS)
async def test_columns_that_mean_different_things_stop_their_row(
    demo: Demo, function: str, csv: str
) -> None:
    answer = await bulk(demo, function, csv=csv)
    (failed,) = answer["batch"]["failed"]
    assert "than another column of the row" in failed["error"]["message"], failed
    assert written(demo) == {}


async def test_columns_that_agree_are_one(demo: Demo) -> None:
    csv = "userid,user,user.email,course,roleid\n53,student50,student50@college.example,PHY120,5\n"
    assert "error" not in await bulk(demo, csv=csv)


async def test_no_default_replaces_a_value_of_a_row(demo: Demo) -> None:
    answers = [
        await bulk(
            demo,
            csv="user,course,roleid\nstudent50,PHY120,3\n",
            defaults=["role=student"],
            roles={"student": 5},
        ),
        await bulk(
            demo,
            csv="user,course,role\nstudent51,PHY120,teacher\n",
            defaults=["roleid=5"],
            roles={"teacher": 4},
        ),
    ]
    assert [answer.get("error") for answer in answers] == [None, None]
    enrolled = {each.user: each.roles for each in demo.site.world.enrolled(PHY120)}
    assert (enrolled[53], enrolled[54]) == ((3,), (4,))


async def test_a_row_without_a_value_for_a_parallel_list_is_named(
    demo: Demo, tmp_path: Path
) -> None:
    extensions, shared = "mod_assign_save_user_extensions", ["assignmentid=1"]
    (tmp_path / "rows.json").write_text(json.dumps([{"userids": 4, "dates": 5}, {"userids": 5}]))
    answers = [
        await bulk(demo, extensions, csv="userids,dates\n4,5\n5,\n", defaults=shared),
        await bulk(demo, extensions, file="rows.json", folder=tmp_path, defaults=shared),
    ]
    assert [answer["batch"]["failed"] for answer in answers] == snapshot(
        [
            [
                {
                    "index": 3,
                    "error": {
                        "kind": "invalid_arguments",
                        "message": "dates is missing and required.",
                    },
                }
            ],
            [
                {
                    "index": 1,
                    "error": {
                        "kind": "invalid_arguments",
                        "message": "dates is missing and required.",
                    },
                }
            ],
        ]
    )
    assert written(demo) == {}


async def test_two_people_with_one_address_stop_their_row(demo: Demo) -> None:
    users = demo.site.world.users
    users[6] = replace(users[6], email=users[5].email)
    csv = f"email,course,role\n{users[5].email},BIO101,student\n"
    answer = await bulk(demo, csv=csv)
    assert answer["batch"]["failed"][0]["error"] == snapshot(
        {
            "kind": "invalid_arguments",
            "message": 'user "student2@college.example" means 2 of them (ids 5, 6).',
        }
    )


ROWS = "user,course,role\na,b,c\n"
WRONG: list[tuple[str, dict[str, Any]]] = [
    (ENROL, {"csv": "nonsense,course\na,b\n"}),
    (ENROL, {"csv": "user,course\na,b\n"}),
    (ENROL, {"csv": "user,course\na,b\n", "columns": ["x=role"]}),
    (ENROL, {"csv": "user,course,role\n"}),
    (ENROL, {"csv": ROWS, "defaults": ["roles=student"]}),
    (ENROL, {"csv": ROWS, "defaults": ["student"]}),
    (ENROL, {"csv": "user,course\na,b\n", "defaults": ["role=student", "roleid=3"]}),
    (ENROL, {}),
    (ENROL, {"file": "x.csv"}),
    (ENROL, {"csv": ROWS, "on_error": "never"}),
    (ENROL, {"csv": ROWS, "only": "first"}),
    ("core_course_get_contents", {"csv": "course\nBIO101\n"}),
    ("no_such_function", {"csv": "a\nb\n"}),
    ("enrol_manual_enrol_user", {"csv": "a\nb\n"}),
]


async def test_what_can_not_be_understood_sends_nothing(demo: Demo) -> None:
    answers = [await bulk(demo, function, **arguments) for function, arguments in WRONG]
    assert {answer["error"]["kind"] for answer in answers} == {"invalid_arguments"}
    assert [answer["error"]["parameters"] for answer in answers] == snapshot(
        [
            [
                {
                    "path": "",
                    "problem": "nonsense: enrol_manual_enrol_users has nothing for it; use roleid, userid, courseid, timestart, timeend, suspend, user, user.username, user.email, user.idnumber, course, course.shortname, course.idnumber, role, role.shortname",
                }
            ],
            [
                {
                    "path": "",
                    "problem": "there is no column or default for roleid, which is required; names that stand for ids are user, user.username, user.email, user.idnumber, course, course.shortname, course.idnumber, role, role.shortname",
                }
            ],
            [{"path": "", "problem": "columns: the table has no column x; it has user, course"}],
            [{"path": "csv", "problem": "has a header and no rows"}],
            [
                {
                    "path": "",
                    "problem": "roles: enrol_manual_enrol_users has nothing for it; did you mean role or roleid?",
                }
            ],
            [{"path": "defaults[0]", "problem": "is not NAME=VALUE"}],
            [{"path": "", "problem": "defaults: roleid is for the same value as role"}],
            [{"path": "csv", "problem": "or read must be given, and only one of them"}],
            [
                {
                    "path": "file",
                    "problem": "is not a known key",
                    "allowed": "function, csv, read, read_with, query, columns, defaults, only, on_error",
                }
            ],
            [
                {
                    "path": "on_error",
                    "problem": "is not possible for enrol_manual_enrol_users",
                    "allowed": "stop, continue, isolate",
                }
            ],
            [{"path": "", "problem": "'first' is not a number or a range, such as 2-50"}],
            [
                {
                    "path": "",
                    "problem": "core_course_get_contents takes no list of independent items",
                }
            ],
            [
                {
                    "path": "function",
                    "problem": "is not a known function",
                    "allowed": "a name that find_functions gives",
                }
            ],
            [
                {
                    "path": "function",
                    "problem": "is not a known function",
                    "allowed": "enrol_manual_enrol_users or enrol_manual_unenrol_users or enrol_self_enrol_user",
                }
            ],
        ]
    )
    assert written(demo) == {}


async def test_what_the_operator_withholds_stays_withheld(demo: Demo) -> None:
    answer = await bulk(
        demo, csv=REGISTRAR, columns=GERMAN, tools="default,core_notes_create_notes"
    )
    assert answer["error"]["kind"] == "not_allowed"


async def test_it_is_offered_if_an_allowed_function_takes_a_list(demo: Demo) -> None:
    for tools, offered in ((ENROL, True), ("core_webservice_get_site_info", False)):
        async with client(demo, tools, access=Access.WRITE) as session:
            names = {each.name for each in (await session.list_tools()).tools}
        assert ("bulk_call" in names) is offered


async def test_a_column_is_left_out(demo: Demo) -> None:
    csv = "user,course,role,Seminar\nstudent50,PHY120,student,A\n"
    assert "error" in await bulk(demo, csv=csv)
    answer = await bulk(demo, csv=csv, columns=["Seminar="])
    assert answer["batch"]["succeeded"] == 1
