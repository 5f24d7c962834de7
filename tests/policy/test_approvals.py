"""Approvals of one exact call: single use, with an expiry, limited in number."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from moodle_mcp.policy.approvals import (
    LIFETIME,
    Approval,
    Approvals,
    Use,
    difference,
    subject_of,
)
from moodle_mcp.store.memory import MemoryStore

DELETE = "core_course_delete_courses"
ARGUMENTS: dict[str, Any] = {"courseids": [2, 3], "options": {"a": 1, "b": None}}
NAMES = {("course", 2): "Biology", ("course", 3): "Physics"}
CALL = subject_of(DELETE, ARGUMENTS, NAMES)

OTHER_CALLS: list[tuple[str, dict[str, Any], dict[tuple[str, int], str], str]] = [
    (
        "core_course_delete_modules",
        ARGUMENTS,
        NAMES,
        "The token is for core_course_delete_courses.",
    ),
    (
        DELETE,
        {**ARGUMENTS, "courseids": [3, 2]},
        NAMES,
        "The token is for other values of: courseids.",
    ),
    (DELETE, {}, NAMES, "The token is for other values of: courseids, options."),
    (
        DELETE,
        ARGUMENTS,
        {**NAMES, ("course", 2): "Chemistry"},
        "What was shown under these ids has another name now: course 2.",
    ),
    (
        DELETE,
        ARGUMENTS,
        {("course", 2): "Biology"},
        "What was shown under these ids has another name now: course 3.",
    ),
    (
        DELETE,
        ARGUMENTS,
        {("user", 2): "Biology", ("course", 3): "Physics"},
        "What was shown under these ids has another name now: course 2, user 2.",
    ),
]


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def asked(approvals: Approvals, subject: str = CALL) -> str:
    token = await approvals.ask(DELETE, ARGUMENTS, subject)
    assert token is not None
    return token


async def test_an_approval_lets_exactly_its_call_pass_once() -> None:
    approvals = Approvals(MemoryStore(), "ann")
    token = await asked(approvals)
    assert await approvals.use(token, CALL) is Use.GRANTED
    assert await approvals.use(token, CALL) is Use.USED


def test_the_order_of_keys_makes_no_other_call() -> None:
    turned = {"options": {"b": None, "a": 1}, "courseids": [2, 3]}
    assert subject_of(DELETE, turned, dict(reversed(NAMES.items()))) == CALL


@pytest.mark.parametrize(("function", "arguments", "names", "why"), OTHER_CALLS)
async def test_another_call_is_not_let_pass_and_the_approval_stays(
    function: str, arguments: dict[str, Any], names: dict[tuple[str, int], str], why: str
) -> None:
    approvals = Approvals(MemoryStore(), "ann")
    token = await asked(approvals)
    other = subject_of(function, arguments, names)
    assert await approvals.use(token, other) is Use.OTHER_CALL
    assert difference(CALL, other) == why
    assert await approvals.use(token, CALL) is Use.GRANTED


async def test_the_kept_call_is_found_until_it_is_used() -> None:
    clock = Clock()
    approvals = Approvals(MemoryStore(), "ann", clock)
    token = await asked(approvals)
    assert await approvals.find(token) == Approval(DELETE, ARGUMENTS, CALL, 1000.0)
    await approvals.use(token, CALL)
    assert await approvals.find(token) is Use.USED


async def test_an_ended_approval_counts_as_used() -> None:
    approvals = Approvals(MemoryStore(), "ann")
    token = await asked(approvals)
    await approvals.end(token)
    assert await approvals.use(token, CALL) is Use.USED


@pytest.mark.parametrize("token", ["", "x" * 24])
async def test_a_token_that_was_never_given_lets_nothing_pass(token: str) -> None:
    assert await Approvals(MemoryStore(), "ann").use(token, CALL) is Use.UNKNOWN


async def test_an_approval_expires_and_says_so_until_it_is_forgotten() -> None:
    clock = Clock()
    approvals = Approvals(MemoryStore(clock), "ann", clock)
    early, late = await asked(approvals), await asked(approvals)
    clock.now += LIFETIME - 0.5
    assert await approvals.use(early, CALL) is Use.GRANTED
    clock.now += 0.5
    assert await approvals.use(late, CALL) is Use.EXPIRED
    clock.now += 3600
    assert await approvals.use(late, CALL) is Use.UNKNOWN


async def test_two_hundred_approvals_are_kept_and_the_oldest_are_evicted() -> None:
    approvals = Approvals(MemoryStore(), "ann")
    subjects = [subject_of(DELETE, {"courseids": [number]}, {}) for number in range(201)]
    tokens = [await asked(approvals, subject) for subject in subjects]
    used = [await approvals.use(*each) for each in zip(tokens, subjects, strict=True)]
    assert used == [Use.UNKNOWN] + [Use.GRANTED] * 200


async def test_a_call_too_large_to_be_kept_gets_no_token() -> None:
    approvals = Approvals(MemoryStore(), "ann")
    assert await approvals.ask(DELETE, {"text": "x" * 9_000_000}, CALL) is None


async def test_of_concurrent_uses_one_is_granted() -> None:
    approvals = Approvals(MemoryStore(), "ann")
    token = await asked(approvals)
    used = await asyncio.gather(*(approvals.use(token, CALL) for _ in range(8)))
    assert used.count(Use.GRANTED) == 1


async def test_every_token_is_another() -> None:
    approvals = Approvals(MemoryStore(), "ann")
    tokens = {await asked(approvals) for _ in range(50)}
    assert len(tokens) == 50
    assert all(len(token) >= 24 for token in tokens)


async def test_an_approval_belongs_to_one_user() -> None:
    store = MemoryStore()
    token = await asked(Approvals(store, "ann"))
    assert await Approvals(store, "bob").use(token, CALL) is Use.UNKNOWN
    assert await Approvals(store, "ann").use(token, CALL) is Use.GRANTED
