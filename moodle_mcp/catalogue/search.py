"""Finding functions by words: ranked, and forgiving of misspelling."""

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
from moodle_mcp.catalogue.wording import Wording

_LONGEST_QUERY: Final = 1_000
"""Characters of a query that are looked at: each unknown word is compared with all others."""

_ALIKE: Final = 0.75
"""How alike an unknown word must be to one that is known, to be taken for a misspelling of it:
one letter in four.
"""

_SHORTEST: Final = 4
"""Letters of the shortest word that counts as misspelt: in a shorter one each letter counts."""

_NAME, _TEXT, _PARAMETER = 3.0, 1.0, 0.3
"""What a word counts for where it stands."""

_EVERYDAY: Final = 1.3
"""What the functions of the profiles, which people ask for most, count more than the rest."""

_DEPRECATED: Final = 0.5
_HEAD: Final = 1.4
"""What a function counts more if the last word of its name is what the query is about."""

_ONLY_READS: Final = 0.6
"""What a read counts if the query asks for a change."""

_VERB_ALONE: Final = 0.3
"""What a change counts that is done to something else than what the query names."""

_PRECISION: Final = 0.4
"""What of the score goes to a function whose name has nothing but what is asked for."""

_MENTIONED: Final = 0.8
"""What a change counts if its verb is in a query that does not begin with a change: "enrolled
users" asks for no enrolment.
"""

_UNASKED: Final[Mapping[Access, float]] = {
    Access.READ: 1.0,
    Access.WRITE: 0.7,
    Access.DESTRUCTIVE: 0.5,
}
"""What a function counts for if nothing in the query means its verb: who asks for a deletion says
so, and who does not is not shown one first.
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A function that was found, and how well it fits."""

    function: Function
    score: float


@dataclass(frozen=True, slots=True)
class _Entry:
    """A function as the index has it: each word with what it counts for, those of its name, and
    the name's first and last word after the component: the verb and what it is done to.
    """

    function: Function
    weights: Mapping[str, float]
    name: frozenset[str]
    verb: str | None
    head: str | None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query as the index knows it: for each word, and for its head, what it may mean and what
    a match counts; all that is meant if no word is misspelt; and whether it begins with the verb
    of a change.
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
        """The functions that fit the words of a query, the best first.

        A function that is called by its name is the first. Of those that fit alike, the one that
        has more of the query's very words comes before the other.
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
        """How well a function fits: by the words that it has, by how much of the query they are,
        and by how much of its name they are.
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
        """The indexed words that a word of a query may mean, each with what a match counts."""
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
        """Those of a word's meanings that the index has, each with what a match counts: by how
        rare it is, and another meaning never more than the word itself.
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
    """What a function counts for, whatever its words."""
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
    """The names of all parameters; of `courseid` and `courseids` what they are ids of."""
    match node:
        case Object():
            for key, child in node.keys.items():
                yield re.sub(r"(?<=\w\w)ids?$", "", key)
                yield from _keys(child)
        case ListOf():
            yield from _keys(node.item)
        case _:
            return
