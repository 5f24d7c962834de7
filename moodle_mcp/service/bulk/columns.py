"""What the columns of a table fill: a value of an item, or an id that a name stands for; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from moodle_mcp.catalogue.model import Function, ListOf, Node, Object, Value
from moodle_mcp.catalogue.references import Reference, References, Thing
from moodle_mcp.errors import MoodleMcpError
from moodle_mcp.service.references.names import ID, IN_COURSE, KEYS, WORDS, kind_named
from moodle_mcp.suggest import similar
from moodle_mcp.tables.items import Steps
from moodle_mcp.tables.shapes import is_one_object, item_lists, item_shape

_BARE: Final[Mapping[str, tuple[Thing, str]]] = {
    "username": (Thing.USER, "username"),
    "email": (Thing.USER, "email"),
    "e-mail": (Thing.USER, "email"),
    "shortname": (Thing.COURSE, "shortname"),
}
"""Headers that name a thing by themselves, unless an item has such a key."""

Scope: TypeAlias = Literal["item", "call", "context"]
"""Where an id goes: into an item, into an argument that all items share, or nowhere: a course may
only say where a group is.
"""


class ColumnError(MoodleMcpError):
    """A column or a default can't be used; the message is one line."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A column whose values go into an item as they are; `header` is as `tables.items` reads it."""

    header: str


@dataclass(frozen=True, slots=True)
class Shared:
    """A value of an argument that all items share."""

    argument: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where the id goes that a name in a column stands for, and how the thing is named."""

    thing: Thing
    key: str
    scope: Scope
    steps: Steps = ()
    module: str = ""

    @property
    def word(self) -> str:
        """What people call the thing: `activity` for a course module."""
        return next(word for word, thing in WORDS.items() if thing is self.thing)


Filled: TypeAlias = Plain | Shared | Target


@dataclass(frozen=True, slots=True)
class _Place:
    """An id among a function's parameters."""

    scope: Scope
    steps: Steps
    reference: Reference

    @property
    def name(self) -> str:
        return "".join(self.steps[:1]) + "".join(f"[{step}]" for step in self.steps[1:])


class Columns:
    """Says what the columns of tables for one function fill."""

    def __init__(self, function: Function, references: References) -> None:
        """Find the ids among the function's parameters.

        Raises:
            TableError: it takes no list of independent items.
        """
        self.shape = item_shape(function)
        self._lists = item_lists(function)
        self._function = function
        self._places = [*self._in_items(references), *self._in_call(references)]

    @property
    def course_steps(self) -> Steps | None:
        """The steps to the course's id in an item; None if it has none."""
        return next(
            (
                each.steps
                for each in self._places
                if each.scope == "item" and each.reference.thing is Thing.COURSE
            ),
            None,
        )

    @property
    def shared_course(self) -> str | None:
        """The argument with the course's id that all items share; None if there is none."""
        return next(
            (
                each.name
                for each in self._places
                if each.scope == "call" and each.reference.thing is Thing.COURSE
            ),
            None,
        )

    def filled(self, header: str) -> Filled:
        """Return what a column with a header fills.

        Raises:
            ColumnError: nothing, or several things.
        """
        text = header.strip()
        if text.partition("[")[0] in self.shape.keys:
            return Plain(text)
        target = self._named_parameter(text) or self._named_thing(text)
        if target is not None:
            return target
        if text in self._function.params.keys and text not in self._lists:
            return Shared(text)
        raise ColumnError(self._unknown(text))

    def _named_parameter(self, text: str) -> Target | None:
        """Return the target of a header such as `touserid.email`."""
        name, _, key = text.rpartition(".")
        for each in self._places:
            if each.name == name and key in (ID, *KEYS[_nameable(each.reference)]):
                return _target(each, key)
        return None

    def _named_thing(self, text: str) -> Target | None:
        """Return the target of a header such as `course`, `user.email` or `E-Mail`."""
        folded = text.casefold().replace("e-mail", "email")
        named = kind_named(folded) or _BARE.get(folded)
        if named is None:
            return None
        thing, key = named
        fitting = [each for each in self._places if _nameable(each.reference) is thing]
        own = [each for each in fitting if each.scope == "item"] or fitting
        if len(own) > 1:
            names = " or ".join(f"{each.name}.{key or KEYS[thing][0]}" for each in own)
            raise ColumnError(f"{text}: could be several ids of an item: name it {names}")
        if own:
            return _target(own[0], key)
        needs_course = any(_nameable(each.reference) in IN_COURSE for each in self._places)
        if thing is Thing.COURSE and needs_course:
            return Target(thing, key, "context")
        return None

    def _unknown(self, text: str) -> str:
        known = list(self.headers())
        near = similar(text, known)
        did_you_mean = f"did you mean {' or '.join(near)}?" if near else f"use {', '.join(known)}"
        return f"{text}: {self._function.name} has nothing for it; {did_you_mean}"

    def headers(self) -> Iterator[str]:
        """Yield the headers that are understood, without keys below an item's keys."""
        yield from self.shape.keys
        yield from self.named_headers()

    def named_headers(self) -> Iterator[str]:
        """Yield the headers of columns whose names stand for ids."""
        things = dict.fromkeys(_nameable(each.reference) for each in self._places)
        for word, thing in WORDS.items():
            if thing in things:
                yield word
                yield from (f"{word}.{key}" for key in KEYS[thing])

    def _in_items(self, references: References) -> Iterator[_Place]:
        one = is_one_object(self._function)
        for steps in _scalars(self.shape):
            path = f"{self._lists[0]}[].{'.'.join(steps)}" if one else f"{steps[0]}[]"
            yield from self._place("item", steps, path, references)

    def _in_call(self, references: References) -> Iterator[_Place]:
        for name, node in self._function.params.keys.items():
            if name not in self._lists and isinstance(node, Value):
                yield from self._place("call", (name,), name, references)

    def _place(
        self, scope: Scope, steps: Steps, path: str, references: References
    ) -> Iterator[_Place]:
        reference = references.find(self._function.name, path)
        if reference is not None and _is_nameable(reference):
            yield _Place(scope, steps, reference)


def _scalars(node: Node, steps: Steps = ()) -> Iterator[Steps]:
    """Yield the steps to each scalar of an item that is in no list inside it."""
    match node:
        case Value():
            yield steps
        case Object():
            for key, child in node.keys.items():
                yield from _scalars(child, (*steps, key))
        case ListOf():
            pass


def _nameable(reference: Reference) -> Thing:
    """Return the kind of name that stands for an id: activities are named in one way."""
    return Thing.MODULE if reference.thing is Thing.INSTANCE else reference.thing


def _is_nameable(reference: Reference) -> bool:
    return _nameable(reference) in KEYS


def _target(place: _Place, key: str) -> Target:
    reference = place.reference
    return Target(_nameable(reference), key, place.scope, place.steps, reference.module)


def mapped(headers: Iterable[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Return what each header is called by the function, from the mapping of some of them.

    Raises:
        ColumnError: the mapping names a header that the table does not have.
    """
    known = list(headers)
    for header in columns:
        if header not in known:
            near = similar(header, known)
            other = f"did you mean {' or '.join(near)}?" if near else f"it has {_listed(known)}"
            raise ColumnError(f"columns: the table has no column {header}; {other}")
    return {header: columns.get(header, header) for header in known}


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
