"""Assignments."""

from __future__ import annotations

from tree_sitter import Node

from tools.moodle_source.syntax import text
from tools.signatures.machine import Machine
from tools.signatures.operators import operated
from tools.signatures.scope import Scope
from tools.signatures.values import Array, Instance, Php, Unknown, UnreadableError, append, key_of


class Assignments(Machine):
    """Evaluates assignments; an array that is changed is copied, as PHP does."""

    def _update_expression(self, node: Node, here: Scope) -> Php:
        operand = node.named_children[0]
        before = self.value(operand, here)
        if isinstance(before, Unknown):
            return before
        after = before + (1 if "++" in text(node) else -1)
        self.store(operand, after, here)
        return after if text(node)[0] in "+-" else before

    def _assignment_expression(self, node: Node, here: Scope) -> Php:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return None
        value = self.value(right, here)
        self.store(left, value, here)
        return value

    def _augmented_assignment_expression(self, node: Node, here: Scope) -> Php:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        sign = text(node.child_by_field_name("operator")).removesuffix("=")
        if left is None or right is None:
            return None
        before = self.value(left, here)
        if sign == "??":
            missing = before is None or isinstance(before, Unknown)
            value = self.value(right, here) if missing else before
        else:
            value = operated(sign, before, self.value(right, here))
        self.store(left, value, here)
        return value

    def store(self, target: Node, value: Php, here: Scope) -> None:
        """Assign a value; an array that is changed is copied, as PHP does."""
        match target.type:
            case "variable_name":
                here.variables[text(target)[1:]] = value
            case "subscript_expression":
                base, *keys = target.named_children
                before = self.value(base, here)
                copy = Array(before) if isinstance(before, Array) else Array()
                if keys:
                    copy[key_of(self.value(keys[0], here))] = value
                else:
                    append(copy, value)
                self.store(base, copy, here)
            case "member_access_expression":
                owner = self.value(target.named_children[0], here)
                if isinstance(owner, Instance):
                    owner.properties[self.member(target, here)] = value
            case "scoped_property_access_expression":
                scope = self.scope(target.named_children[0], here)
                self.set_static(scope, text(target.named_children[1])[1:], value)
            case "list_literal" | "array_creation_expression":
                for number, each in enumerate(target.named_children):
                    inside = each.named_children[-1] if each.type.startswith("array_el") else each
                    part = value.get(number) if isinstance(value, Array) else Unknown("list")
                    self.store(inside, part, here)
            case "by_ref":
                self.store(target.named_children[0], value, here)
            case _:
                raise UnreadableError(f"{target.type} = …")

    def unset(self, target: Node, here: Scope) -> None:
        """Remove a variable or an element."""
        if target.type == "subscript_expression":
            base, key = target.named_children
            before = self.value(base, here)
            if isinstance(before, Array):
                gone = key_of(self.value(key, here))
                kept = Array({k: v for k, v in before.items() if k != gone})
                self.store(base, kept, here)
        elif target.type == "variable_name":
            here.variables.pop(text(target)[1:], None)
        elif target.type == "member_access_expression":
            owner = self.value(target.named_children[0], here)
            if isinstance(owner, Instance):
                owner.properties.pop(self.member(target, here), None)

    _reference_assignment_expression = _assignment_expression
