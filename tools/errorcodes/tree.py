"""A Moodle source tree: its routines, what calls what, and what each throws.

PHP's types are not followed. A call `$x->name()` may mean every method of that name; it is followed
to those of the caller's own component, and to core's where few classes have such a method. What is
found is therefore somewhat too much, and misses what is called through variables.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.errorcodes.php import Argument, Call, Class, Routine, read

_LEFT_OUT: Final = frozenset(
    {"tests", "lang", "vendor", "node_modules", "yui", "privacy", "event", "install", "adodb"}
    | {"htmlpurifier", "simplepie", "phpspreadsheet", "google", "tcpdf", "pear", "aws-sdk"}
    | {"guzzlehttp", "phpmailer", "openspout", "symfony", "php-css-parser", "scssphp", "slim"}
    | {"ltiprovider", "lti1p3", "phpxmlrpc", "webauthn", "zipstream", "maxmind", "laravel"}
)
"""Directories whose code no web-service function runs, or that is not Moodle's own."""

_EXCEPTION: Final = "core\\exception\\moodle_exception"
_FEW: Final = 6


@dataclass(frozen=True, slots=True)
class Thrown:
    """An errorcode where it is thrown."""

    errorcode: str
    exception: str
    file: str
    line: int


class Tree:
    """The routines and classes of a Moodle source tree."""

    def __init__(self, root: Path) -> None:
        self._routines: dict[str, Routine] = {}
        self._classes: dict[str, Class] = {}
        self._methods: dict[str, list[Routine]] = defaultdict(list)
        self._aliases: dict[str, list[str]] = defaultdict(list)
        self._callees: dict[str, list[Routine]] = {}
        for path in _files(root):
            source = read(path, path.relative_to(root).as_posix())
            for each in source.classes:
                self._classes[each.name] = each
                self._aliases[each.name.rpartition("\\")[2]].append(each.name)
            for routine in source.routines:
                self._routines[routine.full] = routine
                if "::" in routine.full:
                    self._methods[routine.full.rpartition("::")[2]].append(routine)

    def routine(self, name: str) -> Routine | None:
        """A function, a script by its path, or a method where its class or an ancestor has it."""
        scope, separator, method = name.lower().rpartition("::")
        return self._method(scope, method) if separator else self._routines.get(method)

    def reached(self, start: Routine) -> Iterator[tuple[int, Routine]]:
        """A routine and all that it may call, nearest first, with the number of calls to each."""
        seen = {start.full}
        waiting = deque([(0, start)])
        while waiting:
            depth, routine = waiting.popleft()
            yield depth, routine
            for called in self._called_by(routine):
                if called.full not in seen:
                    seen.add(called.full)
                    waiting.append((depth + 1, called))

    def thrown_in(self, routine: Routine) -> Iterator[Thrown]:
        """The errorcodes of the exceptions and warnings that a routine makes."""
        for made in routine.made:
            name = self._known(made.name)
            for errorcode in self._errorcodes(name, made.arguments):
                yield Thrown(errorcode, name.rpartition("\\")[2], routine.file, made.line)
        for call in routine.calls:
            if call.name == "print_error":
                for errorcode in _texts(call.arguments[:1]):
                    yield Thrown(errorcode, "moodle_exception", routine.file, call.line)

        for warning in routine.warned:
            yield Thrown(warning.name, "a warning", routine.file, warning.line)

    def _errorcodes(self, name: str, arguments: tuple[Argument, ...]) -> tuple[str, ...]:
        """The errorcodes of an exception of a class that is made with these arguments."""
        for _ in range(10):
            if name == _EXCEPTION:
                return _texts(arguments[:1])
            constructor = self._routines.get(f"{name}::__construct")
            if constructor is not None:
                passed = next((c for c in constructor.calls if c.name == "__construct"), None)
                if passed is None:
                    return ()
                arguments = tuple(_passed(each, arguments) for each in passed.arguments)
            parents = self._classes[name].parents if name in self._classes else []
            if not parents:
                return ()
            name = self._known(parents[0])
        return ()

    def _called_by(self, routine: Routine) -> list[Routine]:
        if routine.full not in self._callees:
            found = {each.full: each for each in self._calls_of(routine)}
            self._callees[routine.full] = list(found.values())
        return self._callees[routine.full]

    def _calls_of(self, routine: Routine) -> Iterator[Routine]:
        for call in routine.calls:
            yield from self._targets(call, routine)
        for made in routine.made:
            constructor = self._method(made.name, "__construct")
            if constructor is not None:
                yield constructor

    def _targets(self, call: Call, caller: Routine) -> Iterable[Routine]:
        if call.scope == "":
            found = self._routines.get(call.name) or self._routines.get(
                call.name.rpartition("\\")[2]
            )
            return [found] if found else []
        if call.scope is not None:
            found = self._method(call.scope, call.name)
            if found is not None:
                return [found]
        return self._by_name(call.name, caller)

    def _by_name(self, name: str, caller: Routine) -> list[Routine]:
        methods = self._methods.get(name, [])
        if len(methods) <= _FEW:
            return methods
        own = component(caller.file)
        return [each for each in methods if component(each.file) == own and own != "core"]

    def _method(self, scope: str, name: str) -> Routine | None:
        waiting = deque([self._known(scope)])
        for _ in range(30):
            if not waiting:
                break
            current = waiting.popleft()
            found = self._routines.get(f"{current}::{name}")
            if found is not None:
                return found
            if current in self._classes:
                waiting.extend(map(self._known, self._classes[current].parents))
        return None

    def _known(self, name: str) -> str:
        """The full name of a class that is called by an old, global name."""
        if name in self._classes:
            return name
        also = self._aliases.get(name.rpartition("\\")[2], [])
        return also[0] if len(also) == 1 else name


def _passed(argument: Argument, given: tuple[Argument, ...]) -> Argument:
    if not isinstance(argument, int):
        return argument
    return given[argument] if argument < len(given) else ()


def _texts(arguments: tuple[Argument, ...]) -> tuple[str, ...]:
    """The texts that the first of the arguments can be."""
    return next((each for each in arguments if isinstance(each, tuple)), ())


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
        left_out = _LEFT_OUT.intersection(parts) or path.name.startswith("upgrade")
        if path.is_file() and not left_out:
            yield path
