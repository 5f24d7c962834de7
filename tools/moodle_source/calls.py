"""What a routine of Moodle may call.

A place is a routine together with the class of `$this` (or `static`) in it, so that a call on
`$this` in a base class is looked up in the actual class. A method call leads

1. to the method of the receiver's class, where declarations, comments, `new` or what a routine
   returns tell the class, and to those that override it: all, or if they are more than `_MANY`
   those of the caller's own component;
2. if the receiver's class is not known, to the methods of that name: all if they are at most
   `_FEW`, else those of the caller's own component, unless that is core.

Events and hooks lead to their observers. Functions that call back plugins, and variables that are
built with the end of a function's name, lead to the plugins' functions with that ending. Other
calls through variables, and classes that are named in a variable, are not found.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Final

from tools.moodle_source.model import Call, Routine
from tools.moodle_source.services import observers
from tools.moodle_source.tree import Tree, component
from tools.moodle_source.types import Term

_FEW: Final = 6
_MANY: Final = 100
_DEEP: Final = 8
_LIST: Final = "[]"
_NO_METHODS: Final = "stdclass"
_GLOBALS: Final = {
    "DB": "moodle_database",
    "PAGE": "moodle_page",
    "OUTPUT": "core\\output\\core_renderer",
    "USER": _NO_METHODS,
    "COURSE": _NO_METHODS,
    "SITE": _NO_METHODS,
    "CFG": _NO_METHODS,
    "SESSION": _NO_METHODS,
}
_CALLING_BACK: Final = {
    "component_callback": (1,),
    "component_class_callback": (1,),
    "plugin_callback": (2, 3),
    "get_plugins_with_function": (0,),
    "get_plugin_list_with_function": (1,),
}
"""Functions that call a function of each plugin, and which arguments form the end of its name."""


@dataclass(frozen=True, slots=True)
class Place:
    """A routine, and the class of `$this` in it ("" in a function)."""

    routine: str
    this: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A routine that a call may lead to: a method of a class, or a function if `scope` is "".

    `place` is None if the source has no such routine, as for PHP's own. `guessed` is true if only
    the name matched.
    """

    scope: str
    name: str
    place: Place | None
    guessed: bool = False


class Calls:
    """The calls in a source tree."""

    def __init__(self, tree: Tree, root: Path) -> None:
        self._tree = tree
        self.numbers: Counter[str] = Counter()
        """Number of calls by how they were resolved, in the routines that were reached."""
        self._listening: dict[str, list[str]] = {}
        for event, callback in observers(root):
            self._listening.setdefault(event, []).append(callback)
        self.targets = cache(self._targets)
        self._classes = cache(self._look_up)

    def start(self, name: str) -> Place | None:
        """The place where a function, a method or a script begins."""
        routine = self._tree.routine(name)
        scope = self._tree.known(name.lower().rpartition("::")[0])
        return None if routine is None else Place(routine.full, scope)

    def routine(self, place: Place) -> Routine:
        """The routine of a place."""
        return self._tree.routines[place.routine]

    def reached(self, start: Place) -> Iterator[tuple[int, Routine]]:
        """Yield a place and all places that it may call, nearest first, with the depth of each."""
        seen = {start.routine}
        known = {start}
        waiting = deque([(0, start)])
        while waiting:
            depth, place = waiting.popleft()
            if depth == 0 or place.routine not in seen:
                seen.add(place.routine)
                yield depth, self.routine(place)
            for _, target in self.targets(place):
                if target.place is not None and target.place not in known:
                    known.add(target.place)
                    waiting.append((depth + 1, target.place))

    def _targets(self, place: Place) -> tuple[tuple[Call, Target], ...]:
        """Return each call of a place with its possible targets."""
        routine = self.routine(place)
        self.numbers["routines"] += 1
        self.numbers["through a variable"] += routine.dynamic
        return tuple(
            (call, target) for call in routine.calls for target in self._meant(call, routine, place)
        )

    def _meant(self, call: Call, routine: Routine, place: Place) -> Iterable[Target]:
        if call.kind == "callback":
            return list(self._callbacks(call.name))
        if call.kind == "function":
            return [*self._function(call), *self._called_back(call)]
        names = {each for term in call.receiver for each in self._classes(term, place, 0)}
        if call.kind == "new" or call.written == "parent::":
            found = [self._of(name, call.name, self._this(call, name, place)) for name in names]
        elif names:
            found = [each for name in names for each in self._methods(name, call, place)]
        else:
            found = []
        if not found or (call.kind == "method" and self._mistaken(found)):
            found = self._guesses(call, routine)
        heard = [each for name in names for each in self._heard(name)]
        self.numbers[
            "by the receiver's class" if names else "by name" if found else "unresolved"
        ] += 1
        return [*found, *heard]

    def _mistaken(self, found: list[Target]) -> bool:
        """Whether a comment names a wrong class: one of Moodle's without such a method."""
        known = all(each.scope in self._tree.classes or each.scope == _NO_METHODS for each in found)
        return known and not any(each.place for each in found)

    def _this(self, call: Call, name: str, place: Place) -> str:
        return place.this if call.written in ("parent::", "self::") else name

    def _function(self, call: Call) -> list[Target]:
        short = call.name.rpartition("\\")[2]
        found = self._tree.routines.get(call.name) or self._tree.routines.get(short)
        self.numbers["functions of Moodle" if found else "functions of PHP"] += 1
        return [Target("", found.full if found else short, Place(found.full) if found else None)]

    def _called_back(self, call: Call) -> Iterator[Target]:
        positions = _CALLING_BACK.get(call.name, ())
        parts = [call.arguments[each] for each in positions if each < len(call.arguments)]
        texts = [part for part in parts if isinstance(part, tuple)]
        for named in product(*texts) if texts else ():
            end = "_".join(named).lower()
            if call.name == "component_class_callback":
                yield from (_guess(each) for each in self._tree.methods.get(end, []))
            else:
                yield from self._callbacks(end)

    def _callbacks(self, end: str) -> Iterator[Target]:
        return (_guess(each) for each in self._tree.functions if _is_callback(each, end))

    def _heard(self, event: str) -> Iterator[Target]:
        for callback in self._listening.get(event, []):
            start = self.start(callback)
            if start is not None:
                scope, _, name = callback.rpartition("::")
                yield Target(scope, name, start)

    def _methods(self, name: str, call: Call, place: Place) -> Iterator[Target]:
        yield self._of(name, call.name, self._this(call, name, place))
        if call.written == "self::":
            return
        overriding = [
            each
            for each in self._tree.descendants(name)
            if f"{each}::{call.name}" in self._tree.routines
        ]
        if len(overriding) > _MANY:
            own = component(self.routine(place).file)
            overriding = [
                each
                for each in overriding
                if own != "core"
                and component(self._tree.routines[f"{each}::{call.name}"].file) == own
            ]
        for each in overriding:
            yield self._of(each, call.name, each)

    def _of(self, scope: str, name: str, this: str) -> Target:
        found = self._tree.method(scope, name)
        return Target(scope, name, Place(found.full, this) if found else None)

    def _guesses(self, call: Call, routine: Routine) -> list[Target]:
        methods = self._tree.methods.get(call.name, [])
        if len(methods) > _FEW:
            own = component(routine.file)
            methods = [each for each in methods if component(each.file) == own != "core"]
        return [_guess(each) for each in methods]

    def _look_up(self, term: Term, place: Place, depth: int) -> frozenset[str]:
        """Return the classes that a term can be at a place."""
        if depth > _DEEP:
            return frozenset()
        match term:
            case Term("class", name):
                return frozenset({self._tree.known(name)})
            case Term("this"):
                return frozenset({place.this} if place.this else ())
            case Term("variable", name) if name in _GLOBALS:
                return frozenset({_GLOBALS[name]})
            case Term("variable", name):
                terms = self.routine(place).variables.get(name, ())
                return self._any(terms, place, depth)
            case Term("result", name, None):
                routine = self._tree.routines.get(name)
                return (
                    self._any(routine.returns, Place(routine.full), depth)
                    if routine
                    else frozenset()
                )
            case Term("list", _, Term() as of):
                return frozenset(f"{each}{_LIST}" for each in self._classes(of, place, depth + 1))
            case Term("element", _, Term() as of):
                lists = self._classes(of, place, depth + 1)
                return frozenset(each[: -len(_LIST)] for each in lists if each.endswith(_LIST))
            case Term(_, _, Term() as of):
                owners = self._classes(of, place, depth + 1)
                return _union(self._member(term, owner, depth) for owner in owners)
            case _:
                return frozenset()

    def _member(self, term: Term, owner: str, depth: int) -> frozenset[str]:
        if term.kind == "result":
            routine = self._tree.method(owner, term.name)
            if routine is None:
                return frozenset()
            return self._any(routine.returns, Place(routine.full, owner), depth)
        for each in self._tree.ancestors(owner):
            declared = self._tree.classes[each].properties if each in self._tree.classes else {}
            if term.name in declared:
                return self._any(declared[term.name], Place("", owner), depth)
        return frozenset()

    def _any(self, terms: Iterable[Term], place: Place, depth: int) -> frozenset[str]:
        return _union(self._classes(each, place, depth + 1) for each in terms)


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset[str]().union(*sets)


def _guess(routine: Routine) -> Target:
    return Target(routine.scope, routine.name, Place(routine.full, routine.scope), guessed=True)


def _is_callback(function: Routine, end: str) -> bool:
    """Whether a function is a plugin's callback of this name, as `mod_page_pluginfile`."""
    folder, _, file = function.file.rpartition("/")
    own = f"_{folder.rpartition('/')[2]}_{end}"
    return file in ("lib.php", "locallib.php") and f"_{function.full}".endswith(own)
