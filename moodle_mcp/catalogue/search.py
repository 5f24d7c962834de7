"""Search for functions by words, with ranking and tolerance for misspelling."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.fulltext import FullText
from moodle_mcp.catalogue.glossary import Glossaries, Translation
from moodle_mcp.catalogue.model import Function, ListOf, Node, Object
from moodle_mcp.catalogue.naming import area_and_words, description
from moodle_mcp.catalogue.said import Said, Unavailable, said_of_functions, unavailable
from moodle_mcp.catalogue.search_words import Wording, plain_words

_LONGEST_QUERY: Final = 1_000
"""Maximum characters of a query: each unknown word is compared with all others."""

_ALIKE: Final = 0.75
"""Minimum similarity of an unknown word to a known one to count as its misspelling: one letter in
four may differ.
"""

_SHORTEST: Final = 4
"""Minimum letters of a word that counts as misspelt: in shorter words each letter counts."""

_NAME, _SAID, _TEXT, _LEAST = 2.0, 2.0, 1.0, 0.3
"""What a word counts for where it stands: least in parameters' names and in a site's own texts."""

_WHOLE: Final = 0.6
"""What all the words of a function count beside the one expression that fits best."""

_PRECISION: Final = 0.5
"""The share of an expression's score that only one without further words gets in full."""

_IN_ORDER: Final = 1.1
"""What an expression counts more that has the words in the query's order: "users of a course" is
not "courses of a user".
"""

_EVERYDAY: Final = 1.1
"""What the functions that people ask for most count more than the rest."""

_DEPRECATED: Final = 0.5

_OTHER_KIND: Final = 0.75
"""What a read counts if the query asks for a change, and a change if it asks to see something."""

_ENOUGH: Final = 2
"""Words of one expression that must be asked for before a function is shown that deletes, or that
can't be undone, or the answer that no function does it.
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A function that was found, or the answer that none does it, and how well it fits."""

    target: Function | Unavailable
    score: float


@dataclass(frozen=True, slots=True)
class Results:
    """What was found, the best first, and how the query was read if it was not in English."""

    found: list[Found]
    translation: Translation | None

    @property
    def functions(self) -> list[Function]:
        """The functions alone."""
        return [each.target for each in self.found if isinstance(each.target, Function)]

    def not_possible(self, first: int) -> list[Unavailable]:
        """The answers that no function does it, if they are among the first hits."""
        targets = [each.target for each in self.found[:first]]
        return [each for each in targets if isinstance(each, Unavailable)]


@dataclass(frozen=True, slots=True)
class _Expression:
    """One way to ask for something: its stems, and the number of what it asks for."""

    stems: tuple[str, ...]
    target: int

    def common(self, asked: Sequence[str]) -> list[str]:
        """Which of the stems are asked for, in the expression's order."""
        return [stem for stem in self.stems if stem in asked]


@dataclass(frozen=True, slots=True)
class _Fit:
    """How well the best expression of something fits, and the most words of the query that one
    has; a single word that is a whole expression counts as enough.
    """

    score: float = 0.0
    words: int = 0


class Index:
    """An index of functions by what people say when they want them, and by their names, texts and
    parameters.
    """

    def __init__(self, functions: Sequence[Function]) -> None:
        self._wording = Wording()
        self._glossaries = Glossaries()
        self._numbers = {function.name: number for number, function in enumerate(functions)}
        said = said_of_functions()
        self._known = said.keys()
        self._everyday = {name for name, each in said.items() if each.everyday}
        self._deletions = {each.name for each in functions if self._deletes(each)}
        absent = [each for each in unavailable() if each.holds(self._numbers)]
        self._targets: list[Function | Unavailable] = [*functions, *absent]

        self._expressions: list[_Expression] = []
        rows: list[tuple[str, str, str, str]] = []
        for number, function in enumerate(functions):
            ways = said.get(function.name, Said()).expressions
            stems = self._add(number, (area_and_words(function.name)[1], *ways))
            rows.append(self._row(function, stems))
        for number, each in enumerate(absent, len(functions)):
            rows.append(("", self._add(number, each.said), "", ""))
        counts = Counter(stem for each in self._expressions for stem in each.stems)
        total = len(self._expressions)
        self._rarity = {stem: math.log(1 + total / count) for stem, count in counts.items()}
        self._told_by = [self._told(each.stems) for each in self._expressions]

        self._by_expression = FullText(((" ".join(e.stems),) for e in self._expressions), [1.0])
        self._by_everything = FullText(rows, [_NAME, _SAID, _TEXT, _LEAST])
        self._vocabulary = {stem for row in rows for text in row for stem in text.split()}
        self._words = {word for text in _texts(functions, said) for word in plain_words(text)}
        self._words.update(self._wording.synonyms)
        self._sorted_words = sorted(self._words)

    def search(self, text: str, limit: int) -> Results:
        """What fits the words of a query, the best first; a function that is called by its full
        name is the first.
        """
        text = text[:_LONGEST_QUERY].lower()
        names = dict.fromkeys(word for word in re.findall(r"\w+", text) if word in self._numbers)
        translation = None if names else self._glossaries.translated(text, self._is_english)
        words = map(self._spelt, plain_words(translation.english if translation else text))
        stems = self._wording.words(" ".join(words))
        found = [each for each in self._fitting(stems) if each.target.name not in names]
        found.sort(key=lambda each: (-each.score, len(each.target.name), each.target.name))
        named = [Found(self._targets[self._numbers[name]], math.inf) for name in names]
        return Results([*named, *found][:limit], translation)

    def _fitting(self, stems: Sequence[str]) -> Iterator[Found]:
        """All that fits and may be shown."""
        asked = [stem for stem in dict.fromkeys(stems) if stem in self._vocabulary]
        expressions = self._best_expressions(asked)
        changes, reads = self._wording.changes(stems), self._wording.reads(stems)
        deletion = self._words_of_a_deletion(asked, expressions)
        for number, score in self._by_everything.scores(asked):
            target, fit = self._targets[number], expressions.get(number, _Fit())
            if fit.words >= self._words_needed(target, deletion):
                standing = self._standing(target, changes, reads)
                yield Found(target, (fit.score + _WHOLE * score) * standing)

    def _best_expressions(self, asked: Sequence[str]) -> dict[int, _Fit]:
        """How well the best expression of each target fits, by the target's number."""
        best: dict[int, _Fit] = {}
        for number, score in self._by_expression.scores(asked):
            expression = self._expressions[number]
            common = expression.common(asked)
            precision = self._told(common) / self._told_by[number]
            fit = score * (1 - _PRECISION + _PRECISION * precision)
            if len(common) > 1 and common == [stem for stem in asked if stem in common]:
                fit *= _IN_ORDER
            whole = len(common) == len(expression.stems)
            words = max(len(common), _ENOUGH if whole else 0)
            other = best.get(expression.target, _Fit())
            best[expression.target] = _Fit(max(fit, other.score), max(words, other.words))
        return best

    def _words_of_a_deletion(self, asked: Sequence[str], expressions: Mapping[int, _Fit]) -> float:
        """How many words a deletion must have of the query: as many as the deletion that has
        most, lest "take somebody off a course" shows the deletion of courses. None is shown where
        no verb asks for one.
        """
        if not self._wording.deletes(asked):
            return math.inf
        words = (
            fit.words
            for number, fit in expressions.items()
            if self._targets[number].name in self._deletions
        )
        return max(_ENOUGH, *words, 0)

    def _words_needed(self, target: Function | Unavailable, deletion: float) -> float:
        """How many words of one expression must be asked for before something is shown."""
        if isinstance(target, Unavailable):
            return _ENOUGH
        if target.name in self._deletions:
            return deletion
        # A plugin's function counts as destructive until somebody says what it does.
        known = target.name in self._known and target.classification.access is Access.DESTRUCTIVE
        return _ENOUGH if known else 0

    def _standing(self, target: Function | Unavailable, changes: bool, reads: bool) -> float:
        """What a function counts for, whatever its words."""
        if isinstance(target, Unavailable):
            return 1.0
        standing = _EVERYDAY if target.name in self._everyday else 1.0
        if target.deprecated:
            standing *= _DEPRECATED
        other_kind = changes if target.reads_only else reads
        return standing * _OTHER_KIND if other_kind else standing

    def _told(self, stems: Iterable[str]) -> float:
        """How much words tell: by how rare they are."""
        return sum(self._rarity[stem] for stem in stems)

    def _is_english(self, word: str) -> bool:
        stems = self._wording.words(word)
        return self._wording.says_nothing(word) or not self._vocabulary.isdisjoint(stems)

    def _spelt(self, word: str) -> str:
        """A word of the query, or the known one that it is most likely to be if it is misspelt."""
        if len(word) < _SHORTEST or word in self._words or self._is_english(word):
            return word
        near = process.extractOne(
            word,
            self._sorted_words,
            scorer=DamerauLevenshtein.normalized_similarity,
            score_cutoff=_ALIKE,
        )
        return near[0] if near else word

    def _deletes(self, function: Function) -> bool:
        verb = self._wording.words(area_and_words(function.name)[1])[:1]
        return self._wording.deletes(verb)

    def _add(self, target: int, ways: Iterable[str]) -> str:
        """Keep the ways to ask for something; the stems of all of them."""
        added = [stems for each in ways if (stems := self._wording.words(each))]
        self._expressions += (_Expression(tuple(dict.fromkeys(stems)), target) for stems in added)
        return " ".join(stem for stems in added for stem in stems)

    def _row(self, function: Function, said: str) -> tuple[str, str, str, str]:
        """The stems of a function by what they count for."""
        text, parameters = description(function), " ".join(_keys(function.params))
        if function.text.by_the_site:
            text, parameters = "", f"{parameters} {text}"
        name, text, parameters = (
            " ".join(self._wording.words(each))
            for each in (function.name.replace("_", " "), text, parameters)
        )
        return name, said, text, parameters


def _texts(functions: Iterable[Function], said: Mapping[str, Said]) -> Iterator[str]:
    """What has the words that a query may misspell."""
    for function in functions:
        yield function.name.replace("_", " ")
        yield description(function)
        yield from said.get(function.name, Said()).expressions


def _keys(node: Node) -> Iterable[str]:
    """Yield the names of all parameters; "course" for `courseid` and `courseids`."""
    match node:
        case Object():
            for key, child in node.keys.items():
                yield re.sub(r"(?<=\w\w)ids?$", "", key)
                yield from _keys(child)
        case ListOf():
            yield from _keys(node.item)
        case _:
            return
