"""The compact JSON of the data files loses nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from inline_snapshot import snapshot

from moodle_mcp.catalogue.codec import (
    function_from_json,
    function_to_json,
    node_from_json,
    node_to_json,
)
from moodle_mcp.catalogue.model import Batching, Function, ListOf, Node, Object, Value
from tests.support.strategies import FUNCTIONS, trees


@given(trees())
def test_a_tree_comes_back_as_it_was(tree: Node) -> None:
    assert node_from_json(json.loads(json.dumps(node_to_json(tree)))) == tree


@given(FUNCTIONS)
def test_a_function_comes_back_as_it_was(function: Function) -> None:
    data = json.loads(json.dumps(function_to_json(function)))
    assert function_from_json(function.name, data) == function


def test_what_is_usual_is_left_out() -> None:
    function = Function(
        "mod_x_add",
        component="mod_x",
        label="write",
        params=Object(
            {
                "id": Value("int"),
                "note": Value("raw", nullable=True, presence="default"),
                "values": ListOf(Value("text"), "default", ["a"]),
                "more": Object({}, "optional"),
            }
        ),
        batching=Batching(("values",), "stops_midway"),
    )
    assert function_to_json(function) == snapshot(
        {
            "component": "mod_x",
            "access": "write",
            "batching": {"items": ["values"], "on_item_error": "stops_midway"},
            "params": {
                "keys": {
                    "id": {"type": "int"},
                    "note": {"type": "raw", "null": True, "default": None},
                    "values": {"item": {"type": "text"}, "default": ["a"]},
                    "more": {"keys": {}, "optional": True},
                }
            },
            "returns": None,
        }
    )


def test_parameters_that_are_no_object_are_refused() -> None:
    with pytest.raises(TypeError):
        function_from_json("f", {"component": "c", "params": {"type": "int"}, "returns": None})
