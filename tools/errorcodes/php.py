"""What a PHP file of Moodle defines, calls and throws; parsed with tree-sitter, never run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import tree_sitter_php
from tree_sitter import Language, Node, Parser

_PARSER: Final = Parser(Language(tree_sitter_php.language_php()))

_CLASSES: Final = frozenset(
    {"class_declaration", "trait_declaration", "interface_declaration", "enum_declaration"}
)
_BODIES: Final = frozenset({"function_definition", "method_declaration"})
_CALLS: Final = frozenset(
    {
        "function_call_expression",
        "scoped_call_expression",
        "member_call_expression",
        "nullsafe_member_call_expression",
    }
)
Argument = tuple[str, ...] | int
"""The texts that may be passed, or the position of the own parameter that is passed on."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call: `scope` is a class's full name, "$this", or empty for a function; None is unknown."""

    name: str
    scope: str | None
    line: int
    arguments: tuple[Argument, ...] = ()


@dataclass(slots=True)
class Routine:
    """A function or a method. `full` is `function` or `class::method`, lower case."""

    full: str
    file: str
    calls: list[Call] = field(default_factory=list[Call])
    made: list[Call] = field(default_factory=list[Call])
    """Objects that are made with `new`: `name` is the class."""
    warned: list[Call] = field(default_factory=list[Call])
    """The codes of the warnings that it puts into an answer."""
    texts: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """The literal texts that are assigned to its variables."""


@dataclass(slots=True)
class Class:
    """A class with its parent and the traits that it uses, by full name."""

    name: str
    parents: list[str]


@dataclass(slots=True)
class Source:
    """What one file holds; what stands outside functions is the routine named as the file is."""

    routines: list[Routine] = field(default_factory=list[Routine])
    classes: list[Class] = field(default_factory=list[Class])


def read(path: Path, name: str) -> Source:
    """Parse a file, called `name` in what is found."""
    return _Reader(name).read(_PARSER.parse(path.read_bytes()).root_node)


def children(node: Node, *kinds: str) -> Iterator[Node]:
    """The named children of a node, of these kinds if any are given."""
    return (each for each in node.named_children if not kinds or each.type in kinds)


def text(node: Node | None) -> str:
    """The source of a node."""
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def literal(node: Node | None) -> str | None:
    """The value of a text without variables, or None."""
    if node is None or node.type not in ("string", "encapsed_string"):
        return None
    if any(each.type not in ("string_content", "escape_sequence") for each in node.named_children):
        return None
    return text(node)[1:-1].replace("\\\\", "\\")


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file
        self._namespace = ""
        self._uses: dict[str, str] = {}
        self._class = ""
        self._parent = ""
        self._source = Source()

    def read(self, root: Node) -> Source:
        outside = Routine(self._file, self._file)
        self._source.routines.append(outside)
        self._walk(root, outside, ())
        return self._source

    def _walk(self, node: Node, inside: Routine, parameters: tuple[str, ...]) -> None:
        for child in node.named_children:
            kind = child.type
            if kind == "namespace_definition":
                self._namespace = text(child.child_by_field_name("name")).lower()
                self._walk(child, inside, parameters)
            elif kind == "namespace_use_declaration":
                self._use(child)
            elif kind in _CLASSES:
                self._declare(child)
            elif kind in _BODIES:
                self._body(child)
            else:
                self._note(child, inside, parameters)
                self._walk(child, inside, parameters)

    def _use(self, node: Node) -> None:
        for clause in children(node, "namespace_use_clause"):
            names = [text(each).lower().lstrip("\\") for each in clause.named_children]
            alias = names[1] if len(names) > 1 else names[0].rpartition("\\")[2]
            self._uses[alias] = names[0]

    def _declare(self, node: Node) -> None:
        outer = self._class, self._parent
        name = text(node.child_by_field_name("name")).lower()
        self._class = f"{self._namespace}\\{name}" if self._namespace else name
        bases = [base for clause in children(node, "base_clause") for base in children(clause)]
        self._parent = self.full_name(text(bases[0])) if bases else ""
        body = node.child_by_field_name("body")
        traits = [
            self.full_name(text(each))
            for use in (children(body, "use_declaration") if body else ())
            for each in children(use, "name", "qualified_name")
        ]
        parents = [each for each in (self._parent, *traits) if each]
        self._source.classes.append(Class(self._class, parents))
        if body is not None:
            self._walk(body, self._source.routines[0], ())
        self._class, self._parent = outer

    def _body(self, node: Node) -> None:
        name = text(node.child_by_field_name("name")).lower()
        here = self._class or self._namespace
        separator = "::" if self._class else "\\"
        routine = Routine(f"{here}{separator}{name}" if here else name, self._file)
        self._source.routines.append(routine)
        given = node.child_by_field_name("parameters")
        parameters = tuple(
            text(each.child_by_field_name("name")) for each in (children(given) if given else ())
        )
        body = node.child_by_field_name("body")
        if body is not None:
            _note_texts(body, routine)
            self._walk(body, routine, parameters)

    def _note(self, node: Node, inside: Routine, parameters: tuple[str, ...]) -> None:
        line = node.start_point[0] + 1
        if node.type == "object_creation_expression":
            named = next(children(node, "name", "qualified_name", "relative_scope"), None)
            if named is not None:
                listed = next(children(node, "arguments"), None)
                made = self.full_name(text(named))
                inside.made.append(Call(made, made, line, _arguments(listed, parameters, inside)))
        elif node.type in _CALLS:
            listed = node.child_by_field_name("arguments")
            name, scope = self._called(node)
            if name:
                inside.calls.append(Call(name, scope, line, _arguments(listed, parameters, inside)))

        elif node.type in ("array_element_initializer", "assignment_expression"):
            for code in _warning_codes(node, inside):
                inside.warned.append(Call(code, None, line))

    def _called(self, node: Node) -> tuple[str, str | None]:
        name = node.child_by_field_name("name") or node.child_by_field_name("function")
        if name is None or name.type not in ("name", "qualified_name"):
            return "", None
        called = text(name).lower()
        match node.type:
            case "function_call_expression":
                return self._uses.get(called, called).lstrip("\\"), ""
            case "scoped_call_expression":
                scope = node.child_by_field_name("scope")
                if scope is None or scope.type not in ("name", "qualified_name", "relative_scope"):
                    return called, None
                return called, self.full_name(text(scope))
            case _:
                own = text(node.child_by_field_name("object")) == "$this"
                return called, self._class if own and self._class else None

    def full_name(self, name: str) -> str:
        """A class's full name, lower case, from the name by which this file calls it."""
        name = name.lower()
        if name in ("self", "static"):
            return self._class
        if name == "parent":
            return self._parent
        if name.startswith("\\"):
            return name[1:]
        first, separator, rest = name.partition("\\")
        if first in self._uses:
            return self._uses[first] + separator + rest
        return f"{self._namespace}\\{name}" if self._namespace else name


def _note_texts(node: Node, routine: Routine) -> None:
    for child in node.named_children:
        if child.type == "assignment_expression":
            name = text(child.child_by_field_name("left"))
            values = _literals(child.child_by_field_name("right"), routine)
            routine.texts.setdefault(name, set()).update(values)
        _note_texts(child, routine)


def _warning_codes(node: Node, inside: Routine) -> tuple[str, ...]:
    """The codes in `'warningcode' => 'x'` or `$warning['warningcode'] = 'x'`."""
    if node.named_child_count != 2:
        return ()
    key, value = node.named_children
    if key.type == "subscript_expression":
        key = key.named_children[-1]
    return _literals(value, inside) if literal(key) == "warningcode" else ()


def _arguments(
    node: Node | None, parameters: tuple[str, ...], inside: Routine
) -> tuple[Argument, ...]:
    listed = () if node is None else children(node, "argument")
    return tuple(_argument(each, parameters, inside) for each in listed)


def _argument(node: Node, parameters: tuple[str, ...], inside: Routine) -> Argument:
    value = node.named_children[-1] if node.named_children else None
    if value is not None and value.type == "variable_name" and text(value) in parameters:
        return parameters.index(text(value))
    return _literals(value, inside)


def _literals(node: Node | None, inside: Routine) -> tuple[str, ...]:
    """The texts that an expression can be: a literal, a choice of them, or a variable's."""
    if node is None:
        return ()
    if node.type == "variable_name":
        return tuple(sorted(inside.texts.get(text(node), ())))
    if node.type == "conditional_expression":
        branches = (node.child_by_field_name(each) for each in ("body", "alternative"))
        return tuple(each for branch in branches for each in _literals(branch, inside))
    value = literal(node)
    return () if value is None else (value,)
