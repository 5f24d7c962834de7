"""Jobs about accounts and enrolments."""

from __future__ import annotations

from typing import Final

from tools.jobs.agent import Agent
from tools.jobs.checking import failed
from tools.jobs.place import ROSTER, Place

_ENROL: Final = "enrol_manual_enrol_users"
_NEW: Final = 40
_BAD: Final = (3, 117, 250, 391, 599)
"""The rows of job 11 with a person who does not exist."""

_FIRST_LINE: Final = 2
"""The line of a table's first row."""

_NOBODY: Final = 900_000_000


def enrol_from_a_file(agent: Agent, place: Place) -> str:
    """Enrol the people of the registrar's file; name those whom the site does not know."""
    given = {"function": _ENROL, "file": ROSTER, "on_error": "continue"}
    planned = agent.do("bulk_call", **given, _dry_run=True)["batch"]
    # The three unknown people make it an error, though all others are done.
    done = agent.ask("confirm", token=planned["confirm"])["batch"]
    unknown = [each for each in planned["failed"] if "gone" in str(each)]
    roles = place.site.role_of(place.course)
    others = place.site.role_of(place.other)
    return failed(
        {
            "unknown people are named": len(unknown) == len(planned["failed"]) == 3,
            "all others are counted": done["succeeded"] == len(place.people),
            "students": all(roles.get(each) == ["student"] for each in place.students),
            "teachers": all(roles.get(each) == ["editingteacher"] for each in place.teachers),
            "other course": others == {each: ["student"] for each in place.others},
        }
    )


def make_a_class(agent: Agent, place: Place) -> str:
    """Create 40 accounts, a cohort of them, a course, and two groups alternately."""
    name = place.name
    shortname = f"{name}-NEW"
    people = [f"{name}-n{number}" for number in range(_NEW)]
    lines = [
        f"{person},Jo,Doe {number},{person}@site.invalid,{'AB'[number % 2]}"
        for number, person in enumerate(people)
    ]
    (place.folder / "class.csv").write_text(
        "\n".join(["username,firstname,lastname,email,group", *lines, ""]), encoding="utf-8"
    )
    rest = ["firstname=", "lastname=", "email="]
    agent.do(
        "bulk_call",
        function="core_user_create_users",
        file="class.csv",
        columns=["group="],
        defaults=["createpassword=true"],
    )
    cohort = {
        "categorytype": {"type": "id", "value": str(place.category)},
        "name": f"{name} new",
        "idnumber": f"{name}-new",
    }
    agent.do("core_cohort_create_cohorts", cohorts=[cohort])
    course = {"fullname": f"{name} new", "shortname": shortname, "categoryid": place.category}
    created = agent.do("core_course_create_courses", courses=[course])["result"][0]["id"]
    groups = [{"courseid": created, "name": each, "description": ""} for each in "AB"]
    agent.do("core_group_create_groups", groups=groups)
    agent.do(
        "bulk_call",
        function="core_cohort_add_cohort_members",
        csv=_cohort_members(name, people),
    )
    agent.do(
        "bulk_call",
        function=_ENROL,
        file="class.csv",
        columns=[*rest, "group="],
        defaults=[f"course={shortname}", "role=student"],
    )
    agent.do(
        "bulk_call",
        function="core_group_add_group_members",
        file="class.csv",
        columns=rest,
        defaults=[f"course={shortname}"],
    )
    return _check_class(place, created)


def _cohort_members(name: str, people: list[str]) -> str:
    """Return a table for a function that has its own way of naming: types and values."""
    head = "cohorttype[type],cohorttype[value],usertype[type],usertype[value]"
    return "\n".join([head, *(f"idnumber,{name}-new,username,{person}" for person in people)])


def _check_class(place: Place, course: int) -> str:
    site = place.site
    found = site.participants(course)
    names = {each["id"]: each["lastname"] for each in found}
    groups = site.call("core_group_get_course_groups", courseid=course)
    ids = {each["name"]: each["id"] for each in groups}
    members = {
        each["groupid"]: set(each["userids"])
        for each in site.call("core_group_get_group_members", groupids=list(ids.values()))
    }
    numbers = {each: int(name.split()[1]) for each, name in names.items()}
    cohorts = site.call("core_cohort_get_cohorts")
    (cohort,) = [each["id"] for each in cohorts if each["idnumber"] == f"{place.name}-new"]
    (in_cohort,) = site.call("core_cohort_get_cohort_members", cohortids=[cohort])
    even = {each for each, number in numbers.items() if number % 2 == 0}
    return failed(
        {
            "participants": len(found) == _NEW,
            "group A": members[ids["A"]] == even,
            "group B": members[ids["B"]] == set(names) - even,
            "cohort": set(in_cohort["userids"]) == set(names),
        }
    )


def take_out_again(agent: Agent, place: Place) -> str:
    """Take all students out of a course again; the teachers stay."""
    agent.confirm(
        "bulk_call",
        function="enrol_manual_unenrol_users",
        read="core_enrol_get_enrolled_users",
        read_with=[f"courseid={place.course}"],
        query="[?roles[0].shortname=='student'].{userid:id}",
        defaults=[f"courseid={place.course}"],
    )
    left = place.site.role_of(place.course)
    return failed({"teachers stay": set(left) == {*place.teachers, place.owner}})


def enrol_six_hundred(agent: Agent, place: Place) -> str:
    """Enrol by 600 rows of ids, five of which are of nobody; name these."""
    people = (*place.people, place.admin, place.writer)
    wanted = {(person, course) for course in place.empty for person in people}
    rows = sorted(wanted)
    for number, index in enumerate(_BAD):
        rows.insert(index, (_NOBODY + number, place.empty[0]))
    table = "\n".join(["userid,courseid", *(f"{person},{course}" for person, course in rows)])
    answer = agent.ask(
        "bulk_call", function=_ENROL, csv=table, defaults=["roleid=5"], on_error="isolate"
    )
    batch = answer["batch"]
    have = {
        (each["id"], course) for course in place.empty for each in place.site.participants(course)
    }
    return failed(
        {
            "bad rows are named": {each["index"] - _FIRST_LINE for each in batch["failed"]}
            == set(_BAD),
            "others are counted": batch["succeeded"] == len(wanted),
            "enrolments": have == wanted,
        }
    )
