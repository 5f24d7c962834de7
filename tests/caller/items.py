"""Items for the batches of these tests, and limits that cut them into requests of four."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from moodle_mcp.caller.limits import Limits
from moodle_mcp.catalogue.model import Function
from moodle_mcp.site.protocol import Protocol

PER_REQUEST = 4
COURSE = 12
MISSING = 999_000
"""Ids from here on do not exist."""


def enrolment(number: int) -> Any:
    return {"roleid": 5, "userid": 10 + number, "courseid": COURSE}


def user(number: int) -> Any:
    name = f"matrix{number}"
    return {
        "username": name,
        "password": "Good-pass-1",
        "firstname": "Max",
        "lastname": f"Matrix {number}",
        "email": f"{name}@school.example",
    }


def update(number: int) -> Any:
    return {"id": 10 + number, "city": f"Matrix {number}"}


def note(number: int) -> Any:
    return {
        "userid": 10 + number,
        "publishstate": "course",
        "courseid": COURSE,
        "text": f"Matrix {number}",
        "format": 1,
    }


def message(number: int) -> Any:
    return {"touserid": 10 + number, "text": f"Matrix {number}", "textformat": 0}


def limits_for(protocol: Protocol, function: Function, items: Sequence[Any]) -> Limits:
    """Limits that let four items into a request, and no fifth."""
    assert function.batching is not None
    name = function.batching.items[0]
    costs = [protocol.item_cost({name: [item]}, 1) for item in items]
    empty = protocol.encode(function.name, {name: []}).cost
    return Limits(
        empty.fields + PER_REQUEST * max(cost.fields for cost in costs),
        empty.bytes + PER_REQUEST * max(cost.bytes for cost in costs),
    )
