"""The values of PHP's expressions."""

from __future__ import annotations

from typing import Final

from tree_sitter import Node

from tools.moodle_source.syntax import children, text
from tools.signatures import natives
from tools.signatures.assignments import Assignments
from tools.signatures.calls import Calls
from tools.signatures.operators import as_text, operated
from tools.signatures.scope import Scope
from tools.signatures.values import (
    Array,
    Instance,
    Php,
    Unknown,
    UnreadableError,
    append,
    key_of,
    truth,
)

_ESCAPES: Final = {"\\n": "\n", "\\t": "\t", "\\'": "'", '\\"': '"', "\\\\": "\\", "\\$": "$"}
_WORDS: Final = {"true": True, "false": False, "null": None}


class Expressions(Calls, Assignments):
    """Evaluates expressions; `Interpreter` runs what they call."""

    def value(self, node: Node, here: Scope) -> Php:
        """Return the value of an expression."""
        evaluate = getattr(self, f"_{node.type}", None)
        return (
            Unknown(f"{node.type}: {text(node)[:60]}") if evaluate is None else evaluate(node, here)
        )

    def _parenthesized_expression(self, node: Node, here: Scope) -> Php:
        return self.value(next(children(node)), here)

    def _argument(self, node: Node, here: Scope) -> Php:
        return self.value(node.named_children[-1], here)

    def _integer(self, node: Node, _: Scope) -> Php:
        return int(text(node).replace("_", ""), 0 if "x" in text(node) else 10)

    def _float(self, node: Node, _: Scope) -> Php:
        return float(text(node))

    def _boolean(self, node: Node, _: Scope) -> Php:
        return text(node).lower() == "true"

    def _null(self, _: Node, __: Scope) -> Php:
        return None

    def _string(self, node: Node, here: Scope) -> Php:
        return self._encapsed_string(node, here)

    def _heredoc(self, node: Node, _: Scope) -> Php:
        return text(node)

    def _encapsed_string(self, node: Node, here: Scope) -> Php:
        parts: list[str] = []
        for each in node.named_children:
            if each.type == "string_content":
                parts.append(text(each))
            elif each.type == "escape_sequence":
                parts.append(_ESCAPES.get(text(each), text(each)))
            else:
                value = self.value(each, here)
                if isinstance(value, Unknown):
                    return value
                parts.append(as_text(value))
        return "".join(parts)

    def _name(self, node: Node, here: Scope) -> Php:
        name = text(node)
        if name.lower() in _WORDS:
            return _WORDS[name.lower()]
        if name in ("__CLASS__", "__FUNCTION__", "__DIR__", "__FILE__"):
            return here.owner
        if name in natives.CONSTANTS:
            return natives.CONSTANTS[name]
        found = self.index.defined(name.rpartition("\\")[2])
        if found is None:
            return Unknown(name)
        return self.value(found[0], Scope(found[1]))

    _qualified_name = _name

    def _variable_name(self, node: Node, here: Scope) -> Php:
        name = text(node)[1:]
        if name == "this":
            return here.this
        return here.variables.get(name, Unknown(f"${name}"))

    def _array_creation_expression(self, node: Node, here: Scope) -> Php:
        made = Array()
        for element in children(node, "array_element_initializer"):
            parts = [each for each in element.named_children if each.type != "comment"]
            if parts[0].type == "variadic_unpacking":
                inside = self.value(parts[0].named_children[0], here)
                if not isinstance(inside, Array):
                    raise UnreadableError(f"...{text(parts[0])[:40]}")
                for key, value in inside.items():
                    if isinstance(key, int):
                        append(made, value)
                    else:
                        made[key] = value
            elif len(parts) == 2:
                made[key_of(self.value(parts[0], here))] = self.value(parts[1], here)
            else:
                append(made, self.value(parts[0], here))
        return made

    def _cast_expression(self, node: Node, here: Scope) -> Php:
        value = self.value(node.named_children[-1], here)
        if isinstance(value, Unknown):
            return value
        match text(node.child_by_field_name("type")):
            case "array":
                return value if isinstance(value, Array) else _properties(value)
            case "object":
                return Instance("stdclass", value) if isinstance(value, Array) else value
            case "bool" | "boolean":
                return truth(value)
            case "int" | "integer":
                return int(value or 0)
            case "string":
                return as_text(value)
            case _:
                return value

    def _unary_op_expression(self, node: Node, here: Scope) -> Php:
        operand = node.named_children[-1]
        sign = text(node)[0]
        if sign == "!":
            return not self.true(operand, here)
        value = self.value(operand, here)
        if isinstance(value, Unknown):
            return value
        return -value if sign == "-" else value

    def _conditional_expression(self, node: Node, here: Scope) -> Php:
        condition, body, other = (
            node.child_by_field_name(each) for each in ("condition", "body", "alternative")
        )
        found = self.value(condition, here) if condition else None
        if isinstance(found, Unknown):
            return found
        if truth(found):
            return found if body is None else self.value(body, here)
        return None if other is None else self.value(other, here)

    def _binary_expression(self, node: Node, here: Scope) -> Php:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        sign = text(node.child_by_field_name("operator")).lower()
        if left is None or right is None:
            return Unknown(text(node)[:60])
        if sign in ("&&", "and"):
            return self.true(left, here) and self.true(right, here)
        if sign in ("||", "or"):
            return self.true(left, here) or self.true(right, here)
        first = self.value(left, here)
        if sign == "??":
            return self.value(right, here) if first is None or isinstance(first, Unknown) else first
        if sign == "instanceof":
            wanted = here.names.full(text(right))
            return isinstance(first, Instance) and any(
                each.name == wanted for each in self.ancestors(first.of)
            )
        return operated(sign, first, self.value(right, here))

    def _match_expression(self, node: Node, here: Scope) -> Php:
        condition, block = (node.child_by_field_name(each) for each in ("condition", "body"))
        value = self.value(condition, here) if condition else None
        if isinstance(value, Unknown):
            return value
        for arm in children(block) if block else ():
            listed = arm.child_by_field_name("conditional_expressions")
            tried = [self.value(each, here) for each in children(listed)] if listed else [value]
            if value in tried:
                return self.value(arm.named_children[-1], here)
        return Unknown(text(node)[:60])

    def _subscript_expression(self, node: Node, here: Scope) -> Php:
        base = self.value(node.named_children[0], here)
        if isinstance(base, Unknown):
            return base
        key = self.value(node.named_children[1], here)
        if isinstance(key, Unknown):
            return key
        return base.get(key_of(key)) if isinstance(base, Array) else Unknown(text(node)[:60])

    def _member_access_expression(self, node: Node, here: Scope) -> Php:
        owner = self.value(node.named_children[0], here)
        if isinstance(owner, Instance):
            return owner.properties.get(self.member(node, here))
        return owner if isinstance(owner, Unknown) else Unknown(text(node)[:60])

    _nullsafe_member_access_expression = _member_access_expression

    def _class_constant_access_expression(self, node: Node, here: Scope) -> Php:
        scope, name = self.scope(node.named_children[0], here), text(node.named_children[1])
        return scope if name == "class" else self.constant(scope, name)

    def _scoped_property_access_expression(self, node: Node, here: Scope) -> Php:
        return self.static(
            self.scope(node.named_children[0], here), text(node.named_children[1])[1:]
        )

    def _anonymous_function(self, node: Node, here: Scope) -> Php:
        return self.closure(node, here)

    _arrow_function = _anonymous_function
    _anonymous_function_creation_expression = _anonymous_function


def _properties(value: Php) -> Array:
    return Array(value.properties) if isinstance(value, Instance) else Array({0: value})
