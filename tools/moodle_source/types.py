"""What the source says about the class of a value.

A term is a class, or says where to look the class up: a variable, a property, the return value of a
routine. `calls.Calls` looks terms up once all files are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from tree_sitter import Node

from tools.moodle_source.syntax import CLASS_NAMES, Names, children, text

_TAG: Final = re.compile(r"@(param|return|var)\s+(\S+)(?:\s+(?:&|\.\.\.)?\$(\w+))?")
_NO_CLASS: Final = frozenset(
    {"int", "integer", "string", "bool", "boolean", "float", "double", "array", "mixed", "void"}
    | {"null", "false", "true", "object", "resource", "callable", "iterable", "scalar", "never"}
)
_CLASS: Final = re.compile(r"\\?[A-Za-z_][\w\\]*")


@dataclass(frozen=True, slots=True)
class Term:
    """The class of an expression.

    `result` is what the routine `name` returns, a function's if `of` is None; `list` is a list of
    `of`, and `element` an element of the list `of`.
    """

    kind: Literal["class", "this", "variable", "property", "result", "list", "element"]
    name: str = ""
    of: Term | None = None


THIS: Final = Term("this")


def class_of(node: Node | None, names: Names) -> Iterator[Term]:
    """Return the terms of an expression; none if its class is not known."""
    if node is None:
        return
    match node.type:
        case "variable_name":
            name = text(node)[1:]
            yield THIS if name == "this" else Term("variable", name)
        case "object_creation_expression":
            yield from (scope(each, names) for each in list(children(node, *CLASS_NAMES))[:1])
        case "member_access_expression" | "nullsafe_member_access_expression":
            yield from _of(node, "property", names)
        case "member_call_expression" | "nullsafe_member_call_expression":
            yield from _called(node, names)
        case "scoped_call_expression" | "scoped_property_access_expression":
            yield from _scoped(node, names)
        case "function_call_expression":
            called = list(children(node, "name", "qualified_name"))[:1]
            yield from (Term("result", text(each).lower().lstrip("\\")) for each in called)
        case "subscript_expression":
            for of in class_of(node.named_children[0], names):
                yield Term("element", "", of)
        case _:
            for part in _choices(node):
                yield from class_of(part, names)


def _choices(node: Node) -> Iterator[Node | None]:
    """Return the alternatives of an expression, one of which is its value."""
    if node.type == "conditional_expression":
        yield from (node.child_by_field_name(each) for each in ("body", "alternative"))
    elif node.type == "binary_expression" and text(node.child_by_field_name("operator")) == "??":
        yield from (node.child_by_field_name(each) for each in ("left", "right"))
    elif node.type in ("parenthesized_expression", "clone_expression", "assignment_expression"):
        yield node.named_children[-1]


def scope(node: Node, names: Names) -> Term:
    """The class that stands before `::` or after `new`."""
    name = text(node).lower()
    return THIS if name == "static" else Term("class", names.full(name))


def declared(node: Node | None, names: Names) -> Iterator[Term]:
    """The classes of a type declaration."""
    if node is None:
        return
    if node.type == "named_type":
        yield from _named(text(node), names)
    for child in children(node):
        yield from declared(child, names)


def class_constant(argument: Node, names: Names) -> Term | None:
    """The class of an argument `name::class`."""
    value = argument.named_children[-1:]
    if not value or value[0].type != "class_constant_access_expression":
        return None
    named, constant = value[0].named_children
    return scope(named, names) if text(constant) == "class" else None


def documented(comment: str, names: Names) -> Iterator[tuple[str, str, Term]]:
    """The tag, the variable (or "") and the class of each tag of a comment."""
    for tag, written, variable in _TAG.findall(comment):
        for one in written.split("|"):
            listed = one.endswith("[]")
            for term in _named(one.removesuffix("[]").lstrip("?"), names):
                yield tag, variable, Term("list", "", term) if listed else term


def _named(name: str, names: Names) -> Iterator[Term]:
    low = name.lower()
    if low in ("static", "$this"):
        yield THIS
    elif low not in _NO_CLASS and _CLASS.fullmatch(name):
        yield Term("class", names.full(name))


def _called(node: Node, names: Names) -> Iterator[Term]:
    asked = _asked_for(node, names)
    if asked is None:
        yield from _of(node, "result", names)
    else:
        yield asked


def _scoped(node: Node, names: Names) -> Iterator[Term]:
    owner = node.child_by_field_name("scope")
    name = text(node.child_by_field_name("name"))
    if owner is None or owner.type not in CLASS_NAMES:
        return
    if node.type == "scoped_property_access_expression":
        yield Term("property", name.lstrip("$"), scope(owner, names))
    else:
        yield _asked_for(node, names) or Term("result", name.lower(), scope(owner, names))


def _asked_for(node: Node, names: Names) -> Term | None:
    """The class in `get(name::class)`: what Moodle's dependency injection answers with."""
    given = node.child_by_field_name("arguments")
    if given is None or given.named_child_count != 1:
        return None
    if text(node.child_by_field_name("name")) != "get":
        return None
    return class_constant(given.named_children[0], names)


def _of(node: Node, kind: Literal["property", "result"], names: Names) -> Iterator[Term]:
    name = node.child_by_field_name("name")
    if name is not None and name.type == "name":
        member = text(name) if kind == "property" else text(name).lower()
        for owner in class_of(node.child_by_field_name("object"), names):
            yield Term(kind, member, owner)
