"""What we tell agents: complete for every profile, within its budget, in the right places."""

from __future__ import annotations

import pytest

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.model import ListOf, Node, Object, Value, scalar
from moodle_mcp.catalogue.store import load
from moodle_mcp.cli.tools import size_of
from moodle_mcp.gate.whitelist import PROFILES, profile
from moodle_mcp.server.toolset import Toolset, to_tool
from tests.conftest import gate

CATALOGUE = load()
DESCRIBED = sorted({function for name in PROFILES for function in profile(name)})
TYPES = {"string": str, "integer": int, "number": float, "boolean": bool}


def paths(node: Node, path: str = "") -> dict[str, Node]:
    match node:
        case Value():
            return {path: node}
        case ListOf():
            return {path: node} | paths(node.item, f"{path}[]")
        case Object():
            inner = [paths(child, f"{path}.{key}".lstrip(".")) for key, child in node.keys.items()]
            return {path: node} | {at: each for found in inner for at, each in found.items()}


@pytest.mark.parametrize("name", DESCRIBED)
def test_every_function_of_a_profile_is_described_with_each_of_its_values(name: str) -> None:
    function = CATALOGUE.get(name)
    tree = paths(function.params)
    assert 0 < len(function.text.text) < 500
    assert function.text.params.keys() - tree.keys() == set()
    described = function.text.params.keys()
    values = {path for path, node in tree.items() if isinstance(node, Value)}
    # An item of a plain list is described by the list.
    assert {
        path for path in values - described if path.removesuffix("[]") not in described
    } == set()


@pytest.mark.parametrize("name", DESCRIBED)
def test_the_values_named_for_a_parameter_are_of_its_type(name: str) -> None:
    function = CATALOGUE.get(name)
    tree = paths(function.params)
    for path, text in function.text.params.items():
        node = tree[path]
        for value in text.enum:
            assert isinstance(node, Value)
            assert isinstance(value, TYPES[scalar(node)])
        if text.enum and isinstance(node, Value) and node.default is not None:
            assert node.default in text.enum


@pytest.mark.parametrize(
    ("name", "tokens"), [(name, 8_000 if name == "default" else 20_000) for name in PROFILES]
)
def test_a_profile_keeps_to_its_budget_of_tokens(name: str, tokens: int) -> None:
    """At four bytes a token; tools/tokens.py counts with a real tokenizer."""
    toolset = Toolset(gate(name, Access.DESTRUCTIVE))
    assert len(toolset.functions) == len(profile(name))
    assert size_of(map(to_tool, toolset.functions)) / 4 <= tokens
