"""Requests in other languages, put into English words by word lists of the school.

The lists are data, `data/search/glossary/<language>.tsv`: a word or an expression and what it
means; nothing means that it says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from moodle_mcp.catalogue.search_words import DATA, plain_words, stemmer

LANGUAGES: Final = ("german", "spanish", "french", "portuguese", "italian")

_SHORTEST: Final = 4
"""Letters of the shortest part of a compound: Fristverlängerung, Testversuche."""


_BY_ITS_STEM: Final = 0.9
"""What a word counts for that only has the stem of one in a list."""


@dataclass(frozen=True, slots=True)
class Translation:
    """A request in English, and from which language."""

    language: str
    english: str


class Glossaries:
    """The word lists of all languages, read when they are first needed."""

    def translated(self, text: str, known: Callable[[str], bool]) -> Translation | None:
        """A request in English; None if no other language knows more of its words.

        `known` tells whether a word is English.
        """
        words = plain_words(text)
        best, most = None, float(sum(map(known, words)))
        if most == len(words):
            return None
        for glossary in self._all:
            english, understood = glossary.translated(words, known)
            if understood > most:
                best, most = Translation(glossary.language, " ".join(english)), understood
        return best

    @cached_property
    def _all(self) -> list[_Glossary]:
        return [_Glossary(language) for language in LANGUAGES]


class _Glossary:
    """The word list of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._stem = stemmer(language)
        lines = (DATA / "glossary" / f"{language}.tsv").read_text(encoding="utf-8").splitlines()
        rows = [(tuple(plain_words(word)), english) for word, english in _split(lines[1:])]
        # The first of those that have one stem counts.
        rows.reverse()
        self._exactly = dict(rows)
        self._by_stems = {self._stems(words): english for words, english in rows}
        self._longest = max(map(len, self._exactly))

    def translated(
        self, words: Sequence[str], known: Callable[[str], bool]
    ) -> tuple[list[str], float]:
        """What words mean in English, the longest expressions first, and how many of them are
        understood; those that are not, and no English either, are left out.
        """
        english: list[str] = []
        understood, at = 0.0, 0
        while at < len(words):
            length, meanings, worth = self._next(words[at:])
            if not meanings and worth == 0 and known(words[at]):
                meanings = [words[at]]
            english += meanings
            understood += worth
            at += length
        return english, understood

    def _next(self, words: Sequence[str]) -> tuple[int, list[str], float]:
        """How many words the longest expression at the beginning has, its meanings, and how many
        words are understood by it.
        """
        for length in range(min(self._longest, len(words)), 0, -1):
            some = tuple(words[:length])
            exact = self._exactly.get(some)
            meaning = self._by_stems.get(self._stems(some)) if exact is None else exact
            if meaning is not None:
                worth = length * (_BY_ITS_STEM if exact is None else 1.0)
                return length, [meaning] if meaning else [], worth
        parts = self._compound(words[0])
        return 1, parts, _BY_ITS_STEM if parts else 0.0

    def _compound(self, word: str) -> list[str]:
        """What the two parts of a compound mean, as German has them."""
        for cut in range(len(word) - _SHORTEST, _SHORTEST - 1, -1):
            parts = (word[:cut].removesuffix("s"), word[cut:])
            meanings = [self._by_stems.get(self._stems((part,))) for part in parts]
            if all(meanings):
                return [each for each in meanings if each]
        return []

    def _stems(self, words: Sequence[str]) -> tuple[str, ...]:
        return tuple(map(self._stem, words))


def _split(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        word, _, english = line.partition("\t")
        yield word, english
