"""Where a Moodle source tree declares its classes, functions and constants."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Final

from tree_sitter import Node

from tools.moodle_source.syntax import Names, children, parse, text

_NAMESPACE: Final = re.compile(rb"^namespace\s+([\w\\]+)\s*;", re.MULTILINE)
_CLASS: Final = re.compile(
    rb"^\s*(?:(?:abstract|final|readonly)\s+)*(?:class|trait|interface|enum)\s+(\w+)", re.MULTILINE
)
_FUNCTION: Final = re.compile(rb"^function\s+&?(\w+)\s*\(", re.MULTILINE)
_ALIAS: Final = re.compile(
    rb"class_alias\(\s*([\w\\]+)::class\s*,\s*(?:'([\w\\]+)'|([\w\\]+)::class)", re.DOTALL
)
_DEFINE: Final = re.compile(rb"^\s*define\s*\(\s*['\"](\w+)['\"]\s*,", re.MULTILINE)
_LEFT_OUT: Final = frozenset({"tests", "vendor", "node_modules", "lang"})
_DECLARATIONS: Final = (
    "class_declaration",
    "trait_declaration",
    "interface_declaration",
    "enum_declaration",
)


class Declared:
    """A class, trait, interface or enum: its members' syntax, and how it names other classes."""

    def __init__(self, name: str, node: Node, names: Names) -> None:
        self.name = name
        self.names = names
        self.parents: list[str] = []
        self.methods: dict[str, Node] = {}
        self.constants: dict[str, Node | None] = {}
        self.properties: dict[str, Node | None] = {}
        self.is_enum = node.type == "enum_declaration"
        body = node.child_by_field_name("body")
        parts = [*children(node, "base_clause")]
        parts += children(body, "use_declaration") if body else []
        parts += children(node, "class_interface_clause")
        self.parents = [
            names.full(text(each))
            for part in parts
            for each in children(part, "name", "qualified_name")
        ]
        for member in children(body) if body else ():
            self._add(member)

    def _add(self, member: Node) -> None:
        match member.type:
            case "method_declaration":
                self.methods[text(member.child_by_field_name("name")).lower()] = member
            case "const_declaration":
                for each in children(member, "const_element"):
                    self.constants[text(each.named_children[0])] = each.named_children[-1]
            case "enum_case":
                self.constants[text(member.child_by_field_name("name"))] = (
                    member.child_by_field_name("value")
                )
            case "property_declaration":
                for each in children(member, "property_element"):
                    name = text(each.child_by_field_name("name"))
                    value = each.child_by_field_name("default_value")
                    self.properties[name.lstrip("$")] = value
            case _:
                pass


class Index:
    """The declarations of a source tree; a file is parsed when something in it is asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._classes: dict[str, Path] = {}
        self._functions: dict[str, Path] = {}
        self._defines: dict[str, Path] = {}
        self._aliases: dict[str, str] = {}
        self._parsed: dict[Path, None] = {}
        self._declared: dict[str, Declared] = {}
        self._bodies: dict[str, tuple[Node, Names]] = {}
        self._values: dict[str, tuple[Node, Names]] = {}
        for path in sorted(root.rglob("*.php")):
            if not _LEFT_OUT.intersection(path.relative_to(root).parts) and path.is_file():
                self._note(path)

    def _note(self, path: Path) -> None:
        source = path.read_bytes()
        found = _NAMESPACE.search(source)
        space = found[1].decode().lower() + "\\" if found else ""
        for name in _CLASS.findall(source):
            self._classes.setdefault(space + name.decode().lower(), path)
        for name in _FUNCTION.findall(source):
            self._functions.setdefault(space + name.decode().lower(), path)
        for name in _DEFINE.findall(source):
            self._defines.setdefault(name.decode(), path)
        for meant, *other in _ALIAS.findall(source):
            name = b"".join(other).decode().lower().replace("\\\\", "\\").lstrip("\\")
            full = meant.decode().lower()
            full = full[1:] if full.startswith("\\") else space + full
            if full != name:
                self._aliases.setdefault(name, full)

    @cached_property
    def renamed(self) -> dict[str, str]:
        """Old names of classes, with those that they mean now."""
        from tools.moodle_source.services import renamed_classes

        return dict(renamed_classes(self.root))

    def declared(self, name: str) -> Declared | None:
        """Return a class by its full name."""
        name = name.lower().lstrip("\\")
        if name not in self._classes:
            name = self._aliases.get(name) or self.renamed.get(name, name)
        if name not in self._classes:
            return None
        self._read(self._classes[name])
        return self._declared.get(name)

    def function(self, name: str) -> tuple[Node, Names] | None:
        """Return a function outside classes."""
        path = self._functions.get(name.lower())
        if path is not None:
            self._read(path)
        return self._bodies.get(name.lower())

    def defined(self, name: str) -> tuple[Node, Names] | None:
        """Return the value in `define(name, value)`."""
        path = self._defines.get(name)
        if path is not None:
            self._read(path)
        return self._values.get(name)

    def _read(self, path: Path) -> None:
        if path not in self._parsed:
            self._parsed[path] = None
            self._walk(parse(path.read_bytes()), Names())

    def _walk(self, node: Node, names: Names) -> None:
        for child in node.named_children:
            if child.type == "namespace_definition":
                names.namespace = text(child.child_by_field_name("name")).lower()
                self._walk(child, names)
            elif child.type == "namespace_use_declaration":
                names.use(child)
            elif child.type in _DECLARATIONS:
                self._declare(child, names)
            elif child.type == "function_definition":
                name = text(child.child_by_field_name("name")).lower()
                full = f"{names.namespace}\\{name}" if names.namespace else name
                self._bodies.setdefault(full, (child, names))
            elif child.type == "function_call_expression":
                self._define(child, names)
            else:
                self._walk(child, names)

    def _declare(self, node: Node, names: Names) -> None:
        own = text(node.child_by_field_name("name")).lower()
        full = f"{names.namespace}\\{own}" if names.namespace else own
        inside = Names(names.namespace, names.uses, full)
        self._declared.setdefault(full, Declared(full, node, inside))

    def _define(self, node: Node, names: Names) -> None:
        given = node.child_by_field_name("arguments")
        if text(node.child_by_field_name("function")) == "define" and given is not None:
            values = [each.named_children[-1] for each in children(given, "argument")]
            if len(values) > 1:
                self._values.setdefault(text(values[0])[1:-1], (values[1], names))
