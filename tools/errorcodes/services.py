"""The external functions that a Moodle source tree declares in its `db/services.php` files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import tree_sitter_php
from tree_sitter import Language, Node, Parser

from tools.errorcodes.php import children, literal, text


def external_functions(root: Path) -> Iterator[tuple[str, str]]:
    """Each function's name and its method, `class::method`."""
    parser = Parser(Language(tree_sitter_php.language_php()))
    for path in sorted(root.rglob("db/services.php")):
        if "tests" in path.parts:
            continue
        for array in _arrays(parser.parse(path.read_bytes()).root_node):
            for name, value in _pairs(array):
                fields = dict(_pairs(value)) if value.type == "array_creation_expression" else {}
                if "classname" in fields:
                    method = literal(fields.get("methodname")) or "execute"
                    yield name, f"{_class_name(fields['classname'])}::{method}"


def _arrays(root: Node) -> Iterator[Node]:
    """The arrays that the file's statements assign: `$functions = [...]`."""
    for statement in children(root, "expression_statement"):
        for assignment in children(statement, "assignment_expression"):
            if text(assignment.child_by_field_name("left")) == "$functions":
                value = assignment.child_by_field_name("right")
                if value is not None:
                    yield value


def _pairs(array: Node) -> Iterator[tuple[str, Node]]:
    for element in children(array, "array_element_initializer"):
        if element.named_child_count == 2:
            key = literal(element.named_children[0])
            if key is not None:
                yield key, element.named_children[1]


def _class_name(node: Node) -> str:
    name = literal(node)
    return (text(node).removesuffix("::class") if name is None else name).lstrip("\\").lower()
