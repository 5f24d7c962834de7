"""Whatever happens to a call with a table, its report on each row agrees with the site's state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from moodle_mcp.caller.limits import Limits
from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.demo import InjectedFault
from moodle_mcp.policy.approvals import Confirm
from moodle_mcp.policy.exposure import Mode
from moodle_mcp.service.process import ServiceSettings
from moodle_mcp.service.service import CallService
from tests.support.demo import Demo

pytestmark = pytest.mark.anyio

ENROL: Final = "enrol_manual_enrol_users"
COURSE: Final = 12
ROWS: Final = 9
SETTINGS: Final = CallSettings(Limits(12, 1_000_000), timeout=1.5, rate=1000)
"""Few enrolments of three fields fit into a request."""


@dataclass(frozen=True)
class Trouble:
    """What goes wrong: rows that name nobody, rows that the site refuses, faults of requests."""

    nobody: tuple[int, ...] = ()
    refused: tuple[int, ...] = ()
    faults: tuple[InjectedFault, ...] = ()


def on_enrol(fault: InjectedFault) -> InjectedFault:
    return InjectedFault(
        fault.kind, fault.after_work, fault.code, fault.headers, fault.body, function=ENROL
    )


TROUBLES: Final = {
    "nothing": Trouble(),
    "nobody first": Trouble(nobody=(0,)),
    "nobody between": Trouble(nobody=(1, 4, 8)),
    "nobody at all": Trouble(nobody=tuple(range(ROWS))),
    "refused": Trouble(refused=(4,)),
    "nobody and refused": Trouble(nobody=(0, 5), refused=(3,)),
    "reset before": Trouble(nobody=(2,), faults=(InjectedFault.drop(),)),
    "reset after": Trouble(nobody=(2,), faults=(InjectedFault.drop(after_work=True),) * 4),
    "hangs": Trouble(nobody=(2,), faults=(InjectedFault.hang(after_work=True),) * 4),
    "502": Trouble(nobody=(2,), faults=(InjectedFault.status(502),) * 4),
    "cut": Trouble(faults=(InjectedFault.answer(b'{"exc'),) * 4),
}


def table(demo: Demo, trouble: Trouble) -> tuple[str, list[int]]:
    """The table, and the ids of the people in its rows, 0 for nobody."""
    enrolled = {each.user for each in demo.site.world.enrolled(COURSE)}
    people = [each for each in demo.site.world.people() if each.id not in enrolled][:ROWS]
    lines = ["email,course,roleid"]
    for row, person in enumerate(people):
        email = f"nobody{row}@college.example" if row in trouble.nobody else person.email
        lines.append(
            f"{email},{demo.site.world.courses[COURSE].shortname},"
            f"{77 if row in trouble.refused else 5}"
        )
    ids = [0 if row in trouble.nobody else person.id for row, person in enumerate(people)]
    return "\n".join(lines), ids


def fates(batch: dict[str, Any]) -> dict[int, str]:
    """What a report says of each line."""
    found = dict.fromkeys(range(2, ROWS + 2), "succeeded")

    def mark(first: int, last: int, fate: str) -> Iterator[tuple[int, str]]:
        yield from ((line, fate) for line in range(first, last + 1))

    for each in batch["failed"]:
        found |= dict(mark(each["index"], each.get("to", each["index"]), "failed"))
    for fate in ("unknown", "not_sent"):
        for first, last in batch[fate]:
            # Between the lines of a run may be lines that failed before anything was sent.
            found |= {
                line: fate for line, _ in mark(first, last, fate) if found[line] == "succeeded"
            }
    return found


def check(demo: Demo, batch: dict[str, Any], people: list[int]) -> dict[int, str]:
    enrolled = {each.user for each in demo.site.world.enrolled(COURSE)}
    said = fates(batch)
    for line, person in zip(range(2, ROWS + 2), people, strict=True):
        match said[line]:
            case "succeeded":
                assert person in enrolled, line
            case "failed" | "not_sent":
                assert person not in enrolled, line
            case _:
                assert person, line
    assert batch["succeeded"] == list(said.values()).count("succeeded")
    return said


@pytest.mark.parametrize("on_error", ["stop", "continue", "isolate"])
@pytest.mark.parametrize("name", TROUBLES)
async def test_a_report_agrees_with_the_site(demo: Demo, name: str, on_error: str) -> None:
    trouble = TROUBLES[name]
    csv, people = table(demo, trouble)
    settings = ServiceSettings(Mode.FACADE, Confirm.NEVER)
    context = demo.context(settings=settings, calls=SETTINGS)
    demo.site.faults.extend(map(on_enrol, trouble.faults))
    arguments = {"function": ENROL, "csv": csv, "on_error": on_error}
    service = CallService()
    try:
        envelope = (await service.call(context, "bulk_call", arguments)).envelope
        said = check(demo, envelope["batch"], people)
        assert ("error" in envelope) == (set(said.values()) != {"succeeded"})
        if trouble.nobody and on_error == "stop":
            assert demo.calls_of(ENROL) == 0
            assert envelope["error"]["written"] == "nothing"
        demo.site.faults.clear()
        for _ in range(3):
            handle = envelope["batch"].get("resume")
            if handle is None:
                break
            again = {"handle": handle, "on_error": "isolate"}
            envelope = (await service.call(context, "resume_batch", again)).envelope
            said = check(demo, envelope["batch"], people)
        if not trouble.nobody or on_error != "stop":
            done = {line for line, fate in said.items() if fate == "succeeded"}
            bad = {row + 2 for row in (*trouble.nobody, *trouble.refused)}
            unknown = {line for line, fate in said.items() if fate == "unknown"}
            assert done == set(range(2, ROWS + 2)) - bad - unknown
    finally:
        await context.aclose()
        await context.process.aclose()
