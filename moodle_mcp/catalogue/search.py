"""Finding functions by words: ranked, and forgiving of misspelling."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler

from moodle_mcp.catalogue.model import Function, ListOf, Node, Object
from moodle_mcp.catalogue.naming import description

_WORD = re.compile(r"[a-z0-9]+")
_ALIKE: Final = 0.88
"""How alike two words must be to be taken for the same one (courses and course, asignment)."""

_NAME, _TEXT, _PARAMETER = 3.0, 1.0, 0.7
"""What a word counts for where it stands."""

_EVERYDAY: Final = 1.3
"""What the functions of the profiles, which people ask for most, count more than the rest."""


@dataclass(frozen=True, slots=True)
class Found:
    """A function that was found, and how well it fits."""

    function: Function
    score: float


class Index:
    """An index of functions by the words of their names, texts and parameters."""

    def __init__(self, functions: Sequence[Function]) -> None:
        self._functions = functions
        self._weights = [_weights(function) for function in functions]
        counts: dict[str, int] = {}
        for weights in self._weights:
            for word in weights:
                counts[word] = counts.get(word, 0) + 1
        total = len(functions)
        self._rarity = {word: math.log(1 + total / count) for word, count in counts.items()}

    def search(self, query: str, limit: int) -> list[Found]:
        """The functions that fit the words of a query, the best first."""
        scores = [0.0] * len(self._functions)
        for word in set(_words(query)):
            alike = self._alike(word)
            for position, weights in enumerate(self._weights):
                best = max((weights.get(each, 0.0) * worth for each, worth in alike), default=0.0)
                scores[position] += best * (
                    _EVERYDAY if self._functions[position].text.is_ours else 1
                )
        ranked = sorted(
            (
                Found(function, score)
                for function, score in zip(self._functions, scores, strict=True)
            ),
            key=lambda found: (-found.score, len(found.function.name), found.function.name),
        )
        return [found for found in ranked[:limit] if found.score > 0]

    def _alike(self, word: str) -> list[tuple[str, float]]:
        """The indexed words that a word may mean, each with what a match is worth."""
        matches = process.extract(
            word,
            self._rarity.keys(),
            scorer=JaroWinkler.normalized_similarity,
            score_cutoff=_ALIKE,
            limit=8,
        )
        return [(match, self._rarity[match] * likeness**4) for match, likeness, _ in matches]


def _weights(function: Function) -> Mapping[str, float]:
    weights: dict[str, float] = {}
    for text, weight in (
        (" ".join(_keys(function.params)), _PARAMETER),
        (description(function), _TEXT),
        (function.name.replace("_", " "), _NAME),
    ):
        for word in _words(text):
            weights[word] = max(weights.get(word, 0.0), weight)
    return weights


def _keys(node: Node) -> Iterable[str]:
    match node:
        case Object():
            for key, child in node.keys.items():
                yield key
                yield from _keys(child)
        case ListOf():
            yield from _keys(node.item)
        case _:
            return


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text.lower()) if len(word) > 1 and word not in _EMPTY]


_EMPTY: Final = frozenset(
    ("all", "an", "and", "are", "as", "at", "be", "by", "for", "from", "had", "has", "have", "in",
     "into", "is", "it", "its", "me", "my", "not", "of", "on", "or", "than", "that", "the",
     "their", "this", "to", "what", "which", "who", "with")
)  # fmt: skip
"""Words that say nothing of what is looked for."""
