"""Approvals of one exact call: single use, with an expiry, limited in number."""

from __future__ import annotations

from typing import Any

import pytest

from moodle_mcp.policy.approvals import LIFETIME, Approvals, Use, fingerprint
from moodle_mcp.store.memory import MemoryStore

DELETE = "core_course_delete_courses"
ARGUMENTS: dict[str, Any] = {"courseids": [2, 3], "options": {"a": 1, "b": None}}
NAMES = {("course", 2): "Biology", ("course", 3): "Physics"}
CALL = fingerprint(DELETE, ARGUMENTS, NAMES)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_an_approval_lets_exactly_its_call_pass_once() -> None:
    approvals = Approvals(MemoryStore(), "ann")
    token = await approvals.ask(CALL)
    assert await approvals.use(token, CALL) is Use.GRANTED
    assert await approvals.use(token, CALL) is Use.GONE


def test_the_order_of_keys_makes_no_other_call() -> None:
    turned = {"options": {"b": None, "a": 1}, "courseids": [2, 3]}
    assert fingerprint(DELETE, turned, dict(reversed(NAMES.items()))) == CALL


@pytest.mark.parametrize(
    ("function", "arguments", "names"),
    [
        ("core_course_delete_modules", ARGUMENTS, NAMES),
        (DELETE, {**ARGUMENTS, "courseids": [3, 2]}, NAMES),
        (DELETE, {**ARGUMENTS, "courseids": [2]}, NAMES),
        (DELETE, {}, NAMES),
        (DELETE, ARGUMENTS, {**NAMES, ("course", 2): "Chemistry"}),
        (DELETE, ARGUMENTS, {("course", 2): "Biology"}),
        (DELETE, ARGUMENTS, {("user", 2): "Biology", ("course", 3): "Physics"}),
    ],
)
async def test_any_other_call_or_name_is_not_let_pass_and_ends_the_approval(
    function: str, arguments: dict[str, Any], names: dict[tuple[str, int], str]
) -> None:
    approvals = Approvals(MemoryStore(), "ann")
    token = await approvals.ask(CALL)
    assert await approvals.use(token, fingerprint(function, arguments, names)) is Use.OTHER_CALL
    assert await approvals.use(token, CALL) is Use.GONE


@pytest.mark.parametrize("token", ["", "x" * 24])
async def test_a_token_that_was_never_given_lets_nothing_pass(token: str) -> None:
    assert await Approvals(MemoryStore(), "ann").use(token, CALL) is Use.GONE


async def test_an_approval_ends_after_its_time() -> None:
    clock = Clock()
    approvals = Approvals(MemoryStore(clock), "ann")
    early, late = await approvals.ask(CALL), await approvals.ask(CALL)
    clock.now += LIFETIME - 0.5
    assert await approvals.use(early, CALL) is Use.GRANTED
    clock.now += 0.5
    assert await approvals.use(late, CALL) is Use.GONE


async def test_two_hundred_approvals_are_kept_and_the_oldest_are_evicted() -> None:
    approvals = Approvals(MemoryStore(), "ann")
    tokens = [await approvals.ask(f"call {number}") for number in range(201)]
    used = [await approvals.use(token, f"call {number}") for number, token in enumerate(tokens)]
    assert used == [Use.GONE] + [Use.GRANTED] * 200


async def test_a_token_cannot_be_guessed_and_is_not_given_twice() -> None:
    approvals = Approvals(MemoryStore(), "ann")
    tokens = {await approvals.ask(CALL) for _ in range(50)}
    # 18 bytes of randomness.
    assert {len(token) for token in tokens} == {24}
    assert len(tokens) == 50


async def test_nobody_uses_anothers_approval() -> None:
    store = MemoryStore()
    token = await Approvals(store, "ann").ask(CALL)
    assert await Approvals(store, "bob").use(token, CALL) is Use.GONE
    assert await Approvals(store, "ann").use(token, CALL) is Use.GRANTED
