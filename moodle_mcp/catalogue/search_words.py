"""The meaning of words in a search: stems, synonyms and stop words.

The words themselves are in `data/search.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import takewhile
from typing import Any, Final, cast

import snowballstemmer  # pyright: ignore[reportMissingTypeStubs]

_WORD: Final = re.compile(r"[a-z0-9]+")

ALSO: Final = 0.9
"""Score of a synonym compared with the word itself."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query in stems.

    `head` is what is to be found or changed: "students" in "the students of a course". `changes`
    is True if the query begins with the verb of a change.
    """

    words: tuple[str, ...]
    head: str | None
    changes: bool


class Wording:
    """Stems words so that texts and queries can be compared."""

    def __init__(self) -> None:
        file = resources.files("moodle_mcp.catalogue") / "data" / "search.toml"
        data = tomllib.loads(file.read_text(encoding="utf-8"))
        self._stem = cache(cast("Callable[[str], str]", _stemmer().stemWord))
        self._ignored = frozenset(data["ignored"].split())
        self._linking = frozenset(data["linking"].split())
        self._changing = frozenset(data["changing"].split())
        self._same: Mapping[str, str] = {
            self._stem(word): self._stem(words[0])
            for words in data["same"]["words"]
            for word in words
        }
        self._also: Mapping[str, tuple[str, ...]] = {
            self._one(word): tuple(map(self._one, others)) for word, others in data["also"].items()
        }
        said = {phrase: word for word, phrases in data["phrases"].items() for phrase in phrases}
        self._said: Mapping[str, str] = said
        longest_first = sorted(said, key=len, reverse=True)
        self._phrase = re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b")

    @property
    def synonyms(self) -> Iterable[str]:
        """The synonyms in stems, which misspelt words of a query may stand for."""
        return self._same.keys() | self._also.keys()

    def words(self, text: str) -> list[str]:
        """Return the stems of a text without stop words, synonyms as one."""
        return self._stems(self._plain(text))

    def query(self, text: str) -> Query:
        """Parse a query."""
        plain = self._plain(text)
        first = self._stems(takewhile(lambda word: word not in self._linking, plain))
        begun = next((word for word in plain if word not in self._ignored), "")
        words = tuple(dict.fromkeys(self._stems(plain)))
        return Query(words, first[-1] if first else None, begun in self._changing)

    def _plain(self, text: str) -> list[str]:
        """Return the words of a text, with everyday phrases replaced by Moodle's terms."""
        plain = " ".join(_WORD.findall(text.lower()))
        return self._phrase.sub(lambda at: self._said[at[0]], plain).split()

    def _stems(self, words: Iterable[str]) -> list[str]:
        return [self._one(word) for word in words if len(word) > 1 and word not in self._ignored]

    def meanings(self, stem: str) -> Mapping[str, float]:
        """Return the possible meanings of a stem with their scores."""
        one = self._same.get(stem, stem)
        return {one: 1.0} | {other: ALSO for other in self._also.get(one, ()) if other != one}

    def _one(self, word: str) -> str:
        stem = self._stem(word)
        return self._same.get(stem, stem)


def _stemmer() -> Any:
    return cast("Any", snowballstemmer).stemmer("english")
