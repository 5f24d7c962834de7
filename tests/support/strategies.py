"""Hypothesis strategies: trees of functions, arguments that fit a tree, and any JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from moodle_mcp.catalogue.model import (
    Batching,
    Function,
    ListOf,
    Node,
    Object,
    Value,
    scalar,
)
from moodle_mcp.catalogue.param_types import RULES
from moodle_mcp.catalogue.time_values import ParameterTimes
from moodle_mcp.catalogue.unix_seconds import seconds_of
from tests.support.recorded_types import accepted

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True)

ODD_NUMBERS = st.sampled_from(
    [float("nan"), float("inf"), float("-inf"), 2**63, -(2**63) - 1, 10**400, 10**4000, 1e300]
)
ODD_TEXTS = st.sampled_from(["", "\ud800", "\0", "[", "{}", "[]", "null", "1e999", "true", "5"])

TIMES = ParameterTimes()
COUNTRIES = st.sampled_from(["", "DE", "GB"])


def _one_of_the_recorded(type_: str) -> st.SearchStrategy[str]:
    texts = accepted(type_)
    # `sampled_from` would print hundreds of texts in the repr of the strategy.
    return st.integers(0, len(texts) - 1).map(texts.__getitem__)


RECORDED = {type_: _one_of_the_recorded(type_) for type_ in RULES} | {
    "raw": _one_of_the_recorded("raw") | TEXT.filter(RULES["raw"].accepts)
}
"""Texts that a real Moodle accepts, by PARAM_ type."""


def json_values(*odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return any JSON value, with these further leaves."""
    leaves = st.one_of(st.none(), st.booleans(), INT64, NUMBERS, TEXT, *odd)
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
        max_leaves=12,
    )


ANY_JSON = json_values(ODD_NUMBERS, ODD_TEXTS)
"""Includes what Python's parser accepts beyond JSON, such as NaN."""


def arguments_for(function: Function) -> st.SearchStrategy[dict[str, Any]]:
    """Return arguments that a function takes; an optional key may be absent, or null if that means
    the same.
    """
    return _object(function.params, function.name)


def values_for(node: Node, function: str = "", path: str = "") -> st.SearchStrategy[Any]:
    """Return values that a part of a function's tree takes; `path` is its place in the tree."""
    match node:
        case Value(type="int"):
            seconds = seconds_of(TIMES.kind(function, path))
            return INT64 if seconds is None else st.integers(seconds.start, seconds.stop - 1)
        case Value() if node.type in RECORDED:
            return RECORDED[node.type]
        case Value():
            return _SCALARS[scalar(node)]
        case ListOf():
            return st.lists(values_for(node.item, function, f"{path}[]"), min_size=1, max_size=3)
        case Object():
            # REST can't send an empty object, and one function has an object without keys.
            if not node.keys:
                return st.nothing()
            return _object(node, function, path).filter(_carries_something)


def _object(node: Object, function: str, path: str = "") -> st.SearchStrategy[dict[str, Any]]:
    values = {
        key: COUNTRIES
        if key == "country"
        else values_for(child, function, f"{path}.{key}".lstrip("."))
        for key, child in node.keys.items()
    }
    required = {key: values[key] for key, v in node.keys.items() if v.presence == "required"}
    optional = {
        key: st.none() | values[key]
        for key, child in node.keys.items()
        if child.presence != "required"
    }
    return st.fixed_dictionaries(required, optional=optional)


def _carries_something(value: Mapping[str, Any]) -> bool:
    return any(child is not None for child in value.values())


_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "integer": INT64,
    "number": NUMBERS,
    "boolean": st.booleans(),
    "string": TEXT,
}


PRESENCES = st.sampled_from(["required", "optional"])


def trees(leaf_types: tuple[str, ...] = ("int", "float", "bool", "text", "alphanumext")) -> Any:
    """Random trees of any shape."""
    leaves = st.builds(Value, st.sampled_from(leaf_types), st.booleans(), PRESENCES) | st.builds(
        Value,
        st.sampled_from(leaf_types),
        st.booleans(),
        st.just("default"),
        st.none() | st.booleans() | INT64 | TEXT,
    )

    def around(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        lists = st.builds(ListOf, inner, PRESENCES)
        objects = st.builds(Object, st.dictionaries(NAMES, inner, max_size=4), PRESENCES)
        return lists | objects

    return st.recursive(leaves, around, max_leaves=8)


OBJECTS = st.builds(Object, st.dictionaries(NAMES, trees(), max_size=4))

BATCHINGS = st.builds(
    Batching,
    items=st.lists(NAMES, min_size=1, max_size=2).map(tuple),
    on_item_error=st.sampled_from(["all_or_nothing", "per_item", "stops_midway", None]),
    repeat_is_harmless=st.booleans(),
    size=st.none() | st.integers(1, 1000),
    warnings=st.lists(TEXT, max_size=2).map(tuple),
    harmless_codes=st.lists(TEXT, max_size=2).map(tuple),
    errors_in=TEXT,
    check_with=TEXT,
)

FUNCTIONS = st.builds(
    Function,
    name=NAMES,
    component=NAMES,
    label=st.sampled_from(["read", "write", None]),
    capabilities=st.lists(NAMES, max_size=2).map(tuple),
    deprecated=st.booleans(),
    params=OBJECTS,
    returns=st.none() | trees(),
    batching=st.none() | BATCHINGS,
)
"""Typed functions with random trees."""
