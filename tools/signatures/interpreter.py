"""Evaluate the methods in which Moodle declares a function's parameters and answer.

Those methods build objects of a few classes and little else, so a small part of PHP is enough. What
depends on the site (its settings, its database, the user) is an `Unknown`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tree_sitter import Node

from tools.moodle_source.syntax import Names, children, text
from tools.signatures import natives
from tools.signatures.expressions import Expressions
from tools.signatures.index import Declared, Index
from tools.signatures.scope import ReturnSignal, Scope, StopSignal
from tools.signatures.values import Array, Function, Instance, Php, Unknown, UnreadableError, array

_DEEP: Final = 60
_LONG: Final = 1_000
_COMPONENTS: Final = ("core_component", "core\\component")


class Interpreter(Expressions):
    """Runs methods and functions of a source tree."""

    def __init__(self, index: Index, builtin: Mapping[str, Callable[..., None]]) -> None:
        """`builtin` are the constructors of classes that are not read, by full name; each gets the
        object and the arguments.
        """
        self.index = index
        self._builtin = builtin
        self._statics: dict[tuple[str, str], Php] = {}
        self._depth = 0
        self._config = natives.config(index.root)
        self._statements: Mapping[str, Callable[[Node, Scope], None]] = {
            "expression_statement": self._expression,
            "if_statement": self._if,
            "foreach_statement": self._foreach,
            "for_statement": self._loop,
            "while_statement": self._loop,
            "switch_statement": self._switch,
            "unset_statement": self._unset,
            "function_static_declaration": self._static_variable,
            "global_declaration": self._global,
        }

    def ancestors(self, name: str) -> Iterator[Declared]:
        """Yield a class and its ancestors, nearest first."""
        waiting, seen = [name], set[str]()
        while waiting:
            declared = self.index.declared(waiting.pop(0))
            if declared is not None and declared.name not in seen:
                seen.add(declared.name)
                yield declared
                waiting = [*declared.parents, *waiting]

    def method(self, scope: str, name: str) -> tuple[Declared, Node] | None:
        """Return a method and the class or trait that declares it."""
        for declared in self.ancestors(scope):
            if name.lower() in declared.methods:
                return declared, declared.methods[name.lower()]
        return None

    def call(self, scope: str, name: str, arguments: Scope, this: Instance | None = None) -> Php:
        """Call a method; `scope` is the class that `static` means."""
        if scope in _COMPONENTS and name == "get_plugin_list":
            return natives.plugins(self.index.root, arguments.argument(0, "plugintype"))
        if scope in natives.OF_THE_SITE:
            return Unknown(f"{scope}::{name}()")
        if name.lower() in ("from", "tryfrom"):
            return self._case(scope, arguments.argument(0, "value"))
        found = self.method(scope, name)
        if found is None:
            return Unknown(f"{scope}::{name}()")
        declared, node = found
        # A trait's method belongs to the class that uses it.
        owner = declared.name
        return self.run(node, declared.names, arguments, owner=owner, static=scope, this=this)

    def new(self, name: str, arguments: Scope) -> Php:
        """Make an object."""
        declared = self.index.declared(name)
        made = Instance(declared.name if declared else name)
        for each in reversed(list(self.ancestors(made.of))):
            for key, value in each.properties.items():
                made.properties[key] = self._of_class(each, value)
        self.construct(made, made.of, arguments)
        return made

    def construct(self, made: Instance, name: str, arguments: Scope) -> None:
        """Run the constructor of a class, its own or inherited."""
        for declared in self.ancestors(name):
            if declared.name in self._builtin:
                self._builtin[declared.name](made, arguments)
                return
            if "__construct" in declared.methods:
                self.run(
                    declared.methods["__construct"],
                    declared.names,
                    arguments,
                    owner=declared.name,
                    static=made.of,
                    this=made,
                )
                return
        if name in self._builtin:
            self._builtin[name](made, arguments)

    def run(
        self,
        node: Node,
        names: Names,
        arguments: Scope,
        *,
        owner: str = "",
        static: str = "",
        this: Instance | None = None,
    ) -> Php:
        """Run a body and return what it returns."""
        here = Scope(names, owner, static or owner, this)
        self.bind(node, arguments, here)
        body = node.child_by_field_name("body")
        self._depth += 1
        try:
            if body is None or self._depth > _DEEP:
                return Unknown(f"{owner}: too deep or without a body")
            if node.type == "arrow_function":
                return self.value(body, here)
            self.execute(body, here)
        except ReturnSignal as returned:
            return returned.value
        finally:
            self._depth -= 1
        return None

    def bind(self, node: Node, arguments: Scope, here: Scope) -> None:
        """Give the parameters of a routine their values."""
        listed = node.child_by_field_name("parameters")
        for number, parameter in enumerate(children(listed) if listed else ()):
            name = text(parameter.child_by_field_name("name"))[1:]
            default = parameter.child_by_field_name("default_value")
            if parameter.type == "variadic_parameter":
                value: Php = array(arguments.positional[number:])
            elif number < len(arguments.positional):
                value = arguments.positional[number]
            elif name in arguments.named:
                value = arguments.named[name]
            else:
                value = Unknown(f"${name}") if default is None else self.value(default, here)
            here.variables[name] = value
            if parameter.type == "property_promotion_parameter" and here.this is not None:
                here.this.properties[name] = value

    def static(self, scope: str, name: str) -> Php:
        """Return a class's static property."""
        for declared in self.ancestors(scope):
            if name in declared.properties:
                key = declared.name, name
                if key not in self._statics:
                    self._statics[key] = self._of_class(declared, declared.properties[name])
                return self._statics[key]
        return Unknown(f"{scope}::${name}")

    def set_static(self, scope: str, name: str, value: Php) -> None:
        """Set a class's static property."""
        for declared in self.ancestors(scope):
            if name in declared.properties:
                self._statics[declared.name, name] = value

    def constant(self, scope: str, name: str) -> Php:
        """Return a class's constant, or an enum's case."""
        for declared in self.ancestors(scope):
            if name in declared.constants:
                value = self._of_class(declared, declared.constants[name])
                if not declared.is_enum:
                    return value
                # A case is one object, however often it is named.
                case = Instance(declared.name, {"name": name, "value": value})
                return self._statics.setdefault((declared.name, f"case {name}"), case)
        return Unknown(f"{scope}::{name}")

    def _case(self, scope: str, value: Php) -> Php:
        """Return the case of an enum with a value."""
        declared = self.index.declared(scope)
        for name in declared.constants if declared and declared.is_enum else ():
            case = self.constant(scope, name)
            if isinstance(case, Instance) and case.properties["value"] == value:
                return case
        return None

    def _of_class(self, declared: Declared, node: Node | None) -> Php:
        here = Scope(declared.names, declared.name, declared.name, None)
        return None if node is None else self.value(node, here)

    def execute(self, node: Node, here: Scope) -> None:
        """Run a statement.

        Raises:
            UnreadableError: it is of a kind that declarations have no use for.
        """
        match node.type:
            case "compound_statement" | "colon_block":
                for each in node.named_children:
                    self.execute(each, here)
            case "return_statement":
                values = list(children(node))
                raise ReturnSignal(self.value(values[0], here) if values else None)
            case "continue_statement" | "break_statement":
                raise StopSignal(node.type)
            case "try_statement":
                self.execute(node.named_children[0], here)
            case "comment" | "echo_statement" | "empty_statement":
                pass
            case kind if kind in self._statements:
                self._statements[kind](node, here)
            case _:
                raise UnreadableError(f"{node.type}: {text(node)[:60]}")

    def _unset(self, node: Node, here: Scope) -> None:
        for each in node.named_children:
            self.unset(each, here)

    def _static_variable(self, node: Node, here: Scope) -> None:
        for each in children(node, "static_variable_declaration"):
            name = text(each.child_by_field_name("name"))[1:]
            value = each.child_by_field_name("value")
            here.variables[name] = None if value is None else self.value(value, here)

    def _global(self, node: Node, here: Scope) -> None:
        for each in node.named_children:
            name = text(each)[1:]
            here.variables[name] = self._config if name == "CFG" else Unknown(text(each))

    def _expression(self, node: Node, here: Scope) -> None:
        for each in node.named_children:
            if each.type == "throw_expression":
                raise UnreadableError(text(each)[:80])
            if each.type not in ("require_once_expression", "require_expression", "comment"):
                self.value(each, here)

    def _if(self, node: Node, here: Scope) -> None:
        parts = [(node.child_by_field_name("condition"), node.child_by_field_name("body"))]
        parts += [
            (each.child_by_field_name("condition"), each.child_by_field_name("body"))
            for each in children(node, "else_if_clause")
        ]
        for condition, body in parts:
            if condition is not None and self.true(condition, here):
                if body is not None:
                    self.execute(body, here)
                return
        for each in children(node, "else_clause"):
            self.execute(each.named_children[-1], here)

    def _foreach(self, node: Node, here: Scope) -> None:
        parts = [each for each in node.named_children if each.type != "comment"]
        of, element = parts[0], parts[1]
        values = self.value(of, here)
        if not isinstance(values, Array):
            raise UnreadableError(f"foreach ({text(of)[:40]})")
        body = node.child_by_field_name("body") or parts[-1]
        for key, value in list(values.items()):
            if element.type == "pair":
                self.store(element.named_children[0], key, here)
                self.store(element.named_children[1], value, here)
            else:
                self.store(element, value, here)
            try:
                self.execute(body, here)
            except StopSignal as stop:
                if stop.kind == "break_statement":
                    return

    def _loop(self, node: Node, here: Scope) -> None:
        first, condition, step, body = (
            node.child_by_field_name(each) for each in ("initialize", "condition", "update", "body")
        )
        if first is not None:
            self.value(first, here)
        for _ in range(_LONG):
            if condition is None or not self.true(condition, here):
                return
            try:
                if body is not None:
                    self.execute(body, here)
            except StopSignal as stop:
                if stop.kind == "break_statement":
                    return
            if step is not None:
                self.value(step, here)
        raise UnreadableError(f"a loop without an end: {text(node)[:40]}")

    def _switch(self, node: Node, here: Scope) -> None:
        condition, block = (node.child_by_field_name(each) for each in ("condition", "body"))
        if condition is None or block is None:
            return
        value = self.value(condition, here)
        if isinstance(value, Unknown):
            raise UnreadableError(f"switch ({value.what})")
        cases = list(children(block))
        found = next(
            (i for i, each in enumerate(cases) if self._is_case(each, value, here)),
            next((i for i, each in enumerate(cases) if each.type == "default_statement"), None),
        )
        for each in cases[found:] if found is not None else []:
            skip = 1 if each.type == "case_statement" else 0
            try:
                for statement in each.named_children[skip:]:
                    self.execute(statement, here)
            except StopSignal:
                return

    def _is_case(self, case: Node, value: Php, here: Scope) -> bool:
        if case.type != "case_statement":
            return False
        return self.value(case.named_children[0], here) == value

    def closure(self, node: Node, here: Scope) -> Function:
        """Return a closure, which sees the variables around it as they are now."""
        around = dict(here.variables)

        def run(*given: Any) -> Php:
            inside = Scope(here.names, here.owner, here.static, here.this)
            inside.variables.update(around)
            self.bind(node, Scope.of(*given), inside)
            body = node.child_by_field_name("body")
            if body is None:
                return None
            if node.type == "arrow_function":
                return self.value(body, inside)
            try:
                self.execute(body, inside)
            except ReturnSignal as returned:
                return returned.value
            return None

        return Function(run)
