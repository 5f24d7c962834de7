"""Search for functions by words, with ranking and tolerance for misspelling."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.model import Function, ListOf, Node, Object
from moodle_mcp.catalogue.naming import area_and_words, description
from moodle_mcp.catalogue.search_words import Wording

_LONGEST_QUERY: Final = 1_000
"""Maximum characters of a query: each unknown word is compared with all others."""

_ALIKE: Final = 0.75
"""Minimum similarity of an unknown word to a known one to count as its misspelling: one letter in
four may differ.
"""

_SHORTEST: Final = 4
"""Minimum letters of a word that counts as misspelt: in shorter words each letter counts."""

_NAME, _TEXT, _PARAMETER = 3.0, 1.0, 0.3
"""Weights of a word by where it occurs."""

_EVERYDAY: Final = 1.3
"""Factor for functions in the profiles, which people ask for most."""

_DEPRECATED: Final = 0.5
_HEAD: Final = 1.4
"""Factor for a function if the last word of its name is the head of the query."""

_ONLY_READS: Final = 0.6
"""Factor for a read if the query asks for a change."""

_VERB_ALONE: Final = 0.3
"""Factor for a change to something other than the query names."""

_PRECISION: Final = 0.4
"""Share of the score that depends on how much of the function's name the query covers."""

_MENTIONED: Final = 0.8
"""Factor for a change if its verb is in a query that does not begin with a change: "enrolled users"
does not ask for an enrolment.
"""

_UNASKED: Final[Mapping[Access, float]] = {
    Access.READ: 1.0,
    Access.WRITE: 0.7,
    Access.DESTRUCTIVE: 0.5,
}
"""Factor for a function by its verb, if no word in the query means that verb. People who want to
delete say so; nobody else should see a deletion first.
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A function that was found, with its score."""

    function: Function
    score: float


@dataclass(frozen=True, slots=True)
class _Entry:
    """A function in the index: its words with their weights, the words of its name, and the name's
    first and last word after the component (the verb and its object).
    """

    function: Function
    weights: Mapping[str, float]
    name: frozenset[str]
    verb: str | None
    head: str | None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A parsed query: for each word, and for its head, the indexed words it may mean with the score
    of a match; all meanings if no word is misspelt; and whether it begins with the verb of a
    change.
    """

    words: Sequence[Mapping[str, float]]
    head: Mapping[str, float]
    surely: Set[str]
    changes: bool


class Index:
    """An index of functions by the words of their names, texts and parameters."""

    def __init__(self, functions: Sequence[Function]) -> None:
        self._wording = Wording()
        self._entries = [self._entry(function) for function in functions]
        counts: dict[str, int] = {}
        for entry in self._entries:
            for word in entry.weights:
                counts[word] = counts.get(word, 0) + 1
        total = len(functions)
        self._rarity = {word: math.log(1 + total / count) for word, count in counts.items()}

    def search(self, text: str, limit: int) -> list[Found]:
        """Return the functions that match a query, best first.

        A function whose name is the query comes first. Among equal scores, functions with more of
        the query's exact words come first.
        """
        text = text[:_LONGEST_QUERY]
        query = self._wording.query(text)
        asked = _Asked(
            [meant for word in query.words if (meant := self._meant(word))],
            head=self._meant(query.head) if query.head else {},
            surely={meant for word in query.words for meant in self._known(word)},
            changes=query.changes,
        )
        found = [
            Found(entry.function, score * _standing(entry, asked))
            for entry in self._entries
            if (score := self._score(entry, asked))
        ]
        said = set(re.findall(r"\w+", text.lower()))

        def order(each: Found) -> tuple[bool, float, int, int, str]:
            name = each.function.name
            alike = len(said & set(name.split("_")))
            return name not in said, -each.score, -alike, len(name), name

        return sorted(found, key=order)[:limit]

    def _score(self, entry: _Entry, asked: _Asked) -> float:
        """Return a function's score: by its matching words, by their share of the query and by
        their share of its name.
        """
        points = covered = total = 0.0
        named: list[str] = []
        for meant in asked.words:
            worth, word = max(
                (worth * entry.weights.get(word, 0.0), word) for word, worth in meant.items()
            )
            most = max(meant.values())
            total += most
            if worth > 0:
                points += worth
                covered += most
                named.append(word)
        if not points:
            return 0.0
        if asked.changes and len(asked.words) > len(named) == 1 and named[0] in asked.words[0]:
            points *= _VERB_ALONE
        name = sum(self._rarity[word] for word in entry.name)
        precision = sum(self._rarity[word] for word in entry.name.intersection(named)) / (name or 1)
        return points * (covered / total) * (1 - _PRECISION * (1 - precision))

    def _meant(self, word: str) -> Mapping[str, float]:
        """Return the indexed words that a query's word may mean, with the score of a match."""
        meant = self._known(word)
        if meant or len(word) < _SHORTEST:
            return meant
        near = process.extractOne(
            word,
            sorted({*self._rarity, *self._wording.synonyms}),
            scorer=DamerauLevenshtein.normalized_similarity,
            score_cutoff=_ALIKE,
        )
        if near is None:
            return {}
        return {each: worth * near[1] for each, worth in self._known(near[0]).items()}

    def _known(self, word: str) -> Mapping[str, float]:
        """Return a word's meanings that are in the index, scored by how rare they are; another
        meaning never scores more than the word itself.
        """
        meanings = self._wording.meanings(word)
        most = self._rarity.get(next(iter(meanings)), math.inf)
        return {
            each: worth * min(self._rarity[each], most)
            for each, worth in meanings.items()
            if each in self._rarity
        }

    def _entry(self, function: Function) -> _Entry:
        weights: dict[str, float] = {}
        for text, weight in (
            (" ".join(_keys(function.params)), _PARAMETER),
            (description(function), _TEXT),
            (function.name.replace("_", " "), _NAME),
        ):
            for word in self._wording.words(text):
                weights[word] = max(weights.get(word, 0.0), weight)
        name = frozenset(self._wording.words(function.name.replace("_", " ")))
        after = self._wording.words(area_and_words(function.name)[1]) or [None]
        return _Entry(function, weights, name, verb=after[0], head=after[-1])


def _standing(entry: _Entry, asked: _Asked) -> float:
    """Return a function's factor, which does not depend on matching words."""
    function = entry.function
    standing = _EVERYDAY if function.text.is_ours else 1.0
    if function.deprecated:
        standing *= _DEPRECATED
    if entry.head in asked.head:
        standing *= _HEAD
    if function.reads_only:
        return standing * _ONLY_READS if asked.changes else standing
    if entry.verb not in asked.surely:
        return standing * _UNASKED[function.classification.access]
    return standing if asked.changes else standing * _MENTIONED


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
