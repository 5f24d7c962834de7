"""How a thing can be named, and what was found under a name; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeVar

from moodle_mcp.catalogue.references import Thing
from moodle_mcp.suggest import similar

ID: Final = "id"
"""The key of a name that is the id itself."""

KEYS: Final[Mapping[Thing, tuple[str, ...]]] = MappingProxyType(
    {
        Thing.USER: ("username", "email", "idnumber"),
        Thing.COURSE: ("shortname", "idnumber"),
        Thing.CATEGORY: ("path", "idnumber"),
        Thing.COHORT: ("idnumber", "name"),
        Thing.ROLE: ("shortname",),
        Thing.GROUP: ("name", "idnumber"),
        Thing.GROUPING: ("name", "idnumber"),
        Thing.MODULE: ("name", "idnumber", "cmid"),
    }
)
"""The keys by which each kind of thing can be named, besides `ID`. Without a key, a user is named
by e-mail address or user name, a cohort, group, grouping or activity by its first key that fits,
everything else by its first key.
"""

WORDS: Final[Mapping[str, Thing]] = MappingProxyType(
    {"activity" if thing is Thing.MODULE else thing.value: thing for thing in KEYS}
)
"""What people call each kind of thing that has names."""

IN_COURSE: Final = frozenset({Thing.GROUP, Thing.GROUPING, Thing.MODULE})
"""What is named within a course."""

_MOST_COMPARED: Final = 5_000
"""Most comparisons of one look-up for suggestions; 3,000 of them take half a second."""

_MOST_DIGITS: Final = 19
"""Digits that a 64-bit integer may not have."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Name:
    """A thing as somebody calls it.

    `thing` is one of `KEYS`; `key` is "" if the text alone says which key it is. `course` is the id
    of the course that the thing is in. For an activity, `module` says that its instance id is
    wanted (`assign`); without it the id is that of the course module.
    """

    thing: Thing
    text: str
    key: str = ""
    course: int | None = None
    module: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """What has a name: nothing, one id, or several. `near` are similar names."""

    ids: tuple[int, ...] = ()
    near: tuple[str, ...] = ()

    @property
    def id(self) -> int | None:
        """The id, if the name means one thing."""
        return self.ids[0] if len(self.ids) == 1 else None


@dataclass(frozen=True, slots=True)
class Listed:
    """A thing in a list that the site gave: its id, and the texts of its keys."""

    id: int
    texts: Mapping[str, str]


def kind_named(text: str) -> tuple[Thing, str] | None:
    """Return the kind and key of a text such as `user` or `user.email`; None if it is neither."""
    word, _, key = text.strip().partition(".")
    thing = WORDS.get(word)
    if thing is None or key not in ("", ID, *KEYS[thing]):
        return None
    return thing, key


def kinds() -> str:
    """Return all kinds with their keys, for errors."""
    return ", ".join(f"{word} ({', '.join((*KEYS[WORDS[word]], ID))})" for word in WORDS)


def number(text: str) -> int | None:
    """Return the id that a text is; None if it is none."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < _MOST_DIGITS else None


def folded(text: str) -> str:
    """Return a text as names are compared: without spaces at its edges."""
    return text.strip()


def most_suggested(listed: Sequence[Listed]) -> int:
    """Return for how many unknown names similar ones are looked for: each takes a comparison with
    the whole list.
    """
    return 1 + _MOST_COMPARED // (1 + len(listed))


def among(
    names: Iterable[Name], listed: Sequence[Listed], compared: Callable[[str], str] = folded
) -> dict[Name, Match]:
    """Find names in a complete list; without a key, the first key that fits counts.

    Similar names are looked for only for the first unknown ones (`most_suggested`).
    """
    ids: dict[tuple[str, str], dict[int, None]] = {}
    for each in listed:
        for key, text in each.texts.items():
            if compared(text):
                ids.setdefault((key, compared(text)), {})[each.id] = None
    found: dict[Name, Match] = {}
    unknown = 0
    for name in names:
        keys = (name.key,) if name.key else KEYS[name.thing]
        fitting = (ids.get((key, compared(name.text)), {}) for key in keys)
        found[name] = Match(tuple(next(filter(None, fitting), ())))
        if not found[name].ids and unknown < most_suggested(listed):
            unknown += 1
            known = [each.texts[key] for key in keys for each in listed if each.texts.get(key)]
            found[name] = Match(near=tuple(similar(name.text, known)))
    return found


def grouped(items: Iterable[Name], by: Callable[[Name], T]) -> dict[T, list[Name]]:
    """Group names by what a function returns for them, in their order."""
    groups: dict[T, list[Name]] = {}
    for each in items:
        groups.setdefault(by(each), []).append(each)
    return groups
