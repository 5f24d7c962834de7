"""PHP's syntax tree, as tree-sitter gives it, and the names by which a file calls classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import tree_sitter_php
from tree_sitter import Language, Node, Parser

_PARSER: Final = Parser(Language(tree_sitter_php.language_php()))

CLASS_NAMES: Final = ("name", "qualified_name", "relative_scope")
"""Kinds of nodes that name a class."""


def parse(source: bytes) -> Node:
    """The root of a file's syntax tree."""
    return _PARSER.parse(source).root_node


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


@dataclass(slots=True)
class Names:
    """What class names mean at a place in a file. All names are lower case."""

    namespace: str = ""
    uses: dict[str, str] = field(default_factory=dict[str, str])
    own: str = ""
    """The class around the place."""
    parent: str = ""

    def use(self, declaration: Node) -> None:
        """Note a `use` declaration of the file."""
        prefix = "".join(text(each).lower() for each in children(declaration, "namespace_name"))
        for group in children(declaration, "namespace_use_group"):
            for clause in children(group):
                names = [text(each).lower() for each in clause.named_children]
                alias = names[1] if len(names) > 1 else names[0].rpartition("\\")[2]
                self.uses[alias] = f"{prefix}\\{names[0]}".lstrip("\\")
        for clause in children(declaration, "namespace_use_clause"):
            names = [text(each).lower().lstrip("\\") for each in clause.named_children]
            alias = names[1] if len(names) > 1 else names[0].rpartition("\\")[2]
            self.uses[alias] = names[0]

    def full(self, name: str) -> str:
        """The full name of a class that the file calls by this name."""
        name = name.lower()
        if name in ("self", "static"):
            return self.own
        if name == "parent":
            return self.parent
        if name.startswith("\\"):
            return name[1:]
        first, separator, rest = name.partition("\\")
        if first in self.uses:
            return self.uses[first] + separator + rest
        return f"{self.namespace}\\{name}" if self.namespace else name
