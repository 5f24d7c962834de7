"""Follow a function's calls to the places where effects happen."""

from __future__ import annotations

import tomllib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.moodle_source.calls import Calls, Place, Target
from tools.moodle_source.model import Call
from tools.moodle_source.tree import Tree

_HERE: Final = Path(__file__).parent
_EVERYDAY: Final = frozenset(
    {"get", "post", "put", "head", "delete", "create", "update", "save", "insert", "add", "load"}
)
"""Names of sinks that too many methods have: the name alone is no evidence."""


class Table:
    """Values for routines, by `function`, `class::method` or `class::*`."""

    def __init__(self, rows: Mapping[str, str], tree: Tree) -> None:
        self._rows = {_known(key, tree): value for key, value in rows.items()}
        self._tree = tree
        self.used: set[str] = set()
        """The values that were looked up successfully."""

    def find(self, target: Target) -> str | None:
        """Return the value for a routine, by its class or an ancestor."""
        for key in self._keys(target):
            if key in self._rows:
                self.used.add(self._rows[key])
                return self._rows[key]
        return None

    def _keys(self, target: Target) -> Iterator[str]:
        if not target.scope:
            yield target.name
            return
        for each in self._tree.ancestors(target.scope):
            yield f"{each}::{target.name}"
            yield f"{each}::*"


def _known(key: str, tree: Tree) -> str:
    """Return a key with its class's present name; the tables may use an older one."""
    scope, separator, name = key.rpartition("::")
    return f"{tree.known(scope)}::{name}" if separator else key


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect; `chain` has the routines from the function to the one with the sink."""

    kind: str
    sink: str
    file: str
    line: int
    chain: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Its identity: its kind, and the routine where it happens."""
        return self.kind, self.chain[-1]

    @property
    def place(self) -> str:
        """The file, the line and the call."""
        return f"{self.file}:{self.line} {self.sink}"


class Search:
    """Finds effects in a source tree."""

    def __init__(self, tree: Tree, calls: Calls, cuts: Iterable[str]) -> None:
        self._calls = calls
        self.sinks = Table(dict(_sinks()), tree)
        self.cuts = Table({each: each for each in cuts}, tree)

    def effects(self, start: Place) -> Iterator[Effect]:
        """Yield each place where an effect happens, with the shortest chain of calls."""
        found: set[tuple[str, str]] = set()
        chains: dict[Place, tuple[str, ...]] = {start: (start.routine,)}
        waiting = deque([start])
        while waiting:
            place = waiting.popleft()
            for call, target in self._calls.targets(place):
                vague = target.guessed and target.name in _EVERYDAY
                kind = None if vague else self.sinks.find(target)
                if kind is not None:
                    effect = self._effect(kind, call, target, chains[place])
                    if effect.key not in found:
                        found.add(effect.key)
                        yield effect
                elif target.place and target.place not in chains and not self.cuts.find(target):
                    chains[target.place] = (*chains[place], target.place.routine)
                    waiting.append(target.place)

    def _effect(self, kind: str, call: Call, target: Target, chain: tuple[str, ...]) -> Effect:
        file = self._calls.routine(Place(chain[-1])).file
        return Effect(kind, target.name, file, call.line, chain)


def _sinks() -> Iterator[tuple[str, str]]:
    table = tomllib.loads((_HERE / "sinks.toml").read_text(encoding="utf-8"))
    for kind, rows in table.items():
        for each in rows["calls"]:
            yield each, kind
