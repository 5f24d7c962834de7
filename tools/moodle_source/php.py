"""Read what a PHP file of Moodle defines, calls and throws; parsed with tree-sitter, never run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from tree_sitter import Node

from tools.moodle_source.model import Call, Class, Routine, Source, Terms
from tools.moodle_source.syntax import CLASS_NAMES, Names, children, literal, parse, text
from tools.moodle_source.types import Term, class_constant, class_of, declared, documented, scope
from tools.moodle_source.values import arguments, literals, warning_codes

_CLASSES: Final = frozenset(
    {"class_declaration", "trait_declaration", "interface_declaration", "enum_declaration"}
)
_BODIES: Final = frozenset({"function_definition", "method_declaration"})


def read(path: Path, name: str) -> Source:
    """Parse a file; `name` is how the result calls it."""
    return _Reader(name).read(parse(path.read_bytes()))


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file
        self._names = Names()
        self._class = Class("", [])
        self._source = Source([Routine(file, file)])

    def read(self, root: Node) -> Source:
        self._walk(root, self._source.routines[0], ())
        return self._source

    def _walk(self, node: Node, inside: Routine, parameters: tuple[str, ...]) -> None:
        comment = ""
        for child in node.named_children:
            kind = child.type
            if kind == "comment":
                comment = text(child)
                self._inline(comment, inside)
                continue
            if kind == "namespace_definition":
                self._names.namespace = text(child.child_by_field_name("name")).lower()
                self._walk(child, inside, parameters)
            elif kind == "namespace_use_declaration":
                self._names.use(child)
            elif kind in _CLASSES:
                self._declare(child)
            elif kind in _BODIES:
                self._body(child, comment)
            elif kind == "property_declaration":
                self._property(child, comment)
            else:
                self._note(child, inside, parameters)
                self._walk(child, inside, parameters)
            comment = ""

    def _declare(self, node: Node) -> None:
        outer = self._class, self._names
        name = text(node.child_by_field_name("name")).lower()
        own = f"{self._names.namespace}\\{name}" if self._names.namespace else name
        bases = self._listed(node, "base_clause")
        interfaces = self._listed(node, "class_interface_clause")
        self._names = replace(self._names, own=own, parent=bases[0] if bases else "")
        body = node.child_by_field_name("body")
        traits = self._listed(body, "use_declaration") if body else []
        self._class = Class(own, [*bases, *traits, *interfaces])
        self._source.classes.append(self._class)
        if body is not None:
            self._walk(body, self._source.routines[0], ())
        self._class, self._names = outer

    def _listed(self, node: Node, clause: str) -> list[str]:
        return [
            self._names.full(text(each))
            for one in children(node, clause)
            for each in children(one, "name", "qualified_name")
        ]

    def _property(self, node: Node, comment: str) -> None:
        terms = set(declared(node.child_by_field_name("type"), self._names))
        terms |= {term for tag, _, term in documented(comment, self._names) if tag == "var"}
        for element in children(node, "property_element"):
            _add(self._class.properties, text(element.child_by_field_name("name"))[1:], terms)

    def _body(self, node: Node, comment: str) -> None:
        name = text(node.child_by_field_name("name")).lower()
        here = self._names.own or self._names.namespace
        separator = "::" if self._names.own else "\\"
        routine = Routine(f"{here}{separator}{name}" if here else name, self._file)
        self._source.routines.append(routine)
        for tag, variable, term in documented(comment, self._names):
            if tag == "param" and variable:
                _add(routine.variables, variable, [term])
            elif tag == "return":
                routine.returns.add(term)
        routine.returns |= set(declared(node.child_by_field_name("return_type"), self._names))
        parameters = tuple(self._parameters(node, routine))
        body = node.child_by_field_name("body")
        if body is not None:
            _note_texts(body, routine)
            inferred = not routine.returns
            self._walk(body, routine, parameters)
            if inferred:
                routine.returns |= set(self._returned(body))

    def _parameters(self, node: Node, routine: Routine) -> Iterator[str]:
        given = node.child_by_field_name("parameters")
        for each in children(given) if given else ():
            name = text(each.child_by_field_name("name"))
            terms = set(declared(each.child_by_field_name("type"), self._names))
            _add(routine.variables, name[1:], terms)
            if each.type == "property_promotion_parameter":
                _add(self._class.properties, name[1:], terms)
            yield name

    def _returned(self, node: Node) -> Iterator[Term]:
        """Return the classes that a routine without a declared return type returns."""
        for child in node.named_children:
            if child.type == "return_statement" and child.named_child_count:
                yield from class_of(child.named_children[0], self._names)
            elif child.type not in ("anonymous_function", "arrow_function"):
                yield from self._returned(child)

    def _inline(self, comment: str, inside: Routine) -> None:
        for tag, variable, term in documented(comment, self._names):
            if tag == "var" and variable:
                _add(inside.variables, variable, [term])

    def _note(self, node: Node, inside: Routine, parameters: tuple[str, ...]) -> None:
        match node.type:
            case "object_creation_expression":
                self._call(node, inside, parameters, self._made(node))
            case "function_call_expression":
                self._alias(node)
                self._call(node, inside, parameters, self._function(node))
                self._call_back(node, inside)
            case "scoped_call_expression":
                self._call(node, inside, parameters, self._static(node))
            case "member_call_expression" | "nullsafe_member_call_expression":
                self._call(node, inside, parameters, self._method(node))
            case "assignment_expression":
                self._assign(node, inside)
                self._warn(node, inside)
            case "array_element_initializer":
                self._warn(node, inside)
            case "foreach_statement":
                self._loop(node, inside)
            case "simple_parameter":
                terms = declared(node.child_by_field_name("type"), self._names)
                _add(inside.variables, text(node.child_by_field_name("name"))[1:], terms)
            case _:
                pass

    def _call(
        self, node: Node, inside: Routine, parameters: tuple[str, ...], call: Call | None
    ) -> None:
        if call is None:
            inside.dynamic += 1
            return
        listed = next(children(node, "arguments"), None)
        passed = arguments(listed, parameters, inside.texts)
        line = node.start_point[0] + 1
        inside.calls.append(replace(call, line=line, arguments=passed))

    def _alias(self, node: Node) -> None:
        """Note `class_alias(one::class, other::class)`."""
        if text(node.child_by_field_name("function")) == "class_alias":
            listed = node.child_by_field_name("arguments")
            named = (
                [class_constant(each, self._names) for each in children(listed)] if listed else []
            )
            match named[:2]:
                case [Term(name=meant), Term(name=other)]:
                    self._source.aliases[other] = meant
                case _:
                    pass

    def _made(self, node: Node) -> Call | None:
        terms = tuple(class_of(node, self._names))
        return Call("new", "__construct", 0, terms, "new ") if terms else None

    def _function(self, node: Node) -> Call | None:
        name = node.child_by_field_name("function")
        if name is None or name.type not in ("name", "qualified_name"):
            return None
        called = text(name).lower()
        return Call("function", self._names.uses.get(called, called).lstrip("\\"), 0)

    def _call_back(self, node: Node, inside: Routine) -> None:
        """Note `$function()` and `call_user_func($function)` where its name's end is known."""
        called = node.child_by_field_name("function")
        given = node.child_by_field_name("arguments")
        if text(called).startswith("call_user_func") and given and given.named_children:
            called = given.named_children[0].named_children[-1]
        line = node.start_point[0] + 1
        for ending in inside.endings.get(text(called), ()):
            inside.calls.append(Call("callback", ending, line))

    def _static(self, node: Node) -> Call | None:
        owner, name = (node.child_by_field_name(each) for each in ("scope", "name"))
        if owner is None or owner.type not in CLASS_NAMES or name is None or name.type != "name":
            return None
        terms = (scope(owner, self._names),)
        return Call("static", text(name).lower(), 0, terms, f"{text(owner).lower()}::")

    def _method(self, node: Node) -> Call | None:
        owner, name = (node.child_by_field_name(each) for each in ("object", "name"))
        if name is None or name.type != "name":
            return None
        terms = tuple(class_of(owner, self._names))
        return Call("method", text(name).lower(), 0, terms, f"{text(owner)[-40:]}->")

    def _assign(self, node: Node, inside: Routine) -> None:
        left = node.child_by_field_name("left")
        terms = set(class_of(node.child_by_field_name("right"), self._names))
        if left is None or not terms:
            return
        if left.type == "variable_name":
            _add(inside.variables, text(left)[1:], terms)
        elif text(left.child_by_field_name("object")) == "$this":
            kept = {term for term in terms if term.kind in ("class", "this")}
            _add(self._class.properties, text(left.child_by_field_name("name")), kept)

    def _loop(self, node: Node, inside: Routine) -> None:
        if node.named_child_count < 2:
            return
        of, element = node.named_children[:2]
        variable = element.named_children[-1] if element.type == "pair" else element
        if variable.type == "variable_name":
            terms = [Term("element", "", each) for each in class_of(of, self._names)]
            _add(inside.variables, text(variable)[1:], terms)

    def _warn(self, node: Node, inside: Routine) -> None:
        line = node.start_point[0] + 1
        inside.warnings += [(code, line) for code in warning_codes(node, inside.texts)]


def _add(to: Terms, name: str, terms: Iterable[Term]) -> None:
    found = set(terms)
    if found:
        to.setdefault(name, set()).update(found)


def _note_texts(node: Node, routine: Routine) -> None:
    for child in node.named_children:
        if child.type == "assignment_expression":
            name = text(child.child_by_field_name("left"))
            value = child.child_by_field_name("right")
            routine.texts.setdefault(name, set()).update(literals(value, routine.texts))
            ending = _ending(value)
            if ending is not None:
                routine.endings.setdefault(name, set()).add(ending)
        _note_texts(child, routine)


def _ending(value: Node | None) -> str | None:
    """The end of a function's name in `$plugin . '_end'` or `"{$plugin}_end"`."""
    if value is None or value.type not in ("binary_expression", "encapsed_string"):
        return None
    last = value.named_children[-1] if value.named_children else None
    end = literal(last) if value.type == "binary_expression" else text(last)
    return end[1:].lower() if end and end.startswith("_") and end[1:].isidentifier() else None
