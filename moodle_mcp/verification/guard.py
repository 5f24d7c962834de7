"""Guards one write: runs its checks by reads before it is sent and after."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import anyio

from moodle_mcp.caller.guard import Guard, NoGuard
from moodle_mcp.caller.ledger import BatchLedger, Fate, Remark
from moodle_mcp.caller.plan import Plan
from moodle_mcp.catalogue.silent import Check, Verdict
from moodle_mcp.errors import Fault, Kind
from moodle_mcp.verification.activity_facts import ACTIVITIES
from moodle_mcp.verification.compare import Found, find
from moodle_mcp.verification.facts import GENERAL, Fact
from moodle_mcp.verification.items import Item, applies, items_of, owner_of
from moodle_mcp.verification.reads import Reads

log = logging.getLogger(__name__)

FACTS: Final[Mapping[str, Fact]] = {**GENERAL, **ACTIVITIES}

PATIENCE: Final = 8.0
"""Most seconds for the reads before a write, and again for those after it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a check found of the item at an index: a fault, a remark, or nothing for want of a fact.

    `lacking` are the functions that gave no answer.
    """

    index: int
    found: Found
    lacking: tuple[str, ...]

    @property
    def fails(self) -> bool:
        """Whether the item certainly fails the check."""
        return self.found.check.then is Verdict.FAILED and not self.found.is_unknown


async def guard_of(plan: Plan, caller: int | None, reads: Reads) -> Guard:
    """Return the guard of a planned call, which has judged the items already.

    `caller` is the id of the token's user. A function without checks needs no guard.
    """
    checks = plan.function.checks
    if not checks:
        return NoGuard()
    guard = WriteGuard(checks, items_of(plan.arguments, plan.item_names, caller), reads)
    await guard.prepare()
    return guard


class WriteGuard:
    """Judges the items of one write.

    Before it is sent, items that are certainly wrong are refused. Afterwards, items of which
    nothing was done count as failed, and remarks say what is unchanged, not done or unverified.
    """

    def __init__(self, checks: Sequence[Check], items: Sequence[Item], reads: Reads) -> None:
        self._checks = checks
        self._items = items
        self._reads = reads
        self._refused: dict[int, Fault] = {}
        self._remarks: list[tuple[int, Remark]] = []
        self._unread: dict[int, list[Judged]] = {}

    @property
    def refused(self) -> Mapping[int, Fault]:
        """The items that must not be sent."""
        return self._refused

    @property
    def remarks(self) -> Sequence[tuple[int, Remark]]:
        """What was found of items that may be sent."""
        return self._remarks

    async def prepare(self) -> None:
        """Run the checks before the write."""
        for judged in await self._run("before", self._items):
            if judged.fails:
                self._refused.setdefault(judged.index, _fault(judged.found))
            else:
                self._keep(judged)
        self._reads.forget()

    async def verify(self, ledger: BatchLedger, answers: Mapping[int, Any]) -> None:
        """Run the checks after the write, on the items that succeeded."""
        done = [each for each in self._items if ledger.fate(each.index) is Fate.SUCCEEDED]
        told = [each.with_answer(answers.get(each.index)) for each in done]
        for judged in await self._run("after", told):
            if judged.fails:
                ledger.mark([judged.index], Fate.FAILED, _fault(judged.found))
            else:
                self._keep(judged)
        unread = [(index, self._unverified(each)) for index, each in self._unread.items()]
        for index, remark in [*self._remarks, *unread]:
            if ledger.fate(index) is Fate.SUCCEEDED:
                ledger.remark(index, remark)

    async def _run(self, stage: str, items: Sequence[Item]) -> list[Judged]:
        judged: list[Judged] = []
        deadline = anyio.current_time() + PATIENCE
        for check in self._checks:
            concerned = [item for item in items if check.stage == stage and applies(check, item)]
            if not concerned:
                continue
            self._reads.lacking.clear()
            facts: Mapping[Any, Any] = {}
            with anyio.move_on_after(deadline - anyio.current_time()):
                facts = await self._facts(check, concerned)
            for item in concerned:
                found = find(check, item, facts)
                if found is not None and _is_worth_saying(found):
                    judged.append(Judged(item.index, found, tuple(self._reads.lacking)))
        return judged

    async def _facts(self, check: Check, items: Sequence[Item]) -> Mapping[Any, Any]:
        if check.fact not in FACTS:
            return {}
        owners = {owner_of(check, item): None for item in items}
        owners.pop(None, None)
        try:
            return await FACTS[check.fact].source(list(owners), self._reads)
        except (KeyError, TypeError, AttributeError):
            # An answer without the expected keys tells nothing; the write must go on all the same.
            log.warning("%s: an answer does not have the expected shape", check.fact)
            return {}

    def _keep(self, judged: Judged) -> None:
        if judged.found.is_unknown:
            self._unread.setdefault(judged.index, []).append(judged)
        else:
            remark = Remark(judged.found.check.then.value, judged.found.text)
            self._remarks.append((judged.index, remark))

    def _unverified(self, unread: Sequence[Judged]) -> Remark:
        """Say what was not checked of an item, and what would have to be allowed."""
        subjects = dict.fromkeys(FACTS[each.found.check.fact].subject for each in unread)
        lacking = dict.fromkeys(name for each in unread for name in each.lacking)
        withheld = [name for name in lacking if not self._reads.allows(name)]
        if withheld:
            why = f"For that the operator must allow {', '.join(withheld)}."
        elif lacking:
            why = f"No answer: {', '.join(lacking)}."
        else:
            why = "The site's answers do not tell it."
        text = f"Moodle reports success in any case. Not checked: {'; '.join(subjects)}. {why}"
        return Remark(Verdict.UNVERIFIED.value, text)


def _is_worth_saying(found: Found) -> bool:
    """Whether a finding matters: that something may be unchanged is no news."""
    return not (found.is_unknown and found.check.then is Verdict.UNCHANGED)


def _fault(found: Found) -> Fault:
    """The fault of an item that fails a check."""
    kind = next(kind for kind in Kind if kind.code == found.check.kind)
    before = found.check.stage == "before"
    text = f"Not sent: {found.text}" if before else found.text
    return Fault(kind, text, hint=_CORRECT if before else None, written="nothing")


_CORRECT: Final = (
    "Moodle would have accepted this without an error. Correct the item, or leave it out."
)
