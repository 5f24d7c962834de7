"""The content of a PHP file. All names are full and in lower case."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tools.moodle_source.types import Term
from tools.moodle_source.values import Argument

Terms = dict[str, set[Term]]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function, a method or a constructor.

    For a plugin's callback, `name` is the end of its name. `receiver` is what stands before `->` or
    `::`, or the class after `new`; it is empty if its class is not known. `written` is the same as
    the source writes it, with its operator: `self::`, `$x->`.
    """

    kind: Literal["function", "callback", "method", "static", "new"]
    name: str
    line: int
    receiver: tuple[Term, ...] = ()
    written: str = ""
    arguments: tuple[Argument, ...] = ()


@dataclass(slots=True)
class Routine:
    """A function or a method. `full` is `function` or `class::method`.

    Code outside functions is a routine with the name of its file.
    """

    full: str
    file: str
    calls: list[Call] = field(default_factory=list[Call])
    warnings: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    """The codes of the warnings that it puts into an answer, and their lines."""
    texts: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """The literal texts that are assigned to its variables."""
    endings: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """Endings of texts that are concatenated into its variables, as in `$name . '_cm_info'`."""
    variables: Terms = field(default_factory=dict[str, set[Term]])
    returns: set[Term] = field(default_factory=set[Term])
    dynamic: int = 0
    """Number of calls whose function, method or class is in a variable."""

    @property
    def scope(self) -> str:
        """The class that declares it, or ""."""
        return self.full.rpartition("::")[0]

    @property
    def name(self) -> str:
        """Its name within its class."""
        return self.full.rpartition("::")[2]


@dataclass(slots=True)
class Class:
    """A class; `parents` are the class that it extends, its traits and its interfaces."""

    name: str
    parents: list[str]
    properties: Terms = field(default_factory=dict[str, set[Term]])


@dataclass(slots=True)
class Source:
    """The content of one file; the first routine is the code outside functions."""

    routines: list[Routine] = field(default_factory=list[Routine])
    classes: list[Class] = field(default_factory=list[Class])
    aliases: dict[str, str] = field(default_factory=dict[str, str])
    """Other names of classes, with the class that each means."""
