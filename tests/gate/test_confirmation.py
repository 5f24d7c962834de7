"""Permissions for one exact call: single use, for a while, and not without bound."""

from __future__ import annotations

from typing import Any

import pytest

from moodle_mcp.gate.confirmation import LIFETIME, Permissions

DELETE = "core_course_delete_courses"
ARGUMENTS: dict[str, Any] = {"courseids": [2, 3], "options": {"a": 1, "b": None}}


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_permission_lets_exactly_its_call_pass_once() -> None:
    permissions = Permissions()
    token = permissions.ask(DELETE, ARGUMENTS)
    assert permissions.use(token, DELETE, ARGUMENTS)
    assert not permissions.use(token, DELETE, ARGUMENTS)


def test_the_order_of_keys_makes_no_other_call() -> None:
    permissions = Permissions()
    token = permissions.ask(DELETE, ARGUMENTS)
    turned = {"options": {"b": None, "a": 1}, "courseids": [2, 3]}
    assert permissions.use(token, DELETE, turned)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("core_course_delete_modules", ARGUMENTS),
        (DELETE, {**ARGUMENTS, "courseids": [3, 2]}),
        (DELETE, {**ARGUMENTS, "courseids": [2]}),
        (DELETE, {}),
    ],
)
def test_any_other_call_is_not_let_pass_and_ends_the_permission(
    function: str, arguments: dict[str, Any]
) -> None:
    permissions = Permissions()
    token = permissions.ask(DELETE, ARGUMENTS)
    assert not permissions.use(token, function, arguments)
    assert not permissions.use(token, DELETE, ARGUMENTS)


@pytest.mark.parametrize("token", ["", "x" * 24])
def test_a_token_that_was_never_given_lets_nothing_pass(token: str) -> None:
    assert not Permissions().use(token, DELETE, ARGUMENTS)


def test_a_permission_ends_after_its_time() -> None:
    clock = Clock()
    permissions = Permissions(clock)
    early, late = permissions.ask(DELETE, ARGUMENTS), permissions.ask(DELETE, ARGUMENTS)
    clock.now += LIFETIME - 0.5
    assert permissions.use(early, DELETE, ARGUMENTS)
    clock.now += 0.5
    assert not permissions.use(late, DELETE, ARGUMENTS)


def test_two_hundred_permissions_are_kept_and_the_oldest_make_room() -> None:
    permissions = Permissions()
    tokens = [permissions.ask(DELETE, {"courseids": [number]}) for number in range(201)]
    used = [
        permissions.use(token, DELETE, {"courseids": [number]})
        for number, token in enumerate(tokens)
    ]
    assert used == [False] + [True] * 200


def test_a_token_cannot_be_guessed_and_is_not_given_twice() -> None:
    permissions = Permissions()
    tokens = {permissions.ask(DELETE, ARGUMENTS) for _ in range(50)}
    # 18 bytes of randomness.
    assert {len(token) for token in tokens} == {24}
    assert len(tokens) == 50
