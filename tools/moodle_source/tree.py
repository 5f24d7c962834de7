"""A Moodle source tree: its routines and classes, and how the classes descend from one another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

from tools.moodle_source.model import Class, Routine, Source
from tools.moodle_source.php import read
from tools.moodle_source.services import renamed_classes

_LEFT_OUT: Final = frozenset(
    {"tests", "lang", "vendor", "node_modules", "yui", "privacy", "install", "adodb"}
    | {"htmlpurifier", "simplepie", "phpspreadsheet", "google", "tcpdf", "pear", "aws-sdk"}
    | {"guzzlehttp", "phpmailer", "openspout", "symfony", "php-css-parser", "scssphp", "slim"}
    | {"ltiprovider", "lti1p3", "phpxmlrpc", "webauthn", "zipstream", "maxmind", "laravel"}
)
"""Directories whose code no web-service function runs, or that is not Moodle's own."""


class Tree:
    """The routines and classes of a Moodle source tree."""

    def __init__(self, root: Path) -> None:
        self.routines: dict[str, Routine] = {}
        self.classes: dict[str, Class] = {}
        self.methods: dict[str, list[Routine]] = defaultdict(list)
        self.functions: list[Routine] = []
        self._aliases: dict[str, list[str]] = defaultdict(list)
        self._children: dict[str, list[str]] = defaultdict(list)
        self._other_names = dict(renamed_classes(root))
        for path in _files(root):
            self._add(read(path, path.relative_to(root).as_posix()))
        for each in self.classes.values():
            for parent in each.parents:
                self._children[self.known(parent)].append(each.name)
        self.ancestors = cache(self._ancestors)
        self.descendants = cache(self._descendants)

    def routine(self, name: str) -> Routine | None:
        """A function, a script by its path, or a method where its class or an ancestor has it."""
        scope, separator, method = name.lower().rpartition("::")
        return self.method(scope, method) if separator else self.routines.get(method)

    def method(self, scope: str, name: str) -> Routine | None:
        """A class's method, its own or inherited."""
        for each in self.ancestors(self.known(scope)):
            found = self.routines.get(f"{each}::{name}")
            if found is not None:
                return found
        return None

    def known(self, name: str) -> str:
        """The full name of a class that is called by an old, global name."""
        if name in self.classes:
            return name
        if name in self._other_names:
            return self._other_names[name]
        also = self._aliases.get(name.rpartition("\\")[2], [])
        return also[0] if len(also) == 1 else name

    def _add(self, source: Source) -> None:
        for each in source.classes:
            self.classes[each.name] = each
            self._aliases[each.name.rpartition("\\")[2]].append(each.name)
        self._other_names |= source.aliases
        for routine in source.routines:
            self.routines[routine.full] = routine
            if routine.scope:
                self.methods[routine.name].append(routine)
            else:
                self.functions.append(routine)

    def _ancestors(self, name: str) -> tuple[str, ...]:
        """Return a class and its ancestors, nearest first."""
        return self._all(name, lambda each: self.classes[each].parents)

    def _descendants(self, name: str) -> tuple[str, ...]:
        """Return the descendants of a class, nearest first."""
        return self._all(name, lambda each: self._children[each])[1:]

    def _all(self, name: str, nearest: Callable[[str], list[str]]) -> tuple[str, ...]:
        found = {name: None}
        waiting = [name]
        for each in waiting:
            for other in map(self.known, nearest(each) if each in self.classes else ()):
                if other not in found:
                    found[other] = None
                    waiting.append(other)
        return tuple(found)


def component(file: str) -> str:
    """The plugin that a file belongs to, or "core"."""
    parts = file.split("/")
    nested = {"admin": 3, "lib": 1, "course": 1, "question": 3, "grade": 3, "ai": 3, "local": 2}
    depth = nested.get(parts[0], 2)
    if parts[0] in ("mod", "enrol", "blocks", "auth", "report", "local", "message", "payment"):
        return "/".join(parts[:2])
    if len(parts) > depth and depth == 3:
        return "/".join(parts[:3])
    return "core"


def _files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*.php")):
        parts = path.relative_to(root).parts
        events = "/classes/event/" in path.as_posix()
        left_out = _LEFT_OUT.intersection(parts) or path.name.startswith("upgrade") or events
        if path.is_file() and not left_out:
            yield path
