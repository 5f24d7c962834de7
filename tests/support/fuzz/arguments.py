"""Random arguments of any function, valid or nearly valid, and checks of what is sent."""

from __future__ import annotations

import json
from typing import Any, Final, cast

import anyio
from hypothesis import strategies as st

from moodle_mcp.caller.caller import Caller
from moodle_mcp.caller.limits import Limits
from moodle_mcp.caller.plan import Plan
from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.catalogue.loading import RELEASES, load
from moodle_mcp.catalogue.model import Function
from moodle_mcp.errors import CallError, Kind
from moodle_mcp.site.session import SiteSession
from tests.support.php_forms import as_php, php
from tests.support.serving import connection
from tests.support.strategies import ANY_JSON, TEXT, arguments_for

_NAMED: Final = {name: known.get(name) for known in map(load, RELEASES) for name in known}
FUNCTIONS: Final = tuple(_NAMED.values())
"""Every function, as the newest release that has it knows it."""

LIMITS: Final = Limits(fields=24, body=2_000)
"""So small that a few items need several requests, and a few more are too many."""

CALLER: Final = Caller(SiteSession(connection("http://127.0.0.1:9")), CallSettings(LIMITS))


@st.composite
def arguments(draw: st.DrawFn, function: Function) -> dict[str, Any]:
    """Draw arguments that fit the function's tree, or have other values in one or two places."""
    drawn = draw(arguments_for(function))
    for _ in range(draw(st.integers(0, 2))):
        drawn = cast("dict[str, Any]", draw(_spoiled(drawn)))
    return drawn


@st.composite
def _spoiled(draw: st.DrawFn, value: Any, depth: int = 0) -> Any:
    """Draw the value with another value in one place."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        key = draw(st.sampled_from(sorted(members)) | TEXT if members else TEXT)
        return members | {key: draw(_spoiled(members.get(key), depth + 1))}
    if isinstance(value, list) and value and draw(st.booleans()):
        items = cast("list[Any]", value)
        index = draw(st.integers(0, len(items) - 1))
        inner = draw(_spoiled(items[index], depth + 1))
        return [*items[:index], inner, *items[index + 1 :], *items * draw(st.integers(0, 6))]
    return draw(ANY_JSON)


def check_arguments(function: Function, given: dict[str, Any]) -> bool:
    """Check that arguments are refused with a short report, or sent correctly within the limits.

    Returns whether they are sent.
    """
    try:
        plan = anyio.run(CALLER.prepare, function, given).plan
    except CallError as error:
        fault = error.fault
        assert fault.kind in (Kind.INVALID_ARGUMENTS, Kind.TOO_LARGE)
        assert fault.written in (None, "nothing")
        assert len(json.dumps(fault.report(), ensure_ascii=False).encode()) < 30_000
        return False
    check_plan(plan)
    return True


def check_plan(plan: Plan) -> None:
    """Check that each item is in one request within the limits, and that PHP reads it correctly."""
    assert [part.start for part in plan.slices[1:]] == [part.stop for part in plan.slices[:-1]]
    assert (plan.slices[0].start, plan.slices[-1].stop) == (0, plan.items)
    for part in plan.slices:
        request = plan.request(part)
        assert LIMITS.allow(request.cost)
        received = php(request.body)
        assert received.pop("wsfunction") == plan.function.name
        assert received == (as_php(plan.arguments_of(part)) or {})
