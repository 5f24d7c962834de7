"""What Moodle accepts silently, and how each case can be known.

`data/silent.tsv` lists what was observed: calls that Moodle answers with success though nothing, or
something else, happened. `data/checks.toml` says for each function how its cases can be known: by a
read before the write, by a read or the answer after it, by the arguments alone, or not at all.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import Any, Final, Literal, TypeAlias

Stage: TypeAlias = Literal["before", "after"]
Problem: TypeAlias = Literal[
    "absent", "present", "gone", "above", "same", "differs", "empty",
    "equal", "missing", "blank", "given", "below", "over", "before",
]  # fmt: skip


class Verdict(StrEnum):
    """What a check says about an item."""

    FAILED = "failed"
    """It must not be sent; or it was, and nothing of it was done."""
    NOT_DONE = "not_done"
    """A part of it is not done, or has no effect."""
    UNCHANGED = "unchanged"
    """It was so already."""
    UNVERIFIED = "unverified"
    """Moodle does not report whether it was done."""


@dataclass(frozen=True, slots=True)
class SilentCase:
    """A call that misleads: what was tried, Moodle's answer, and what it changed."""

    case: str
    answer: str
    happened: str
    seen: str


@dataclass(frozen=True, slots=True)
class Check:
    """How some cases of a function can be known.

    Paths are those of one item, with the arguments outside the list beside its own:
    `plugindata.x`, `preferences[].type`. `caller` is the token's user, `option` has the `options`
    by name, `answer` is Moodle's answer to the item after the write. `fact` names what is read,
    `owner` the paths of its key, `value` the paths of what is compared with it; `constant` replaces
    the value. `keys` are compared between an item and a row. Without a fact a value is compared
    with another, or with `limit`.

    A check applies to items with a value at `given`, none at `lacking`, and the values of `where`.
    0, false and empty texts are no values.
    `kind` is the code of the error of a failed item. `text` may contain `{value}` and `{fact}`.
    """

    cases: tuple[str, ...]
    problem: Problem
    then: Verdict
    text: str
    stage: Stage = "before"
    fact: str = ""
    owner: tuple[str, ...] = ()
    value: tuple[str, ...] = ()
    constant: Any = None
    limit: float = 0
    keys: tuple[str, ...] = ()
    given: str = ""
    lacking: tuple[str, ...] = ()
    where: tuple[tuple[str, Any], ...] = ()
    kind: str = "invalid_parameter"


@dataclass(frozen=True, slots=True)
class Known:
    """How the cases of one function can be known.

    `by_arguments` are refused by the check of arguments. `described` are only told in the
    function's description.
    """

    checks: tuple[Check, ...] = ()
    by_arguments: tuple[str, ...] = ()
    described: tuple[str, ...] = ()

    @property
    def cases(self) -> Iterator[str]:
        """The cases that this covers."""
        for check in self.checks:
            yield from check.cases
        yield from self.by_arguments
        yield from self.described


_NONE: Final = Known()
_LISTS: Final = ("cases", "owner", "value", "keys", "lacking")


class Silent:
    """How the silent cases of all functions can be known.

    The table is read when it is first asked for, and parsed, which takes 12 ms, for the first
    function that it names: most are reads, and are not in it.
    """

    def __init__(self) -> None:
        self._text: str | None = None
        self._known: Mapping[str, Known] | None = None

    def __getitem__(self, function: str) -> Known:
        if self._known is None:
            if self._text is None:
                self._text = _text()
            if function not in self._text:
                return _NONE
            self._known = _parsed(self._text)
        return self._known.get(function, _NONE)

    def __iter__(self) -> Iterator[str]:
        return iter(_parsed(_text()))


def silent_cases() -> Mapping[str, list[SilentCase]]:
    """Return the observed cases by function."""
    cases: dict[str, list[SilentCase]] = {}
    data = resources.files("moodle_mcp.catalogue") / "data" / "silent.tsv"
    with data.open(encoding="utf-8") as rows:
        for row in rows:
            if not row.startswith("#"):
                function, case, answer, happened, seen = row.rstrip("\n").split("\t")
                cases.setdefault(function, []).append(SilentCase(case, answer, happened, seen))
    return cases


def _text() -> str:
    file = resources.files("moodle_mcp.catalogue") / "data" / "checks.toml"
    return file.read_text(encoding="utf-8")


def _parsed(text: str) -> Mapping[str, Known]:
    data = tomllib.loads(text)
    known: dict[str, Known] = {}
    for names, entry in data.items():
        found = Known(
            tuple(_check(each) for each in entry.get("check", ())),
            tuple(entry.get("by_arguments", ())),
            tuple(entry.get("described", ())),
        )
        # Functions that differ only in taking one item or several share an entry.
        known |= dict.fromkeys(names.split(), found)
    return known


def _check(entry: Mapping[str, Any]) -> Check:
    fields = dict(entry)
    fields |= {name: _several(fields[name]) for name in _LISTS if name in fields}
    fields["then"] = Verdict(fields["then"])
    fields["where"] = tuple(fields.get("where", {}).items())
    return Check(**fields)


def _several(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
