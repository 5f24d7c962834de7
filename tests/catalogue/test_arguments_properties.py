"""Properties of the argument check for any arguments of any function."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from moodle_mcp.catalogue.arguments import ArgumentChecker
from moodle_mcp.catalogue.loading import RELEASES, load
from moodle_mcp.catalogue.model import Function
from moodle_mcp.errors import CallError, Kind
from moodle_mcp.site.protocol import REST, RESTFUL
from tests.support.strategies import ANY_JSON, NAMES, TEXT, arguments_for, json_values

CHECKER = ArgumentChecker()
CATALOGUES = [load(release) for release in RELEASES]
EXACT = [
    catalogue.get(name)
    for catalogue in CATALOGUES
    for name in catalogue
    if not catalogue.get(name).text.params
]
"""Functions whose trees say all of what is accepted: our texts narrow some to a few values."""

ANY_FUNCTION = st.sampled_from(EXACT)
FREE = Function("local_shop_get_orders", typed=False)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        items = cast("Mapping[str, Any]", value).items()
        return {key: without_nulls(child) for key, child in items if child is not None}
    if isinstance(value, list):
        return [without_nulls(child) for child in cast("list[Any]", value)]
    return value


@given(st.data())
def test_arguments_of_a_functions_own_tree_are_accepted_as_they_are(data: st.DataObject) -> None:
    function = data.draw(ANY_FUNCTION)
    arguments = data.draw(arguments_for(function))
    assert CHECKER.check(function, arguments) == without_nulls(arguments)


@given(st.data())
def test_checking_twice_changes_nothing(data: st.DataObject) -> None:
    function = data.draw(ANY_FUNCTION)
    once = CHECKER.check(function, data.draw(arguments_for(function)))
    assert CHECKER.check(function, once) == once


def check_anything(function: Function, arguments: dict[str, Any]) -> None:
    """Check that arguments pass and can be sent, or are refused with a valid report."""
    refusal = None
    checked: dict[str, Any] = {}
    try:
        checked = CHECKER.check(function, arguments)
    except CallError as error:
        refusal = error.fault
    if refusal is None:
        request = REST.encode(function.name, checked)
        assert request.cost.fields == request.body.count(b"&") + 2
        assert json.loads(RESTFUL.encode(function.name, checked).body) == checked
        return
    assert refusal.kind is Kind.INVALID_ARGUMENTS
    report = json.dumps(refusal.report(), ensure_ascii=False)
    assert len(report.encode("utf-8")) < 30_000


@given(ANY_FUNCTION, st.dictionaries(TEXT | NAMES, ANY_JSON, max_size=4))
def test_anything_else_is_accepted_or_refused(
    function: Function, arguments: dict[str, Any]
) -> None:
    check_anything(function, arguments)


@given(st.data())
def test_anything_in_the_place_of_an_argument_is_accepted_or_refused(data: st.DataObject) -> None:
    function = data.draw(ANY_FUNCTION.filter(lambda each: bool(each.params.keys)))
    keys = st.sampled_from(list(function.params.keys))
    check_anything(function, data.draw(st.dictionaries(keys, ANY_JSON, min_size=1)))


@given(st.dictionaries(TEXT | NAMES, ANY_JSON, max_size=4))
def test_anything_for_a_free_form_function_is_accepted_or_refused(
    arguments: dict[str, Any],
) -> None:
    check_anything(FREE, arguments)


@given(st.dictionaries(NAMES, json_values(), max_size=4))
def test_no_leaf_of_free_form_arguments_vanishes(arguments: dict[str, Any]) -> None:
    try:
        checked = CHECKER.check(FREE, arguments)
    except CallError:
        return
    sent = [name for name, value in arguments.items() if value is not None]
    assert list(checked) == sent
    assert REST.encode(FREE.name, checked).cost.fields == 2 + sum(map(leaves, checked.values()))


def leaves(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(leaves, cast("dict[str, Any]", value).values()))
    if isinstance(value, list):
        return sum(map(leaves, cast("list[Any]", value)))
    return 1
