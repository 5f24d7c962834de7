"""What a Moodle source tree declares in its `db` files: external functions, observers, hooks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tree_sitter import Node

from tools.moodle_source.syntax import children, literal, parse, text


def external_functions(root: Path) -> Iterator[tuple[str, str]]:
    """Return each function's name and its method, `class::method`."""
    for array in _declared(root, "services", "$functions"):
        for name, value in _pairs(array):
            fields = dict(_pairs(value)) if value.type == "array_creation_expression" else {}
            if "classname" in fields:
                method = literal(fields.get("methodname")) or "execute"
                yield name, f"{_class_name(fields['classname'])}::{method}"


def renamed_classes(root: Path) -> Iterator[tuple[str, str]]:
    """Each old name of a class, with the class that it means now."""
    for array in _declared(root, "renamedclasses", "$renamedclasses"):
        for old, new in _pairs(array):
            yield old.lower().lstrip("\\"), _class_name(new)


def observers(root: Path) -> Iterator[tuple[str, str]]:
    """Yield each event or hook with the method or function that observes it."""
    for array in _declared(root, "events", "$observers"):
        yield from _entries(array, "eventname")
    for array in _declared(root, "hooks", "$callbacks"):
        yield from _entries(array, "hook")


def _entries(array: Node, key: str) -> Iterator[tuple[str, str]]:
    for element in children(array, "array_element_initializer"):
        fields = dict(_pairs(element.named_children[-1]))
        if key in fields and "callback" in fields:
            yield _class_name(fields[key]), _callable(fields["callback"])


def _callable(node: Node) -> str:
    """The routine of `'a::b'`, `a::class . '::b'` or `[a::class, 'b']`."""
    parts = [_class_name(each) for each in _leaves(node)]
    return "::".join(part.strip(":") for part in parts)


def _leaves(node: Node) -> Iterator[Node]:
    if node.type in ("class_constant_access_expression", "string", "encapsed_string"):
        yield node
    else:
        for child in node.named_children:
            yield from _leaves(child)


def _declared(root: Path, file: str, variable: str) -> Iterator[Node]:
    for path in sorted(root.rglob(f"db/{file}.php")):
        if "tests" not in path.parts:
            yield from _assigned(parse(path.read_bytes()), variable)


def _assigned(root: Node, variable: str) -> Iterator[Node]:
    """What the file's statements assign to a variable, as in `$functions = [...]`."""
    for statement in children(root, "expression_statement"):
        for assignment in children(statement, "assignment_expression"):
            if text(assignment.child_by_field_name("left")) == variable:
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
