"""Keeps the unfinished items of a batch, so that a later call can continue it.

The agent passes a handle instead of the items. If it had to write 300 items again, each would cost
tokens, and it could change one by mistake.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from moodle_mcp.caller.ledger import BatchLedger
from moodle_mcp.caller.outcome import Outcome, of_the_whole
from moodle_mcp.caller.plan import Plan
from moodle_mcp.catalogue.control_arguments import ControlArguments, as_arguments
from moodle_mcp.catalogue.paths import with_index
from moodle_mcp.errors import CallError, Fault, Kind, ParameterFault
from moodle_mcp.store.base import Key, Store
from moodle_mcp.store.base import Kind as Entries

KEPT_SECONDS: Final = 1800
"""Seconds that the unfinished items of a batch are kept."""

_LEFTOVERS: Final = Entries("leftovers", KEPT_SECONDS, most_entries=1_000, most_bytes=32_000_000)


@dataclass(frozen=True, slots=True)
class Leftover:
    """The items of a batch that failed or were not sent.

    `arguments` are those of a call with these items alone, `indexes` are the items' positions in
    the whole batch, `ledger` is that of the whole batch.
    """

    function: str
    arguments: Mapping[str, Any]
    indexes: tuple[int, ...]
    ledger: BatchLedger

    def packed(self) -> bytes:
        """The leftover as JSON."""
        return json.dumps(
            {
                "function": self.function,
                "arguments": self.arguments,
                "indexes": self.indexes,
                "ledger": self.ledger.packed(),
            }
        ).encode()

    @classmethod
    def unpacked(cls, packed: bytes) -> Leftover:
        """Restore a leftover from the JSON of `packed`."""
        fields = json.loads(packed)
        ledger = BatchLedger.unpacked(fields["ledger"])
        return cls(fields["function"], fields["arguments"], tuple(fields["indexes"]), ledger)


def leftover_of(
    plan: Plan, control: ControlArguments, ledger: BatchLedger, earlier: Leftover | None = None
) -> Leftover | None:
    """Return the unfinished items after a run of `plan`, or None if there are none.

    `ledger` is that of the plan's items. If the run continued a batch, `earlier` is the leftover
    that it continued, and the indexes stay those of the whole batch.
    """
    left = ledger.left
    if not left:
        return None
    items = {name: [plan.arguments[name][index] for index in left] for name in plan.item_names}
    whole = ledger if earlier is None else earlier.ledger.updated(earlier.indexes, ledger)
    indexes = left if earlier is None else [earlier.indexes[index] for index in left]
    arguments = {**plan.arguments, **items, **as_arguments(replace(control, confirm=None))}
    return Leftover(plan.function.name, arguments, tuple(indexes), whole)


def joined(plan: Plan, earlier: Leftover, outcome: Outcome) -> Outcome:
    """Extend the outcome of a run that continued a batch to the whole batch and its indexes."""
    if outcome.ledger is None:
        return outcome
    whole = earlier.ledger.updated(earlier.indexes, outcome.ledger)
    if outcome.fault is not None:
        suspects = tuple(
            replace(each, path=with_index(each.path, plan.item_names, earlier.indexes))
            for each in outcome.fault.suspects
        )
        outcome = replace(outcome, fault=replace(outcome.fault, suspects=suspects))
    return of_the_whole(plan.function, outcome, whole, is_first=not earlier.ledger.done)


class Leftovers:
    """The unfinished items of one user's batches, each under a handle for one run."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner

    async def keep(self, packed: bytes) -> str | None:
        """Keep a packed leftover and return its handle, or None if it is too large to be kept."""
        handle = secrets.token_urlsafe(12)
        return handle if await self._store.put(self._key(handle), packed) else None

    async def read(self, handle: str) -> bytes:
        """Return the packed leftover of a handle, without removing it.

        Raises:
            CallError: `not_found` for a handle that is unknown, used or expired.
        """
        packed = await self._store.get(self._key(handle))
        if packed is None:
            raise _gone()
        return packed

    async def take(self, handle: str) -> None:
        """Use up a handle just before its items are sent, so that none is sent twice.

        Raises:
            CallError: another call has taken it in the meantime.
        """
        if await self._store.take(self._key(handle)) is None:
            raise _gone()

    def _key(self, handle: str) -> Key:
        return Key(self._owner, _LEFTOVERS, handle)


def _gone() -> CallError:
    return CallError.not_sent(
        Fault(
            Kind.NOT_FOUND,
            "Nothing was sent: this handle is unknown, used or expired.",
            hint=f"A handle is valid for one run within {KEPT_SECONDS // 60} minutes; an answer "
            "with unfinished items has a new one in batch.resume. Without it, read the present "
            "state and pass the missing items again.",
            parameters=(ParameterFault("handle", "is unknown, used or expired", "batch.resume"),),
        )
    )
