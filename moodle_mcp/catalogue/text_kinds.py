"""Classify each text of an answer: Moodle's own identifier, a name, free text or HTML.

The rules are a table in `data/text-kinds.tsv`, by a key (`summary`), a key with its parent
(`warnings.message`) or a function's path (`core_x_get_y:items.content`). The most specific wins.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from importlib import resources
from typing import Final

from moodle_mcp.catalogue.model import Value, scalar


class TextKind(StrEnum):
    """`CODE` is an identifier of Moodle's; the others are written by people."""

    CODE = "code"
    NAME = "name"
    TEXT = "text"
    HTML = "html"


WORDS: Final = frozenset(
    {
        "alpha",
        "alphaext",
        "alphanum",
        "alphanumext",
        "area",
        "auth",
        "base64",
        "capability",
        "component",
        "lang",
        "permission",
        "plugin",
        "safedir",
        "safepath",
        "sequence",
        "stringid",
        "theme",
        "timezone",
        "url",
    }
)
"""PARAM_ types that can't contain a sentence."""


class TextKinds:
    """The kinds of all texts; the table is read on first use."""

    def kind(self, function: str, path: tuple[str, ...], value: Value) -> TextKind:
        """Return the kind of a value at a path of keys in a function's answer.

        A value without a rule that could contain a sentence counts as free text.
        """
        known = self.rule(function, path)
        if known is not None:
            return known
        return TextKind.CODE if value.type in WORDS or scalar(value) != "string" else TextKind.TEXT

    def rule(self, function: str, path: tuple[str, ...]) -> TextKind | None:
        """Return the table's rule for a path; None if it has none."""
        for key in (f"{function}:{'.'.join(path)}", ".".join(path[-2:]), ".".join(path[-1:])):
            if key in self._rules:
                return self._rules[key]
        return None

    @cached_property
    def _rules(self) -> dict[str, TextKind]:
        file = resources.files("moodle_mcp.catalogue") / "data" / "text-kinds.tsv"
        lines = file.read_text(encoding="utf-8").splitlines()
        rows = (line.split("\t") for line in lines if not line.startswith("#"))
        return {key: TextKind(kind) for key, kind in rows}
