"""Calls of functions, methods and constructors."""

from __future__ import annotations

from typing import Final

from tree_sitter import Node

from tools.moodle_source.syntax import children, text
from tools.signatures import natives
from tools.signatures.functions import FUNCTIONS
from tools.signatures.machine import Machine
from tools.signatures.scope import Scope
from tools.signatures.values import Array, Function, Instance, Php, Unknown, truth

_TEXTS: Final = frozenset({"get_string", "get_string_manager", "get_strings", "s"})


class Calls(Machine):
    """Evaluates calls."""

    def arguments(self, node: Node | None, here: Scope) -> Scope:
        """Return the arguments of a call."""
        given = Scope()
        for each in children(node, "argument") if node else ():
            name = each.child_by_field_name("name")
            inside = each.named_children[-1]
            if inside.type == "variadic_unpacking":
                values = self.value(inside.named_children[0], here)
                given.positional += values.values() if isinstance(values, Array) else []
            elif name is not None:
                given.named[text(name)] = self.value(inside, here)
            else:
                given.positional.append(self.value(inside, here))
        return given

    def _object_creation_expression(self, node: Node, here: Scope) -> Php:
        parts = [each for each in node.named_children if each.type != "arguments"]
        given = self.arguments(next(children(node, "arguments"), None), here)
        return self.new(self.scope(parts[0], here), given)

    def _scoped_call_expression(self, node: Node, here: Scope) -> Php:
        owner = node.named_children[0]
        scope, name = self.scope(owner, here), text(node.child_by_field_name("name"))
        given = self.arguments(node.child_by_field_name("arguments"), here)
        if name == "__construct" and here.this is not None:
            self.construct(here.this, scope, given)
            return None
        inherited = text(owner).lower() in ("parent", "self")
        if not inherited:
            return self.call(scope, name, given)
        return self._inherited(scope, name, given, here)

    def _inherited(self, scope: str, name: str, given: Scope, here: Scope) -> Php:
        """Call a method of a class on the present object, so that `static` stays the same."""
        for declared in self.ancestors(scope):
            found = declared.methods.get(name.lower())
            if found is not None:
                return self.run(
                    found, declared.names, given,
                    owner=declared.name, static=here.static or scope, this=here.this,
                )  # fmt: skip
        return self.call(scope, name, given)

    def _member_call_expression(self, node: Node, here: Scope) -> Php:
        owner = self.value(node.named_children[0], here)
        given = self.arguments(node.child_by_field_name("arguments"), here)
        if isinstance(owner, Instance):
            return self.call(owner.of, self.member(node, here), given, owner)
        return owner if isinstance(owner, Unknown) else Unknown(text(node)[:60])

    def _function_call_expression(self, node: Node, here: Scope) -> Php:
        called, listed = (node.child_by_field_name(each) for each in ("function", "arguments"))
        name = text(called).lower().lstrip("\\")
        if called is None or name in ("isset", "empty"):
            return self._is_set(name, listed, here)
        given = self.arguments(listed, here)
        if called.type not in ("name", "qualified_name"):
            value = self.value(called, here)
            return value.call(*given.positional) if isinstance(value, Function) else Unknown(name)
        return self._called(name, given, here)

    def _is_set(self, name: str, listed: Node | None, here: Scope) -> Php:
        if name == "empty" and listed is not None:
            value = self.value(listed.named_children[0], here)
            return value if isinstance(value, Unknown) else not truth(value)
        values = [self.value(each, here) for each in children(listed)] if listed else []
        return all(value is not None and not isinstance(value, Unknown) for value in values)

    def _called(self, name: str, given: Scope, here: Scope) -> Php:
        values = given.positional
        if name in _TEXTS:
            return Unknown("a text in the user's language")
        if name in ("call_user_func", "call_user_func_array"):
            rest = list(values[1].values()) if name.endswith("array") else values[1:]
            return self._callback(values[0], rest)
        if name in ("get_called_class", "get_class"):
            return values[0].of if values and isinstance(values[0], Instance) else here.static
        if name in ("class_exists", "method_exists", "is_subclass_of", "property_exists"):
            return self._asked(name, values)
        if name == "get_config":
            return Instance("stdclass") if len(values) == 1 else False
        if name == "load_capability_def":
            return natives.capabilities(self.index.root, values[0], self.value)
        if name in FUNCTIONS:
            if name == "array_map" and not isinstance(values[0], Function):
                values = [Function(lambda *a: self._callback(values[0], list(a))), *values[1:]]
            if any(isinstance(each, Unknown) for each in values):
                return next(each for each in values if isinstance(each, Unknown))
            return FUNCTIONS[name](*values, **given.named)
        found = self.index.function(name)
        return Unknown(f"{name}()") if found is None else self.run(found[0], found[1], given)

    def _callback(self, called: Php, values: list[Php]) -> Php:
        match called:
            case Function():
                return called.call(*values)
            case Array() if isinstance(called.get(0), Instance):
                return self.call(called[0].of, str(called[1]), Scope.of(*values), called[0])
            case Array() if isinstance(called.get(0), str):
                scope = called[0].lower().lstrip("\\")
                return self.call(scope, str(called[1]), Scope.of(*values))
            case str() if "::" in called:
                scope, _, name = called.partition("::")
                return self.call(scope.lower().lstrip("\\"), name, Scope.of(*values))
            case _:
                return Unknown("call_user_func()")

    def _asked(self, name: str, values: list[Php]) -> Php:
        first = values[0].of if isinstance(values[0], Instance) else values[0]
        if not isinstance(first, str):
            return Unknown(name)
        classes = list(self.ancestors(first.lower().lstrip("\\")))
        match name:
            case "class_exists":
                return bool(classes)
            case "is_subclass_of":
                wanted = values[1].lower().lstrip("\\")
                return any(each.name == wanted for each in classes[1:])
            case "method_exists":
                return any(values[1].lower() in each.methods for each in classes)
            case _:
                return any(values[1] in each.properties for each in classes)

    _nullsafe_member_call_expression = _member_call_expression
