"""The meaning of words in a search: stems, synonyms and stop words.

The words themselves are data, in `data/search/words.toml`.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from importlib import resources
from typing import Any, Final, cast

import snowballstemmer  # pyright: ignore[reportMissingTypeStubs]

DATA: Final = resources.files("moodle_mcp.catalogue") / "data" / "search"

_WORD: Final = re.compile(r"[a-z0-9]{1,40}")
"""A word, or a part of one that is longer than any: the time that a stem takes, and the number of
parts that may be words of a compound, both grow with its length."""

_GAP: Final = " … "

_REMEMBERED: Final = 10_000
"""Stems that are remembered: more than the words of all functions and of a query."""


class Wording:
    """Stems words so that texts and queries can be compared."""

    def __init__(self) -> None:
        data = tomllib.loads((DATA / "words.toml").read_text(encoding="utf-8"))
        self._stem = stemmer("english")
        self._ignored = frozenset(data["ignored"].split())
        self._same: Mapping[str, str] = {
            self._stem(word): self._stem(words[0])
            for words in data["same"]["words"]
            for word in words
        }
        self._deleting = frozenset(map(self._one, data["deleting"].split()))
        self._changing = frozenset(map(self._one, data["changing"].split()))
        self._reading = frozenset(map(self._one, data["reading"].split()))
        self._synonyms = frozenset(word for words in data["same"]["words"] for word in words)
        said = [(phrase, word) for word, phrases in data["phrases"].items() for phrase in phrases]
        self._phrases: dict[str, list[tuple[re.Pattern[str], str]]] = {}
        for phrase, word in sorted(said, key=lambda each: -len(each[0])):
            meant = rf"{word} \1" if _GAP in phrase else word
            self._phrases.setdefault(phrase.split()[0], []).append((_pattern(phrase), meant))

    @property
    def synonyms(self) -> Iterable[str]:
        """The words that mean another, for which a misspelt one may stand."""
        return self._synonyms

    def words(self, text: str) -> list[str]:
        """The stems of a text that say something, synonyms as one."""
        words = plain_words(text)
        # Only the expressions whose first word is there: thousands of texts are read at once.
        if begun := self._phrases.keys() & words:
            plain = " ".join(words)
            for first in sorted(begun):
                for phrase, meant in self._phrases[first]:
                    plain = phrase.sub(meant, plain)
            words = plain.split()
        return [self._one(word) for word in words if word not in self._ignored]

    def deletes(self, stems: Iterable[str]) -> bool:
        """Whether stems ask for something to be deleted or ended."""
        return not self._deleting.isdisjoint(stems)

    def changes(self, stems: Iterable[str]) -> bool:
        """Whether stems begin with the verb of a change."""
        return next(iter(stems), "") in self._changing

    def reads(self, stems: Iterable[str]) -> bool:
        """Whether stems begin with a verb that changes nothing."""
        return next(iter(stems), "") in self._reading

    def says_nothing(self, word: str) -> bool:
        """Whether an English word says nothing of what is looked for."""
        return word in self._ignored

    def _one(self, word: str) -> str:
        stem = self._stem(word)
        return self._same.get(stem, stem)


def plain_words(text: str) -> list[str]:
    """The words of a text in small letters without accents: `["eleve"]` of "Élève"."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(each for each in parts if not unicodedata.combining(each)))


def stemmer(language: str) -> Callable[[str], str]:
    """The Snowball stemmer of a language, which remembers the words that it was asked last."""
    stem = cast("Callable[[str], str]", cast("Any", snowballstemmer).stemmer(language).stemWord)
    return lru_cache(_REMEMBERED)(stem)


def _pattern(phrase: str) -> re.Pattern[str]:
    first, gap, last = phrase.partition(_GAP)
    return re.compile(rf"\b{first} ((?:\w+ ){{0,3}}?){last}\b" if gap else rf"\b{phrase}\b")
