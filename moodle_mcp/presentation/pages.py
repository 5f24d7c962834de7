"""Cuts an answer that is too long into pages, at the boundaries of its items.

A page has the shape of the whole: an object with some of its keys, a list with some of its items.
All pages merged, with their lists joined, are the whole answer again. The exception is a long text
in an item that alone is too long: the page has its beginning, and the rest has separate pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, cast

from moodle_mcp.background import checkpoint
from moodle_mcp.catalogue.paths import Path, path_text
from moodle_mcp.presentation.fence import Fence
from moodle_mcp.presentation.page_parts import (
    ENCODER,
    NOTHING,
    Measure,
    OpenObject,
    Piece,
    Tail,
    beginning,
    is_begun,
    length,
)

MOST_OMITTED: Final = 5
"""Most omitted paths that a page lists."""

_TEXT_PART: Final = 8
"""A text that is longer than this fraction of a page (an eighth) counts as long."""

_MARKER: Final = 250
"""Characters around the beginning of a shortened text: its marks, its key, where the rest is."""

_MOST_KEYS: Final = 2_000
"""Most keys of an object considered for one page; with very many keys, all would take hours."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of an answer.

    It has `shown` of the `total` items of the outermost list that was cut, from the path `start`
    on. `omitted` are paths of what follows. `texts` are the rests of shortened texts, each with the
    name by which the page refers to it.
    """

    value: dict[str, Any]
    shown: int | None = None
    total: int | None = None
    start: str | None = None
    omitted: tuple[str, ...] = ()
    texts: tuple[tuple[str, tuple[str, ...]], ...] = ()


def pages(
    envelope: dict[str, Any], room: int, fence: Fence | None = None, rest_name: str = "text"
) -> list[Page]:
    """The pages of an answer, each with at most `room` characters of JSON text.

    `rest_name` begins the names of the rests of long texts; each part of a fenced text is fenced.
    """
    cutting = _Cutting(room, fence, rest_name, Measure(room))
    found: list[Page] = []
    rest: Any = envelope
    while rest is not NOTHING:
        page, rest = cutting.page(rest)
        found.append(page)
    return found


@dataclass(slots=True)
class _Cutting:
    room: int
    fence: Fence | None
    rest_name: str
    measure: Measure
    pieces: list[Piece] = field(default_factory=list[Piece])
    postponed: list[str] = field(default_factory=list[str])
    texts: list[tuple[str, tuple[str, ...]]] = field(
        default_factory=list[tuple[str, tuple[str, ...]]]
    )
    names: int = 0

    @property
    def long_text(self) -> int:
        """Characters beyond which a text is shortened where it must be."""
        return self.room // _TEXT_PART

    def page(self, value: Any) -> tuple[Page, Any]:
        """The first page of a value, and the rest."""
        self.pieces, self.postponed, self.texts = [], [], []
        if self.measure.size(value, self.room) <= self.room:
            part, rest = self._all(value, ()), NOTHING
        else:
            part, rest = self._take(value, self.room, (), alone=True)
        if part is NOTHING:
            # No cut is possible: keys longer than a page, or a page full of brackets.
            self.pieces, self.postponed, self.texts = [], [], []
            part, rest = self._as_text(value), NOTHING
        outer = min(self.pieces, key=lambda piece: len(piece.path), default=None)
        going_on = [piece for piece in self.pieces if piece.goes_on]
        inner = max(going_on, key=lambda piece: len(piece.path), default=None)
        page = Page(
            value=cast("dict[str, Any]", part),
            shown=outer and outer.shown,
            total=outer and outer.total,
            start=path_text((*inner.path, inner.first)) if inner else None,
            omitted=tuple(self._omitted()),
            texts=tuple(self.texts),
        )
        return page, rest

    def _omitted(self) -> Iterator[str]:
        for piece in sorted(self.pieces, key=lambda piece: len(piece.path)):
            last = piece.first + piece.shown
            if last < piece.total:
                yield f"{path_text(piece.path)}[{last}..{piece.total - 1}]"
        yield from self.postponed

    def _all(self, value: Any, path: Path) -> Any:
        """A value that fits, with its tails turned into lists."""
        match value:
            case Tail():
                items = [value.item(index) for index in range(value.first, len(value.items))]
                shown = [self._all(item, (*path, value.first)) for item in items[:1]] + items[1:]
                self._piece(path, value, len(items))
                return shown
            case dict():
                items = cast("dict[str, Any]", value).items()
                return {key: self._all(child, (*path, key)) for key, child in items}
            case _:
                return value

    def _take(self, value: Any, room: int, path: Path, *, alone: bool) -> tuple[Any, Any]:
        """Split a value that does not fit into `room`: the part that does, and the rest.

        `alone` means that the page is still empty, so something must be taken.
        """
        match value:
            case _ if room < len("[]"):
                return NOTHING, value
            case list():
                tail = Tail(cast("list[Any]", value), 0)
                part, rest = self._take_items(tail, room, path, alone=alone)
                return part, tail.items if part is NOTHING else rest
            case Tail():
                return self._take_items(value, room, path, alone=alone)
            case dict():
                return self._take_keys(cast("dict[str, Any]", value), room, path, alone=alone)
            case str() if alone:
                return self._shortened(value), NOTHING
            case _:
                return NOTHING, value

    def _take_items(self, tail: Tail, room: int, path: Path, *, alone: bool) -> tuple[Any, Any]:
        part: list[Any] = []
        used = 2
        total = len(tail.items)
        for index in range(tail.first, total):
            checkpoint()
            item = tail.item(index)
            size = self.measure.size(item, self.room)
            if size > self._most(path):
                item = self._without_long_texts(item)
                size = self.measure.size(item, self.room)
            if used + size < room:
                part.append(self._all(item, (*path, index)) if index == tail.first else item)
                used += size + 1
                continue
            taken, rest = NOTHING, item
            if not part and (alone or size > self._most(path)):
                taken, rest = self._take(item, room - used, (*path, index), alone=alone)
            if taken is not NOTHING:
                part.append(taken)
                index += rest is NOTHING
            if not part:
                return NOTHING, tail
            self._piece(path, tail, len(part))
            return part, Tail(tail.items, index, rest) if index < total else NOTHING
        self._piece(path, tail, len(part))
        return part, NOTHING

    def _most(self, path: Path) -> int:
        """Characters beyond which an item at a path does not fit a page of its own."""
        return self.room - sum(len(str(rule)) + 6 for rule in path) - 2

    def _take_keys(
        self, value: dict[str, Any], room: int, path: Path, *, alone: bool
    ) -> tuple[Any, Any]:
        """Take a value that was begun first, then small ones, then a part of a large one."""
        first = dict(islice(value.items(), _MOST_KEYS))
        short = self._with_short_texts(first, room)
        sizes = {
            key: self.measure.size(child, self.room) + length(key) + 2
            for key, child in short.items()
        }
        part: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        used = 2
        # The report of a write comes before its result.
        for key in sorted(
            short,
            key=lambda key: (not is_begun(short[key]), not path and key == "result", sizes[key]),
        ):
            checkpoint()
            child, size = short[key], sizes[key]
            if not rest and used + size <= room:
                part[key] = self._all(child, (*path, key))
                used += size
                continue
            taken, left = NOTHING, child
            if not rest:
                left_room = room - used - length(key) - 2
                taken, left = self._take(child, left_room, (*path, key), alone=alone and not part)
            if taken is not NOTHING:
                part[key] = taken
                used += self.measure.size(taken, self.room) + length(key) + 2
            else:
                self.postponed.append(path_text((*path, key)))
            if left is not NOTHING:
                rest[key] = left
        if not part:
            return NOTHING, value
        ordered = {key: part[key] for key in first if key in part}
        left = OpenObject({key: rest[key] for key in first if key in rest})
        left.update(islice(value.items(), len(first), None))
        if len(value) > len(first):
            where = path_text(path) or "the answer"
            self.postponed.insert(0, f"{len(value) - len(first)} more keys of {where}")
        return ordered, left or NOTHING

    def _piece(self, path: Path, tail: Tail, shown: int) -> None:
        total = len(tail.items)
        goes_on = tail.first > 0 or tail.head is not NOTHING
        if goes_on or shown < total:
            self.pieces.append(Piece(path, tail.first, shown, total, goes_on))

    def _without_long_texts(self, value: Any) -> Any:
        match value:
            case str() if self._is_long(value):
                return self._shortened(value)
            case OpenObject():
                # Its long texts were shortened when it was begun.
                return value
            case dict():
                items = cast("dict[str, Any]", value).items()
                return {key: self._without_long_texts(child) for key, child in items}
            case list():
                return [self._without_long_texts(child) for child in cast("list[Any]", value)]
            case _:
                return value

    def _is_long(self, text: str) -> bool:
        return len(text) > self.long_text or length(text) > self.long_text

    def _with_short_texts(self, value: dict[str, Any], room: int) -> dict[str, Any]:
        """Shorten the long texts of an object to the room that its other values leave."""
        long = {
            key for key, child in value.items() if isinstance(child, str) and self._is_long(child)
        }
        if not long:
            return value
        others = {key: child for key, child in value.items() if key not in long}
        left = room - sum(
            length(key) + 2 + self.measure.size(child, room) for key, child in others.items()
        )
        share = max(self.long_text // 2, left // len(long) - _MARKER)
        return {
            key: self._shortened(cast("str", child), share) if key in long else child
            for key, child in value.items()
        }

    def _shortened(self, text: str, share: int = 0) -> str:
        """The first characters of a text, `share` or more, and the name of the rest."""
        inner = self.fence.inside(text) if self.fence else None
        whole = text if inner is None else inner
        self.names += 1
        name = f"{self.rest_name}{self.names}"
        start = beginning(whole, max(share, self.long_text // 2))
        self.texts.append((name, tuple(self._parts(whole[len(start) :], fenced=inner is not None))))
        shown = self._fenced(start) if inner is not None else start
        return f'{shown} [… {len(whole)} characters in all; more_results("{name}") goes on]'

    def _parts(self, text: str, *, fenced: bool) -> Iterator[str]:
        """Split a text into parts that fit a page each, with their JSON escapes."""
        most = self.room - len(self._fenced(""))
        at = 0
        while at < len(text):
            part = beginning(text[at : at + most], most)
            yield self._fenced(part) if fenced else part
            at += len(part)

    def _fenced(self, text: str) -> str:
        return self.fence.around(text) if self.fence else text

    def _as_text(self, value: Any) -> dict[str, Any]:
        """A value as one JSON text under the key `text`, because `result` must keep its type.

        It may be cut inside people's texts, so the marks are put around each part instead.
        """
        whole = ENCODER.encode(self._all(value, ()))
        return {"text": self._shortened(self._fenced(whole))}
