"""Errorcodes of the exceptions and warnings that a routine of Moodle creates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tools.moodle_source.model import Call, Routine
from tools.moodle_source.tree import Tree
from tools.moodle_source.values import Argument

_EXCEPTION: Final = "core\\exception\\moodle_exception"


@dataclass(frozen=True, slots=True)
class Thrown:
    """An errorcode and the place where it is thrown."""

    errorcode: str
    exception: str
    file: str
    line: int


def thrown_in(tree: Tree, routine: Routine) -> Iterator[Thrown]:
    """Yield the errorcodes of the exceptions and warnings that a routine creates."""
    for call in routine.calls:
        if call.kind == "new":
            for name in _classes(tree, call):
                for errorcode in _errorcodes(tree, name, call.arguments):
                    short = name.rpartition("\\")[2]
                    yield Thrown(errorcode, short, routine.file, call.line)
        elif call.name == "print_error":
            for errorcode in _texts(call.arguments[:1]):
                yield Thrown(errorcode, "moodle_exception", routine.file, call.line)
    for code, line in routine.warnings:
        yield Thrown(code, "a warning", routine.file, line)


def _classes(tree: Tree, made: Call) -> Iterator[str]:
    for term in made.receiver:
        if term.kind == "class":
            yield tree.known(term.name)


def _errorcodes(tree: Tree, name: str, arguments: tuple[Argument, ...]) -> tuple[str, ...]:
    """Return the errorcodes of an exception of this class with these arguments."""
    for _ in range(10):
        if name == _EXCEPTION:
            return _texts(arguments[:1])
        constructor = tree.routines.get(f"{name}::__construct")
        if constructor is not None:
            passed = next((c for c in constructor.calls if c.name == "__construct"), None)
            if passed is None:
                return ()
            arguments = tuple(_passed(each, arguments) for each in passed.arguments)
        parents = tree.classes[name].parents if name in tree.classes else []
        if not parents:
            return ()
        name = tree.known(parents[0])
    return ()


def _passed(argument: Argument, given: tuple[Argument, ...]) -> Argument:
    if not isinstance(argument, int):
        return argument
    return given[argument] if argument < len(given) else ()


def _texts(arguments: tuple[Argument, ...]) -> tuple[str, ...]:
    """Return the texts that the first argument can be."""
    return next((each for each in arguments if isinstance(each, tuple)), ())
