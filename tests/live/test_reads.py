"""Every reading function of the catalogue, called as an agent calls it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from moodle_mcp.catalogue.loading import load
from tests.live.arguments import sets_for
from tests.live.known import ODD, REFUSED
from tests.support.live import NO_REASON, Live, Record
from tests.support.live_world import World

pytestmark = pytest.mark.anyio

_CATALOGUE = load()
READS = [name for name in _CATALOGUE if _CATALOGUE.get(name).reads_only]

every_read = pytest.mark.parametrize("name", READS)


@every_read
async def test_a_read_is_answered_or_refused_with_a_reason(
    name: str, admin: Live, world: World
) -> None:
    await reads(admin, world, name)


@every_read
async def test_a_teachers_read_is_answered_or_refused_with_a_reason(
    name: str, teacher: Live, world: World
) -> None:
    await reads(teacher, world, name)


@every_read
async def test_a_students_read_is_answered_or_refused_with_a_reason(
    name: str, student: Live, world: World
) -> None:
    await reads(student, world, name)


async def reads(live: Live, world: World, name: str) -> None:
    """Call the read with each set of arguments and collect all failures."""
    if name not in live.tools:
        live.records.add(Record("reads", name, live.user, "not_on_the_site", 0.0))
        pytest.skip("the site has no such function")
    wrong: list[str] = []
    for arguments in sets_for(live.catalogue.get(name), world, live.userid):
        start = time.monotonic()
        envelope = await live.call(name, arguments)
        seconds = time.monotonic() - start
        error: dict[str, Any] = envelope.get("error", {})
        odd = [
            f"{each['item']}: {str(each.get('value'))[:40]}"
            for each in envelope.get("warnings", [])
            if each.get("warningcode") == "unexpected_type"
        ]
        known = REFUSED.get((name, error.get("errorcode", "")), "")
        live.records.add(
            Record(
                part="reads",
                function=name,
                user=live.user,
                outcome=error.get("kind", "answered"),
                seconds=seconds,
                errorcode=error.get("errorcode", ""),
                message=error.get("message", ""),
                note=known or (ODD.get(name, "odd: " + "; ".join(odd[:5])) if odd else ""),
            )
        )
        if error.get("kind") in NO_REASON and not known:
            wrong.append(
                f"{error['kind']} {error.get('errorcode')} {error.get('exception')}: "
                f"{error['message'][:160]} {error.get('parameters', '')} for {arguments}"
            )
        if odd and name not in ODD:
            wrong.append(f"unexpected types for {arguments}: {odd[:5]}")
    assert not wrong, "\n".join(wrong)
