"""Whatever happens to an upload, its report on each row agrees with the site, and it can go on."""

from __future__ import annotations

from typing import Any, Final

import pytest

from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.demo import InjectedFault
from moodle_mcp.policy.approvals import Confirm
from moodle_mcp.policy.exposure import Mode
from moodle_mcp.service.process import ServiceSettings
from moodle_mcp.service.service import CallService
from moodle_mcp.service.upload.running import COHORTS, CREATE, ENROL, GROUPS, MAKE_GROUPS, UPDATE
from tests.support.demo import Demo

pytestmark = pytest.mark.anyio

BIO101: Final = 2
STEPS: Final = {
    CREATE: "account",
    UPDATE: "update",
    COHORTS: "cohort",
    ENROL: "enrolment",
    MAKE_GROUPS: "group",
    GROUPS: "group",
}
FAULTS: Final = {
    "refused": InjectedFault.answer(
        b'{"exception":"moodle_exception","errorcode":"sitemaintenance","message":"m"}',
        after_work=False,
    ),
    "reset before": InjectedFault.drop(),
    "reset after": InjectedFault.drop(after_work=True),
    "hangs": InjectedFault.hang(after_work=True),
    "502": InjectedFault.status(502),
    "cut": InjectedFault.answer(b'[{"id":'),
}


def table(demo: Demo) -> str:
    cohort = next(iter(demo.site.world.cohorts.values())).idnumber
    rows = [
        f"new{number},N{number},New,new{number}@college.example,{cohort},BIO101,student,New group,"
        for number in range(4)
    ]
    student = demo.site.world.user_named("student50")
    assert student is not None
    rows.append(f"student50,,,,{cohort},BIO101,student,Lab group A,Oslo")
    header = "username,firstname,lastname,email,cohort1,course1,role1,group1,city"
    return "\n".join([header, *rows])


def done(demo: Demo, username: str) -> set[str]:
    """The steps that the site's tables show for a person."""
    world = demo.site.world
    user = world.user_named(username)
    if user is None:
        return set()
    found = {
        "account": True,
        "update": user.city == "Oslo",
        "cohort": any(user.id in each.members for each in world.cohorts.values()),
        "enrolment": (BIO101, user.id) in world.enrolments,
        "group": any(user.id in each.members for each in world.groups_of(BIO101)),
    }
    return {step for step, is_done in found.items() if is_done}


def check(demo: Demo, result: dict[str, Any], needed: dict[int, set[str]]) -> None:
    failed = {each["line"]: each for each in result["failed"]}
    unknown = {
        line for first, last in result.get("unknown_lines", []) for line in range(first, last + 1)
    }
    for line, steps in needed.items():
        name = f"new{line - 2}" if line < 6 else "student50"
        on_site = done(demo, name)
        if line in failed:
            assert set(failed[line]["done"]) <= on_site, line
            assert failed[line]["step"] not in on_site, line
        elif line not in unknown:
            assert steps <= on_site, line
    assert result["rows"] == len(needed)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("function", STEPS)
async def test_a_report_agrees_with_the_site(demo: Demo, function: str, fault: str) -> None:
    made = FAULTS[fault]
    demo.site.faults.extend(
        InjectedFault(
            made.kind, made.after_work, made.code, made.headers, made.body, function=function
        )
        for _ in range(6)
    )
    settings = ServiceSettings(Mode.FACADE, Confirm.NEVER, roles={"student": 5})
    calls = CallSettings(timeout=1.5, rate=1000)
    context = demo.context(settings=settings, calls=calls)
    arguments = {"csv": table(demo), "mode": "add_update", "make_groups": True}
    common = {"cohort", "enrolment", "group"}
    needed = dict.fromkeys(range(2, 6), common | {"account"}) | {6: common | {"update"}}
    service = CallService()
    try:
        first = (await service.call(context, "upload_users", arguments)).envelope
        check(demo, first["result"], needed)
        assert "error" in first
        demo.site.faults.clear()
        again = (await service.call(context, "upload_users", arguments)).envelope
    finally:
        await context.aclose()
        await context.process.aclose()
    assert "error" not in again, again
    check(demo, again["result"], needed)
    assert all(needed[line] <= done(demo, f"new{line - 2}") for line in range(2, 6))
    people = [each.username for each in demo.site.world.people()]
    assert len(people) == len(set(people))
    groups = [each.name for each in demo.site.world.groups_of(BIO101)]
    assert len(groups) == len(set(groups))
