"""What is left of a batch, so that a later call can go on with it.

A handle takes the place of the items: an agent that had to write 300 of them again would pay for
each, and could change one without noticing.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Final

from cachetools import TTLCache

from moodle_mcp.caller.ledger import BatchLedger, Fate
from moodle_mcp.caller.outcome import Outcome, of_the_whole
from moodle_mcp.caller.plan import Plan
from moodle_mcp.catalogue.control_arguments import ControlArguments, as_arguments
from moodle_mcp.catalogue.paths import with_index
from moodle_mcp.errors import CallError, Fault, Kind, ParameterFault

KEPT_SECONDS: Final = 1800
"""Seconds that the rest of a batch is kept."""

KEPT_BYTES: Final = 32_000_000
"""Bytes of all rests together, as JSON; the oldest are dropped beyond it."""


@dataclass(frozen=True, slots=True)
class Rest:
    """The items of a batch that failed or were not sent.

    `arguments` are those of a call with these items alone, `indexes` where the items stood in the
    whole batch, `ledger` the fates of the whole batch.
    """

    function: str
    arguments: Mapping[str, Any]
    indexes: tuple[int, ...]
    ledger: BatchLedger

    @property
    def size(self) -> int:
        """Bytes that it takes, counted as JSON."""
        return len(json.dumps(self.arguments)) + 9 * len(self.indexes) + self.ledger.items


def rest_of(
    plan: Plan, control: ControlArguments, ledger: BatchLedger, earlier: Rest | None = None
) -> Rest | None:
    """What is left after a run of `plan`, or None if no item failed or was not sent.

    `ledger` is that of the plan's items. If they were themselves the rest of a batch, `earlier`
    is that rest, and the indexes stay those of the whole batch.
    """
    left = sorted([*ledger.indexes(Fate.FAILED), *ledger.indexes(Fate.NOT_SENT)])
    if not left:
        return None
    items = {name: [plan.arguments[name][index] for index in left] for name in plan.item_names}
    whole = ledger if earlier is None else earlier.ledger.updated(earlier.indexes, ledger)
    indexes = left if earlier is None else [earlier.indexes[index] for index in left]
    arguments = {**plan.arguments, **items, **as_arguments(replace(control, confirm=None))}
    return Rest(plan.function.name, arguments, tuple(indexes), whole)


def joined(plan: Plan, earlier: Rest, outcome: Outcome) -> Outcome:
    """The outcome of a run that went on with a rest, told of the whole batch and its indexes."""
    if outcome.ledger is None:
        return outcome
    whole = earlier.ledger.updated(earlier.indexes, outcome.ledger)
    if outcome.fault is not None:
        suspects = tuple(
            replace(each, path=with_index(each.path, plan.item_names, earlier.indexes))
            for each in outcome.fault.suspects
        )
        outcome = replace(outcome, fault=replace(outcome.fault, suspects=suspects))
    return of_the_whole(plan.function, outcome, whole)


class Rests:
    """The rests of one user's batches, each under a handle that is good for one run."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = KEPT_BYTES) -> None:
        self._kept: TTLCache[str, Rest] = TTLCache(
            most, KEPT_SECONDS, timer=clock, getsizeof=lambda rest: rest.size
        )
        self._lock = Lock()

    def keep(self, rest: Rest) -> str | None:
        """Keep a rest and return its handle, or None if it is too large to be kept."""
        if rest.size > self._kept.maxsize:
            return None
        handle = secrets.token_urlsafe(12)
        with self._lock:
            self._kept[handle] = rest
        return handle

    def read(self, handle: str) -> Rest:
        """The rest that a handle stands for, which stays kept.

        Raises:
            CallError: `not_found` for a handle that is unknown, used or too old.
        """
        with self._lock:
            rest = self._kept.get(handle)
        if rest is None:
            raise _gone()
        return rest

    def take(self, handle: str) -> None:
        """Use up a handle just before its items are sent, so that none is sent twice.

        Raises:
            CallError: another call has taken it in the meantime.
        """
        with self._lock:
            taken = self._kept.pop(handle, None)
        if taken is None:
            raise _gone()


def _gone() -> CallError:
    return CallError.not_sent(
        Fault(
            Kind.NOT_FOUND,
            "Nothing was sent: nothing is kept under this handle.",
            hint=f"A handle is good for one run within {KEPT_SECONDS // 60} minutes; an answer "
            "that leaves items over has a new one in batch.resume. Without it, read the present "
            "state and pass the missing items again.",
            parameters=(ParameterFault("handle", "is unknown, used or too old", "batch.resume"),),
        )
    )
