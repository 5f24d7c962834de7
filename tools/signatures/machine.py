"""What evaluating an expression needs of the interpreter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from tree_sitter import Node

from tools.moodle_source.syntax import CLASS_NAMES, Names, text
from tools.signatures.index import Declared, Index
from tools.signatures.scope import Scope
from tools.signatures.values import Function, Instance, Php, UnreadableError, truth


class Machine(ABC):
    """Runs methods and evaluates expressions."""

    index: Index

    @abstractmethod
    def value(self, node: Node, here: Scope) -> Php:
        """Return the value of an expression."""

    @abstractmethod
    def ancestors(self, name: str) -> Iterator[Declared]:
        """Yield a class and its ancestors."""

    @abstractmethod
    def call(self, scope: str, name: str, arguments: Scope, this: Instance | None = None) -> Php:
        """Call a method."""

    @abstractmethod
    def run(
        self, node: Node, names: Names, arguments: Scope, *, owner: str = "", static: str = "",
        this: Instance | None = None,
    ) -> Php:  # fmt: skip
        """Run a body."""

    @abstractmethod
    def new(self, name: str, arguments: Scope) -> Php:
        """Make an object."""

    @abstractmethod
    def construct(self, made: Instance, name: str, arguments: Scope) -> None:
        """Run a constructor."""

    @abstractmethod
    def static(self, scope: str, name: str) -> Php:
        """Return a static property."""

    @abstractmethod
    def set_static(self, scope: str, name: str, value: Php) -> None:
        """Set a static property."""

    @abstractmethod
    def constant(self, scope: str, name: str) -> Php:
        """Return a class's constant."""

    @abstractmethod
    def closure(self, node: Node, here: Scope) -> Function:
        """Return a closure."""

    def true(self, node: Node, here: Scope) -> bool:
        """Return a condition.

        Raises:
            UnreadableError: it depends on the site.
        """
        return truth(self.value(node, here))

    def member(self, node: Node, here: Scope) -> str:
        """Return the name behind `->`."""
        name = node.child_by_field_name("name")
        if name is None or name.type == "name":
            return text(name)
        return str(self.value(name, here))

    def scope(self, node: Node, here: Scope) -> str:
        """Return the class that stands before `::` or after `new`."""
        name = text(node)
        match name.lower():
            case "static":
                return here.static
            case "self":
                return here.owner
            case "parent":
                declared = self.index.declared(here.owner)
                return declared.parents[0] if declared and declared.parents else ""
            case _:
                pass
        if node.type in (*CLASS_NAMES, "name", "qualified_name"):
            return here.names.full(name)
        value = self.value(node, here)
        if isinstance(value, Instance):
            return value.of
        if not isinstance(value, str):
            raise UnreadableError(f"{name[:40]}::")
        return value.lower().lstrip("\\")
