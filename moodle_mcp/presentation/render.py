"""Renders Moodle's answers for agents: chosen fields, Markdown, marks, times."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from html import unescape
from typing import Any, Final, TypeAlias, cast

from moodle_mcp.background import checkpoint
from moodle_mcp.catalogue.model import Function, ListOf, Node, Object, Value, scalar
from moodle_mcp.catalogue.text_kinds import WORDS, TextKind, TextKinds
from moodle_mcp.catalogue.time_values import EARLIEST, is_moment
from moodle_mcp.catalogue.unix_seconds import finer_than_seconds
from moodle_mcp.presentation.clean import FreeKeys, clean, clean_all
from moodle_mcp.presentation.fence import Fence
from moodle_mcp.presentation.fields import Selection
from moodle_mcp.presentation.markdown import to_markdown
from moodle_mcp.redaction.known import NONE, Secrets

LONG_TEXT: Final = 60
"""Free text of at least so many characters is put between marks; so is any with several lines."""

LONG_NAME: Final = 120
"""A name of at least so many characters is, too."""

MARKDOWN_FORMAT: Final = 4
_NOT_HTML: Final = (2, MARKDOWN_FORMAT)
"""Moodle's FORMAT_PLAIN and FORMAT_MARKDOWN; the other formats come out as HTML."""


@dataclass(frozen=True, slots=True)
class Words:
    """Rule for a text of a kind; `format_key` is the key with the format of an HTML text."""

    kind: TextKind
    format_key: str | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """Rule for a number of Unix seconds."""


@dataclass(frozen=True, slots=True)
class Each:
    """Rule for the items of a list."""

    item: RenderRule


@dataclass(frozen=True, slots=True)
class Keys:
    """Rules for the values of an object's known keys."""

    known: Mapping[str, RenderRule]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Rule for a value of unknown type: its texts are treated as free text."""


RenderRule: TypeAlias = Words | Moment | Each | Keys | Unknown | None
"""None is for Moodle's own values, such as codes: their texts are only cleaned."""

_ONE_WORD: Final = re.compile(r"[!-~]+")
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]*+://\S*+", re.IGNORECASE)
_UNKNOWN: Final = Unknown()
_NO_KEYS: Final[Mapping[str, RenderRule]] = {}


def render_rules(function: Function, kinds: TextKinds) -> RenderRule:
    """The rule for a function's answer."""
    if not function.typed or function.returns is None:
        return _UNKNOWN
    return _rule_for(function.name, function.returns, (), kinds)


def _rule_for(function: str, node: Node, path: tuple[str, ...], kinds: TextKinds) -> RenderRule:
    match node:
        case Value():
            if scalar(node) == "string":
                kind = kinds.kind(function, path, node)
                return None if kind is TextKind.CODE and node.type in WORDS else Words(kind)
            return Moment() if path and is_moment(path[-1], node) else None
        case ListOf():
            inside = _rule_for(function, node.item, path, kinds)
            return None if inside is None else Each(inside)
        case Object():
            known: dict[str, RenderRule] = {}
            for key, child in node.keys.items():
                rule = _rule_for(function, child, (*path, key), kinds)
                if isinstance(rule, Words) and rule.kind is TextKind.HTML:
                    rule = Words(rule.kind, _format_key(key, node.keys))
                known[key] = rule
            return Keys(known)


def _format_key(key: str, keys: Mapping[str, Node]) -> str | None:
    """The key of a text's format: `summaryformat`, or `format` beside a `text`."""
    own = f"{key}format"
    if own in keys:
        return own
    return "format" if key in ("text", "content") and "format" in keys else None


class Renderer:
    """Renders one answer; afterwards `has_people_text` says whether people's words are in it, and
    `has_marks` whether some of them stand between marks.

    Changed texts are searched for `secrets` again: what was removed may have been between the
    letters of one.
    """

    def __init__(
        self,
        fence: Fence | None,
        *,
        raw: bool = False,
        zone: tzinfo | None = None,
        secrets: Secrets = NONE,
    ):
        self._fence = fence
        self._raw = raw
        self._zone = zone
        self._secrets = secrets
        self.has_people_text = False
        self.has_marks = False

    def render(self, rule: RenderRule, value: Any, chosen: Selection) -> Any:
        """Render a value: only the chosen fields, with texts readable and marked."""
        match value:
            case str():
                return self._text(rule, value, raw=self._raw)
            case list():
                inside = rule.item if isinstance(rule, Each) else rule
                return [self.render(inside, item, chosen) for item in cast("list[Any]", value)]
            case dict():
                return self._object(rule, cast("dict[str, Any]", value), chosen)
            case _:
                return value

    def _object(self, rule: RenderRule, value: dict[str, Any], chosen: Selection) -> dict[str, Any]:
        checkpoint()
        known = rule.known if isinstance(rule, Keys) else _NO_KEYS
        rendered: dict[str, Any] = {}
        names = FreeKeys(value, rendered)
        markdown: list[str] = []
        everything = chosen.whole and not chosen.keys
        for key, child in value.items():
            inside = chosen if everything else chosen.of(key)
            if inside is None:
                continue
            what = known.get(key, _UNKNOWN)
            if what is None and not isinstance(child, dict | list | str):
                rendered[key] = child
                continue
            if isinstance(what, Words) and what.format_key is not None:
                what = self._by_format(what, value)
                if what.kind is TextKind.HTML and child:
                    markdown.append(cast("str", what.format_key))
            name = key if key in known else self._key(key, names)
            rendered[name] = self.render(what, child, inside)
            if isinstance(what, Moment) and self._zone is not None:
                iso = _iso(child, self._zone)
                if iso is not None:
                    rendered[f"{key}_iso"] = iso
        # An agent that writes the text back then writes it in the right format.
        rendered |= {key: MARKDOWN_FORMAT for key in markdown if key in value and not self._raw}
        return rendered

    def _by_format(self, words: Words, value: dict[str, Any]) -> Words:
        if value.get(words.format_key or "") in _NOT_HTML:
            return Words(TextKind.TEXT, words.format_key)
        return words

    def _text(self, rule: RenderRule, text: str, *, raw: bool = False) -> str:
        if self._fence is None or not text:
            return text
        if len(text) < LONG_TEXT and text.isascii() and text.isalnum():
            # One plain word; most texts are. Nothing can be hidden in it.
            own = rule is None or (isinstance(rule, Words) and rule.kind is TextKind.CODE)
            self.has_people_text |= not own
            return text
        match rule:
            case Words(kind=kind):
                pass
            case None if _is_word(text):
                kind = TextKind.CODE
            case _:
                # Its type is unknown, or Moodle answered a text where another type is declared.
                kind = TextKind.TEXT
        text = self._changed(text, clean(text if raw else _readable(kind, text), raw=raw))
        long = _is_long(kind, text)
        self.has_marks |= long
        self.has_people_text |= long or kind is not TextKind.CODE
        return self._fence.around(text) if long else text

    def report(self, value: Any, said: Collection[str]) -> Any:
        """Render an error or a batch report, whose messages may end with the site's words.

        `said` are the site's words; in a message they are put between marks if they are long.
        """
        match value:
            case dict():
                items = cast("dict[str, Any]", value).items()
                return {
                    clean(key): self._message(child, said)
                    if key == "message" and isinstance(child, str)
                    else self.report(child, said)
                    for key, child in items
                }
            case list():
                return [self.report(child, said) for child in cast("list[Any]", value)]
            case _:
                return clean_all(value)

    def _message(self, message: str, said: Collection[str]) -> str:
        words = max(filter(message.endswith, said), key=len, default="")
        return clean(message.removesuffix(words)) + self._text(_UNKNOWN, words)

    def _key(self, key: str, names: FreeKeys) -> str:
        """Clean a key that the catalogue does not know: people may have written it."""
        if self._fence is None:
            return key
        self.has_people_text |= not _is_word(key)
        cleaned = self._changed(key, clean(key))
        return key if cleaned == key else names.like(cleaned)

    def _changed(self, text: str, shown: str) -> str:
        """The changed text `shown`, without secrets."""
        return text if shown == text else self._secrets.text(shown)


def _readable(kind: TextKind, text: str) -> str:
    match kind:
        case TextKind.HTML:
            return to_markdown(text)
        case TextKind.NAME:
            # Moodle escapes names for its pages: `Sciences &amp; Maths`.
            return unescape(text)
        case _:
            return text


def _is_word(text: str) -> bool:
    """Whether a text is one word or a URL, as Moodle's own values are."""
    return bool(_ONE_WORD.fullmatch(text) or _ADDRESS.fullmatch(text))


def _is_long(kind: TextKind, text: str) -> bool:
    if kind in (TextKind.NAME, TextKind.CODE):
        # A URL or a file name without spaces is passed on as it is.
        return len(text) >= LONG_NAME and _ONE_WORD.fullmatch(text) is None
    return len(text) >= LONG_TEXT or "\n" in text


def _iso(value: Any, zone: tzinfo) -> str | None:
    """Unix seconds as ISO 8601 in a zone; None if they are not a time, such as 0 or -1.

    Moodle keeps any number, for example milliseconds written as seconds. Then the text says why
    there is no date.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < EARLIEST:
        return None
    try:
        return datetime.fromtimestamp(value, zone).isoformat()
    except (OverflowError, ValueError, OSError):
        unit, meant = finer_than_seconds(value) or ("", "")
        guess = f"; in {unit} it would be {meant}" if unit else ""
        return f"none: as Unix seconds it is after the year 9999{guess}"
