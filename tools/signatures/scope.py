"""Where an expression is evaluated, and how a routine ends."""

from __future__ import annotations

from dataclasses import dataclass, field

from tools.moodle_source.syntax import Names
from tools.signatures.values import Instance, Php


@dataclass(slots=True)
class Scope:
    """The variables of a routine, and what `self`, `static` and `$this` mean in it.

    As the arguments of a call it only has `positional` and `named`.
    """

    names: Names = field(default_factory=Names)
    owner: str = ""
    static: str = ""
    this: Instance | None = None
    variables: dict[str, Php] = field(default_factory=dict[str, Php])
    positional: list[Php] = field(default_factory=list[Php])
    named: dict[str, Php] = field(default_factory=dict[str, Php])

    @classmethod
    def of(cls, *positional: Php, **named: Php) -> Scope:
        """Return the arguments of a call."""
        return cls(positional=list(positional), named=named)

    def argument(self, number: int, name: str, default: Php = None) -> Php:
        """Return an argument by its place or name."""
        if number < len(self.positional):
            return self.positional[number]
        return self.named.get(name, default)


class ReturnSignal(Exception):  # noqa: N818 (it is no error)
    """The end of a routine, with its value."""

    def __init__(self, value: Php) -> None:
        super().__init__()
        self.value = value


class StopSignal(Exception):  # noqa: N818 (it is no error)
    """`break` or `continue`."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
