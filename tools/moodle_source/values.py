"""The literal texts that an expression can have as its value."""

from __future__ import annotations

from collections.abc import Mapping

from tree_sitter import Node

from tools.moodle_source.syntax import children, literal, text

Argument = tuple[str, ...] | int
"""An argument: its possible texts, or the position of the caller's parameter that is passed on."""

Texts = Mapping[str, set[str]]
"""The literal texts that are assigned to each variable, by its name with `$`."""


def literals(node: Node | None, texts: Texts) -> tuple[str, ...]:
    """The texts that an expression can be: a literal, a choice of them, or a variable's."""
    if node is None:
        return ()
    if node.type == "variable_name":
        return tuple(sorted(texts.get(text(node), ())))
    if node.type == "conditional_expression":
        branches = (node.child_by_field_name(each) for each in ("body", "alternative"))
        return tuple(each for branch in branches for each in literals(branch, texts))
    value = literal(node)
    return () if value is None else (value,)


def arguments(node: Node | None, parameters: tuple[str, ...], texts: Texts) -> tuple[Argument, ...]:
    """What the arguments of a call can be."""
    listed = () if node is None else children(node, "argument")
    return tuple(_argument(each, parameters, texts) for each in listed)


def warning_codes(node: Node, texts: Texts) -> tuple[str, ...]:
    """The codes in `'warningcode' => 'x'` or `$warning['warningcode'] = 'x'`."""
    if node.named_child_count != 2:
        return ()
    key, value = node.named_children
    if key.type == "subscript_expression":
        key = key.named_children[-1]
    return literals(value, texts) if literal(key) == "warningcode" else ()


def _argument(node: Node, parameters: tuple[str, ...], texts: Texts) -> Argument:
    value = node.named_children[-1] if node.named_children else None
    if value is not None and value.type == "variable_name" and text(value) in parameters:
        return parameters.index(text(value))
    return literals(value, texts)
