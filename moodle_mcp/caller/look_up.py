"""Looks values up with as few requests as Moodle allows."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace

from moodle_mcp.caller.lookups import MOST_SPLITS, is_of_a_value, values_of, with_values
from moodle_mcp.caller.plan import Plan
from moodle_mcp.caller.transmit import Clock
from moodle_mcp.errors import CallError
from moodle_mcp.site.decoding import Answer
from moodle_mcp.site.protocol import Request


async def look_up(
    plan: Plan, send: Callable[[Request], Awaitable[Answer]], clock: Clock
) -> list[Answer]:
    """Return the answers that have the values found; those that Moodle refuses are left out.

    Raises:
        CallError: the first failure, if not every value could be asked for or all were refused.
    """
    lookup = plan.function.lookup
    if lookup is None:
        raise ValueError(f"{plan.function.name} looks nothing up")
    answers: list[Answer] = []
    failure: CallError | None = None
    pending = deque([values_of(lookup, plan.arguments)])
    requests = 0
    while pending:
        if failure is not None and (requests == MOST_SPLITS or not clock.left > 1):
            raise failure
        values = pending.popleft()
        requests += 1
        part = replace(plan, arguments=with_values(lookup, plan.arguments, values))
        try:
            answers.append(await send(part.request(plan.slices[0])))
        except CallError as error:
            failure = failure or error
            if not is_of_a_value(error):
                raise failure from None
            middle = len(values) // 2
            pending.extend([values[:middle], values[middle:]] if middle else [])
    if failure is not None and not answers:
        raise failure
    return answers
