"""Arguments that are too many, and wrong ones among very many."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from inline_snapshot import snapshot

from moodle_mcp.catalogue import arguments as arguments_module
from moodle_mcp.catalogue import compiled
from moodle_mcp.catalogue.arguments import ArgumentChecker
from moodle_mcp.catalogue.loading import load
from moodle_mcp.errors import CallError
from moodle_mcp.jsontree import MAX_ITEMS, MAX_VALUES
from moodle_mcp.service.discovery import inner_call

USERS = load().get("core_user_create_users")
EMPTY: Any = {}
GOOD: Any = {
    "username": "u",
    "password": "Good-pass-1",
    "firstname": "A",
    "lastname": "B",
    "email": "u@school.example",
}


def fault(arguments: Any) -> dict[str, Any]:
    """The report of a check that fails."""
    with pytest.raises(CallError) as refused:
        ArgumentChecker().check(USERS, arguments)
    return refused.value.fault.report()


@pytest.mark.parametrize(
    "arguments",
    [
        {"users": [GOOD] * (MAX_ITEMS + 1)},
        {"users": [{"x": [0] * 1000}] * (MAX_VALUES // 1000)},
        {"users": json.dumps([[]] * MAX_VALUES)},
        {"users": [" " + json.dumps([[]] * 1000)] * (MAX_VALUES // 1000)},
    ],
    ids=["items", "values", "a text", "texts"],
)
def test_too_many_are_refused_before_they_are_looked_at(
    monkeypatch: pytest.MonkeyPatch, arguments: Any
) -> None:
    def unexpected(*_: Any) -> Any:
        raise NotImplementedError

    monkeypatch.setattr(arguments_module, "accept", unexpected)
    assert fault(arguments) == snapshot(
        {
            "kind": "too_large",
            "message": "Nothing was sent: the arguments of one call may have 300,000 values, and 50,000 entries in one list.",
            "hint": "Send fewer or smaller items in one call, in several calls.",
            "retryable": False,
            "written": "nothing",
        }
    )


def test_the_facade_reads_no_text_of_too_many_arguments() -> None:
    text = json.dumps({"users": [[]] * MAX_VALUES})
    with pytest.raises(CallError) as refused:
        inner_call({"function": USERS.name, "arguments": text})
    assert refused.value.fault.kind.code == "too_large"


class Counting:
    """A validator that counts the errors that are made."""

    def __init__(self, inner: jsonschema_rs.Draft202012Validator, made: list[int]) -> None:
        self._inner = inner
        self._made = made

    def is_valid(self, value: Any) -> bool:
        return self._inner.is_valid(value)

    def iter_errors(self, value: Any) -> Any:
        errors = list(self._inner.iter_errors(value))
        self._made.append(len(errors))
        return iter(errors)


@pytest.mark.parametrize(
    "users",
    [
        [EMPTY] * 40_000,
        [GOOD] * 30_000 + [{"x": 1}] * 3_000,
        [GOOD] * 30_000 + [EMPTY],
        [EMPTY] + [GOOD] * 30_000,
        [GOOD | {"customfields": [{"type": "a"}] * 40_000}],
    ],
    ids=["all", "from one on", "the last", "the first", "inside an item"],
)
def test_the_first_wrong_ones_of_many_are_found_without_making_all_errors(
    monkeypatch: pytest.MonkeyPatch, users: Any
) -> None:
    made: list[int] = []
    inner = compiled.jsonschema_rs.Draft202012Validator

    def counting(schema: Any) -> Counting:
        return Counting(inner(schema), made)

    monkeypatch.setattr(compiled.jsonschema_rs, "Draft202012Validator", counting)
    with pytest.raises(CallError) as refused:
        ArgumentChecker().check(USERS, {"users": users})
    first = next(index for index, user in enumerate(users) if user != GOOD)
    assert refused.value.fault.parameters[0].path.startswith(f"users[{first}].")
    assert len(made) == 1
    assert made[0] <= 10_000


def test_a_check_of_many_says_that_there_may_be_more() -> None:
    assert fault({"users": [GOOD] * 30_000 + [{"username": "x"}]})["message"] == snapshot(
        "Nothing was sent: users[30000].firstname is missing and required (and at least 2 more)."
    )
    assert fault({"users": [GOOD, {"username": "x"}]})["message"] == snapshot(
        "Nothing was sent: users[1].firstname is missing and required (and 2 more)."
    )
