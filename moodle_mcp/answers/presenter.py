"""Puts the parts of an answer's presentation together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final, cast

from moodle_mcp.answers.fence import Fence
from moodle_mcp.answers.fields import Selection, count, selection, usual
from moodle_mcp.answers.pages import MOST_OMITTED, Page, length, pages
from moodle_mcp.answers.shape import Each, Keys, Shaper, Step, Unknown, steps
from moodle_mcp.answers.shelf import Kept, Shelf
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.reserved import has_fields
from moodle_mcp.catalogue.text_kinds import TextKinds

_WRAPPING: Final = 900
"""Characters that the notices and `page` take of an answer's room."""

_OWN_WARNING: Final = Keys({"value": Unknown(), "item": None, "warningcode": None, "message": None})


@dataclass(frozen=True, slots=True)
class Style:
    """How answers are presented: `max_result` in characters, None for no limit; whether people's
    texts are marked and made readable, and functions show their usual fields only.
    """

    max_result: int | None = 40_000
    for_agents: bool = True


@dataclass(frozen=True, slots=True)
class Wishes:
    """How one answer is wanted; `zone` is that of added ISO times."""

    chosen: Selection
    raw: bool = False
    zone: tzinfo | None = None
    by_default: bool = False


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What is worked out once for a function: it is made anew when the site's release is known."""

    function: Function
    step: Step
    usual: Selection


class Presenter:
    """Presents the answers of one site to one user, and keeps the rests of long ones."""

    def __init__(self, style: Style | None = None, shelf: Shelf | None = None) -> None:
        self._style = style or Style()
        self._shelf = shelf or Shelf()
        self.fence = Fence() if self._style.for_agents else None
        self._kinds = TextKinds()
        self._prepared: dict[str, _Prepared] = {}

    def wishes(
        self,
        function: Function,
        fields: Sequence[str] | None,
        *,
        raw: bool = False,
        chosen_in_moodle: bool = False,
    ) -> Wishes:
        """How an answer is wanted, checked before anything is sent.

        Without `fields` it has the usual ones, unless Moodle itself was asked for some.

        Raises:
            CallError: `invalid_arguments` for a field that the answer does not have.
        """
        raw = raw or not self._style.for_agents
        if fields:
            return Wishes(selection(function, fields), raw)
        lean = self._style.for_agents and not chosen_in_moodle and has_fields(function)
        if not lean or not function.text.fields:
            return Wishes(Selection(True), raw)
        return Wishes(self._of(function).usual, raw, by_default=True)

    def present(
        self, function: Function, envelope: dict[str, Any], wishes: Wishes
    ) -> dict[str, Any]:
        """The envelope with the chosen fields, readable and marked, and no longer than allowed."""
        shaper = Shaper(self.fence, raw=wishes.raw, zone=wishes.zone)
        shaped = dict(envelope)
        if "result" in envelope:
            step = self._of(function).step
            shaped["result"] = shaper.shape(step, envelope["result"], wishes.chosen)
        if "warnings" in envelope:
            everything = Selection(True)
            shaped["warnings"] = shaper.shape(Each(_OWN_WARNING), envelope["warnings"], everything)
        notices: dict[str, Any] = {}
        if self.fence is not None and shaper.has_people_text:
            notices["notice"] = self.fence.notice
        if wishes.by_default:
            kept, every = count(function.returns, wishes.chosen)
            notices["fields"] = f'{kept} of {every}; _fields ["*"] gives all'
        return self._in_pages(function.name, shaped, notices)

    def more(self, cursor: str) -> dict[str, Any]:
        """The envelope of a page after the first.

        Raises:
            CallError: it is not, or no longer, kept.
        """
        _, text = self._shelf.read(cursor)
        return cast("dict[str, Any]", json.loads(text))

    def _of(self, function: Function) -> _Prepared:
        known = self._prepared.get(function.name)
        if known is None or known.function is not function:
            known = _Prepared(function, steps(function, self._kinds), usual(function))
            self._prepared[function.name] = known
        return known

    def _in_pages(
        self, function: str, envelope: dict[str, Any], notices: dict[str, Any]
    ) -> dict[str, Any]:
        most = self._style.max_result
        if most is None or length(envelope) <= most - _WRAPPING:
            return notices | envelope
        number = self._shelf.number()
        found = pages(envelope, most - _WRAPPING, self.fence, f"{number}-t")
        names = [f"{number}-{index}" for index in range(len(found))]
        contents = {
            name: notices | page.value | {"page": _page(page, following)}
            for name, page, following in zip(names, found, [*names[1:], None], strict=True)
        }
        for page in found:
            for name, parts in page.texts:
                contents |= dict(_text_pages(name, parts, notices))
        first = contents.pop(names[0])
        texts = {
            name.partition("-")[2]: json.dumps(page, ensure_ascii=False)
            for name, page in contents.items()
        }
        if not self._shelf.keep(number, Kept(function, texts)):
            first["page"].pop("next")
            first["page"]["hint"] = "The rest is too long to be kept: ask for less at once."
        return first


def _page(page: Page, following: str | None) -> dict[str, Any]:
    omitted = list(page.omitted[:MOST_OMITTED])
    if len(page.omitted) > MOST_OMITTED:
        omitted.append(f"and {len(page.omitted) - MOST_OMITTED} more")
    about = {
        "from": page.start,
        "shown": page.shown,
        "total": page.total,
        "next": following,
        "omitted": [path[:100] for path in omitted],
        "hint": "more_results(next) goes on; fewer _fields make it shorter." if following else None,
    }
    return {key: value for key, value in about.items() if value is not None and value != []}


def _text_pages(
    name: str, parts: Sequence[str], notices: dict[str, Any]
) -> list[tuple[str, dict[str, Any]]]:
    """The pages of a long text's rest; each names the next."""
    names = [name if index == 0 else f"{name}.{index}" for index in range(len(parts))]
    return [
        (own, notices | {"result": part, "page": {"next": following} if following else {}})
        for own, part, following in zip(names, parts, [*names[1:], None], strict=True)
    ]
