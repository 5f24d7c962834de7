"""Presents answers: chosen fields, rendered texts, notices, pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final

from moodle_mcp.catalogue.compiled import PerFunction
from moodle_mcp.catalogue.control_arguments import has_fields
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.silent import Verdict
from moodle_mcp.catalogue.text_kinds import TextKinds
from moodle_mcp.jsontree import map_strings
from moodle_mcp.presentation.clean import clean_all
from moodle_mcp.presentation.fence import Fence
from moodle_mcp.presentation.fields import Selection, count, selection, usual
from moodle_mcp.presentation.item_answers import without_successes
from moodle_mcp.presentation.page_cache import Rest, new_number
from moodle_mcp.presentation.page_parts import length
from moodle_mcp.presentation.pages import MOST_OMITTED, Page, pages
from moodle_mcp.presentation.query import Query
from moodle_mcp.presentation.render import Keys, Renderer, RenderRule, Unknown, render_rules
from moodle_mcp.redaction.known import NONE, Secrets

_WRAPPING: Final = 900
"""Characters of an answer that are reserved for the notices and `page`."""

QUERY_RESULT: Final = "query_result"
"""The key under which what `_query` finds stands in the envelope."""

_TOO_LONG: Final = "The rest is too long to be kept: ask for less at once."
_REPORTS: Final = ("error", "batch")
_OWN_WARNING: Final = Keys({"value": Unknown(), "item": None, "warningcode": None, "message": None})


_REMARKS: Final = frozenset(Verdict)
"""The codes of warnings in which only this server speaks."""


@dataclass(frozen=True, slots=True)
class PresentationSettings:
    """How answers are presented.

    `max_result` is in characters, None for no limit. `for_agents` makes people's texts readable,
    marks them, and shows only the default fields.
    """

    max_result: int | None = 40_000
    for_agents: bool = True


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """How one answer is presented.

    `zone` is for the added ISO times. `not_given` names the lists of ids that a call with
    an empty answer left out, `time_zone` the zones that belong to the answer.
    """

    chosen: Selection
    raw: bool = False
    zone: tzinfo | None = None
    by_default: bool = False
    query: Query | None = None
    not_given: str = ""
    time_zone: str = ""


@dataclass(frozen=True, slots=True)
class Paged:
    """A short envelope, or the first page of a long one with its number and the further pages."""

    envelope: dict[str, Any]
    number: str = ""
    rest: Rest | None = None


@dataclass(frozen=True, slots=True)
class RenderPlan:
    """What is computed once for a function."""

    rule: RenderRule
    usual: Selection | None
    """The default fields; None if these are all."""

    fields: str = ""
    """The notice `fields` of an answer."""


class RenderPlans(PerFunction[RenderPlan]):
    """The plans of all functions."""

    def __init__(self) -> None:
        self._kinds = TextKinds()
        super().__init__(self._plan)

    def _plan(self, function: Function) -> RenderPlan:
        rule = render_rules(function, self._kinds)
        if not function.text.fields or not has_fields(function):
            return RenderPlan(rule, None)
        chosen = usual(function)
        kept, every = count(function.returns, chosen)
        return RenderPlan(rule, chosen, f'{kept} of {every}; _fields ["*"] gives all')


class Presenter:
    """Presents answers to one user.

    `plans` may be shared by several users. `number` makes the beginning of cursors.
    """

    def __init__(
        self,
        settings: PresentationSettings | None = None,
        plans: RenderPlans | None = None,
        number: Callable[[], str] = new_number,
    ) -> None:
        self._settings = settings or PresentationSettings()
        self._plans = plans or RenderPlans()
        self._number = number
        self.fence = Fence() if self._settings.for_agents else None
        self._has_told = False

    def view(
        self,
        function: Function,
        fields: Sequence[str] | None,
        *,
        raw: bool = False,
        chosen_in_moodle: bool = False,
    ) -> ViewOptions:
        """Check how an answer is to be presented, before anything is sent.

        Without `fields` it has the default ones, unless fields are chosen by Moodle's own option.

        Raises:
            CallError: `invalid_arguments` for a field that the answer does not have.
        """
        raw = raw or not self._settings.for_agents
        if fields:
            return ViewOptions(selection(function, fields), raw)
        if self._settings.for_agents and not chosen_in_moodle:
            lean = self._plans.of(function).usual
            if lean is not None:
                return ViewOptions(lean, raw, by_default=True)
        return ViewOptions(Selection(True), raw)

    def present(
        self,
        function: Function,
        envelope: dict[str, Any],
        view: ViewOptions,
        rule: RenderRule = None,
        said: Collection[str] = (),
        secrets: Secrets = NONE,
    ) -> Paged:
        """Present an envelope with the chosen fields, readable and marked, and no longer than
        allowed.

        `rule` is the render rule of the result, by default the function's. `said` are the site's
        words in the messages of `error` and `batch`. `secrets` must not become readable.
        """
        renderer = Renderer(self.fence, raw=view.raw, zone=view.zone, secrets=secrets)
        rendered = self._reports(renderer, envelope, said)
        everything = Selection(True)
        result, left_out = envelope.get("result"), ""
        if self._settings.for_agents:
            result, left_out = without_successes(function, result)
        if "not_found" in envelope:
            # The caller's own values; before the result, so that they are on the first page.
            rendered["not_found"] = envelope["not_found"]
        if "result" in envelope and view.query is None:
            rule = rule or self._plans.of(function).rule
            rendered["result"] = renderer.render(rule, result, view.chosen)
        elif "result" in envelope and view.query is not None:
            # `result` must have the type that the tool's output schema gives.
            # Parts of a secret, each harmless, may be joined by the expression.
            found = map_strings(secrets.text, view.query.of(envelope["result"]))
            rendered[QUERY_RESULT] = renderer.render(Unknown(), found, everything)
        if "warnings" in envelope:
            rendered["warnings"] = [
                renderer.report(each, ())
                if each["warningcode"] in _REMARKS and self.fence is not None
                else renderer.render(_OWN_WARNING, each, everything)
                for each in envelope["warnings"]
            ]
        for name, near in view.query.unknown_names().items() if view.query else ():
            warning = {"warningcode": "query", "message": _unknown_name(name, near)}
            rendered.setdefault("warnings", []).append(warning)
        notices = self._notices(renderer)
        if view.by_default and "result" in rendered:
            notices["fields"] = self._plans.of(function).fields
        if view.time_zone:
            notices["time_zone"] = view.time_zone
        if left_out:
            notices["fields"] = left_out
        if view.not_given:
            notices["empty"] = f"Nothing was found, and no {view.not_given} were given."
        if function.text.undo and "error" not in envelope and self._settings.for_agents:
            notices["undo"] = function.text.undo
        return self.in_pages(function.name, rendered, notices)

    def present_own(self, name: str, envelope: dict[str, Any], said: Collection[str] = ()) -> Paged:
        """Present an envelope in the words of this server or of a site's own catalogue."""
        renderer = Renderer(self.fence)
        rendered = self._reports(renderer, envelope, said)
        others = {key: value for key, value in envelope.items() if key not in _REPORTS}
        rendered |= others if self.fence is None else clean_all(others)
        return self.in_pages(name, rendered, self._notices(renderer))

    def _reports(
        self, renderer: Renderer, envelope: dict[str, Any], said: Collection[str]
    ) -> dict[str, Any]:
        reports = {key: value for key, value in envelope.items() if key in _REPORTS}
        return reports if self.fence is None else renderer.report(reports, said)

    def _notices(self, renderer: Renderer) -> dict[str, Any]:
        """The notice about people's words: once in full, then briefly where there are marks."""
        if self.fence is None or not renderer.has_people_text:
            return {}
        if not self._has_told:
            self._has_told = True
            return {"notice": self.fence.notice}
        return {"notice": self.fence.short_notice} if renderer.has_marks else {}

    def in_pages(
        self, function: str, envelope: dict[str, Any], notices: dict[str, Any] | None = None
    ) -> Paged:
        """The envelope if it is short enough; else its first page, and the others to be kept.

        The pages of the answer are followed by those of the rests of its long texts.
        """
        most = self._settings.max_result
        notices = notices or {}
        if most is None or length(envelope) <= most - _WRAPPING:
            return Paged(notices | envelope)
        number = self._number()
        found = pages(envelope, most - _WRAPPING, self.fence, f"{number}-t")
        contents = {
            f"{number}-{index}": (page.value, _about(page)) for index, page in enumerate(found)
        }
        for page in found:
            for name, parts in page.texts:
                for index, part in enumerate(parts):
                    own = name if index == 0 else f"{name}.{index}"
                    contents[own] = ({"result": part}, {"text": name})
        finished = {
            name: _finished(notices | value, about, following, most)
            for (name, (value, about)), following in zip(
                contents.items(), [*list(contents)[1:], None], strict=True
            )
        }
        first = finished.pop(f"{number}-0")
        kept = {
            name.partition("-")[2]: json.dumps(page, ensure_ascii=False).encode(
                "utf-8", "surrogatepass"
            )
            for name, page in finished.items()
        }
        return Paged(first, number, Rest(function, kept))


def _unknown_name(name: str, near: Sequence[str]) -> str:
    did_you_mean = f" Did you mean {' or '.join(near)}?" if near else ""
    return f"The answer has no field {name}.{did_you_mean}"


def without_next(envelope: dict[str, Any]) -> dict[str, Any]:
    """The first page of an answer whose other pages are not kept."""
    about = {key: value for key, value in envelope["page"].items() if key != "next"}
    return {**envelope, "page": about | {"hint": _TOO_LONG}}


def _about(page: Page) -> dict[str, Any]:
    omitted = [path[:100] for path in page.omitted[:MOST_OMITTED]]
    if len(page.omitted) > MOST_OMITTED:
        omitted.append(f"and {len(page.omitted) - MOST_OMITTED} more")
    about = {
        "from": page.start,
        "shown": page.shown,
        "total": page.total,
        "shortened": len(page.texts) or None,
        "omitted": omitted or None,
    }
    return {key: value for key, value in about.items() if value is not None}


def _finished(
    envelope: dict[str, Any], about: dict[str, Any], following: str | None, most: int
) -> dict[str, Any]:
    """Add `page` to a page; without its longest part, `omitted`, if there is no room."""
    if following is not None:
        hint = "more_results(next) goes on; fewer _fields make a read shorter."
        about = about | {"next": following, "hint": hint}
    page = envelope | {"page": about}
    if length(page) > most:
        about.pop("omitted", None)
    return page
