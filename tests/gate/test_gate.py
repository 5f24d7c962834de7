"""The gate over the whole catalogue."""

from __future__ import annotations

import pytest

from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.store import load
from moodle_mcp.errors import CallError, Kind
from moodle_mcp.gate.access import Access, access_of
from tests.conftest import gate

CATALOGUE = load()
ALL = [CATALOGUE.get(name) for name in CATALOGUE]


def test_read_access_lets_nothing_pass_that_moodle_labels_a_write() -> None:
    reading = gate("all", Access.READ)
    assert {function.access for function in reading.allowed(ALL)} == {"read"}


def test_write_access_lets_nothing_pass_that_deletes() -> None:
    allowed = gate("all", Access.WRITE).allowed(ALL)
    assert [function.name for function in allowed if "delete" in function.name] == []
    assert CATALOGUE.get("enrol_manual_enrol_users") in allowed


def test_a_function_without_a_label_needs_the_highest_access() -> None:
    plugin = Function("local_shop_get_orders", typed=False)
    assert access_of(plugin) is Access.DESTRUCTIVE
    assert (
        gate("local_shop_*", Access.WRITE).refusal(plugin) == "needs MOODLE_MCP_ACCESS=destructive"
    )


@pytest.mark.parametrize("function", ALL, ids=lambda function: function.name)
def test_the_list_and_the_call_decide_the_same(function: Function) -> None:
    for access in Access:
        checked = gate("all,-core_user_*", access)
        listed = function in checked.allowed([function])
        try:
            checked.check(function)
        except CallError as error:
            assert error.fault.kind is Kind.NOT_ALLOWED
            assert error.fault.written == "nothing"
            assert not listed
        else:
            assert listed
