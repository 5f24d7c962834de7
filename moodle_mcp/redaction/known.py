"""Removes secrets whose text is known from other texts, also in changed forms.

It covers what software does to a text by itself, and what this program or a terminal would undo
later and so restore the secret: other case, invisible characters inside, marks or tags between the
letters of the token, escapes of URLs, HTML and JSON (also nested), full-width letters, base64 and
hexadecimal digits. It does not cover a site that hides a secret on purpose, such as letter by
letter in many texts.
"""

from __future__ import annotations

import base64
import html
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from html.entities import html5
from typing import Final
from urllib.parse import quote, quote_plus, unquote

from moodle_mcp.errors import CallError, Fault
from moodle_mcp.invisible import HIDDEN

REMOVED: Final = "(removed)"
_ALL_REMOVED: Final = "(removed: it held a secret in another form)"

LONG: Final = 8
"""A secret of at least so many characters is removed anywhere; a shorter one may be a word."""

SHORT: Final = 4
"""An argument's secret with fewer characters stays: removing `5` or `on` would garble any text."""

_ROUNDS: Final = 3
_HALF: Final = 20
_URL_SAFE: Final = str.maketrans("+/", "-_")

_ESCAPES: Final = r"&#?\w{1,32};|%[0-9a-f]{2}|\\u[0-9a-f]{4}"
_TAGS: Final = r"<[^<>]*+>"
_BETWEEN: Final = ("", _ESCAPES, f"{_ESCAPES}|{_TAGS}")
"""What may be between two letters of a token, besides signs, spaces and invisible characters."""

_BEFORE: Final = r"(?:%[0-9a-f]?|\\u[0-9a-f]{0,3}|&#?)"
"""What an escape may begin with before letters of a token that are none of it."""

_FEW: Final = 8
"""How much may stand between the letters of a token that begins in what looks like an escape."""

_APART: Final = "\n<x"
"""Separates texts that are searched as one: no tag or escape continues from one to the next."""

_NAMED: Final = "|".join(name for name, text in html5.items() if HIDDEN.fullmatch(text))
"""HTML's names for invisible characters: `shy`, `ZeroWidthSpace;`."""

_ALPHANUMERIC: Final = "(?:3[0-9]|[46][1-9a-fA-F]|[57][0-9aA])"
_ESCAPED: Final = re.compile(
    rf"%(?:25)*(?:{_ALPHANUMERIC}|26(?:amp;)*(?:#|%23))"
    rf"|\\(?:u00{_ALPHANUMERIC}|u\{{|x{_ALPHANUMERIC}|1[0-7]{{2}}|0[67][0-7])"
    rf"|&(?:amp;)*(?:{_NAMED})"
    r"|&(?:amp;)*#(?:0*(?:4[89]|5\d|6[5-9]|[7-9]\d|1[01]\d|12[0-2])|[xX]0*[3-7][0-9a-fA-F])"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)
"""Escapes of letters, digits or invisible characters, also nested, and control characters."""

_ESCAPE: Final = re.compile(
    # A run of backslashes is matched once, from its beginning.
    r"(?<!\\)\\++(?:u([0-9a-f]{4})|u\{([0-9a-f]{1,6})\}|x([0-9a-f]{2})|([0-7]{3}))",
    re.IGNORECASE,
)


class Secrets:
    """Texts that only the site may see: the token, and the secrets in a call's arguments."""

    def __init__(self, token: str = "", arguments: Iterable[str] = ()) -> None:
        self._token = token
        texts = {text for text in arguments if len(text) >= SHORT}
        self._long = sorted((text for text in texts if len(text) >= LONG), key=len, reverse=True)
        self._short = sorted((text for text in texts if len(text) < LONG), key=len, reverse=True)
        self.shortest = min(map(len, [*filter(None, [token]), *self._long]), default=1 << 60)
        """Fewest characters of a text that `text` may change."""
        self.numbers = frozenset(text for text in [token, *self._long] if text.isdecimal())

    def __repr__(self) -> str:
        return "Secrets(...)"

    def and_of(self, arguments: Iterable[str]) -> Secrets:
        """These secrets and those of a call's arguments."""
        return Secrets(self._token, [*self._long, *self._short, *arguments])

    def text(self, text: str) -> str:
        """Remove the token, and secrets of at least `LONG` characters."""
        if len(text) < self.shortest:
            return text
        for pattern in self._spaced_in(text):
            text = pattern.sub(_token_removed, text)
        if self._have_a_form(text):
            text = self._forms.sub(REMOVED, text)
        return _ALL_REMOVED if self._hold(text) else text

    def are_in(self, texts: Iterable[str]) -> bool:
        """Whether `text` may change any of these texts; much cheaper than to try each."""
        return any(map(self._is_in, _joined(texts)))

    def _is_in(self, text: str) -> bool:
        return self._is_spaced(text) or self._have_a_form(text) or self._hold(text)

    def sentence(self, text: str) -> str:
        """Like `text`, for errors and warnings: also remove shorter secrets that are words."""
        text = self.text(text)
        return self._words.sub(REMOVED, text) if self._short else text

    def fault(self, fault: Fault) -> Fault:
        """The fault without secrets in any of its texts."""
        return replace(
            fault,
            message=self.sentence(fault.message),
            hint=_each(self.sentence, fault.hint),
            errorcode=_each(self.text, fault.errorcode),
            exception=_each(self.text, fault.exception),
            said=self.sentence(fault.said),
        )

    def error(self, error: CallError) -> CallError:
        """The error without secrets."""
        fault = self.fault(error.fault)
        return (
            error
            if fault == error.fault
            else error.but(
                message=fault.message,
                hint=fault.hint,
                errorcode=fault.errorcode,
                exception=fault.exception,
                said=fault.said,
            )
        )

    def _hold(self, text: str) -> bool:
        """Whether a text contains a secret in another form."""
        if any(encoded in text for encoded in self._encoded):
            return True
        lower = text.lower()
        if any(digits in lower for digits in self._digits):
            return True
        if not _ESCAPED.search(text) and (
            text.isascii() or (not self._long and unicodedata.is_normalized("NFKC", text))
        ):
            return False
        text = _undisguised(text)
        if self._is_spaced(text):
            return True
        text = HIDDEN.sub("", text).casefold()
        return any(each in text for each in self._folded)

    def _is_spaced(self, text: str) -> bool:
        """Whether the token is in a text, in any case and with something between its letters."""
        patterns = self._spaced_in(text)
        return any(found.lastgroup for each in patterns for found in each.finditer(text))

    def _spaced_in(self, text: str) -> list[re.Pattern[str]]:
        """The patterns of `_spaced` that can match in a text what the ones before them do not."""
        if not self._token:
            return []
        signs, escapes, tags = self._spaced
        found = [signs]
        if any(mark in text for mark in "&%\\"):
            found.append(escapes)
        if "<" in text:
            found.append(tags)
        return found

    @cached_property
    def _spaced(self) -> list[re.Pattern[str]]:
        return [_spaced(self._token, between) for between in _BETWEEN]

    def _have_a_form(self, text: str) -> bool:
        """Whether `_forms` may match in a text; much faster than the pattern if there are many."""
        folded = text.casefold() if self._long else ""
        return any(form in folded for form in self._folded_forms)

    @cached_property
    def _folded_forms(self) -> list[str]:
        return [form.casefold() for form in _forms_of(self._long)]

    @cached_property
    def _forms(self) -> re.Pattern[str]:
        return re.compile(_any_of(_forms_of(self._long)), re.IGNORECASE)

    @cached_property
    def _words(self) -> re.Pattern[str]:
        forms = _any_of(_forms_of(self._short))
        return re.compile(rf"(?<!\w)(?:{forms})(?!\w)", re.IGNORECASE)

    @cached_property
    def _all(self) -> list[str]:
        return [*filter(None, [self._token]), *self._long]

    @cached_property
    def _folded(self) -> list[str]:
        plain = [HIDDEN.sub("", unicodedata.normalize("NFKC", text)) for text in self._long]
        # A secret of invisible characters becomes empty, which would be found in any text.
        return [text.casefold() for text in plain if len(text) >= LONG]

    @cached_property
    def _encoded(self) -> list[str]:
        """The secrets in base64, for each of the three alignments, without the letters at both ends
        that depend on neighbouring bytes.
        """
        found: list[str] = []
        for text in self._all:
            for form in {text, text.lower(), text.upper()}:
                data = form.encode("utf-8", "surrogatepass")
                for before in range(3):
                    code = base64.b64encode(b"\0" * before + data).decode()
                    inner = code[(0, 2, 3)[before] : len(code) - 4]
                    # A line break can be in one of the halves, but not in both.
                    halves = [inner[:_HALF], inner[-_HALF:]] if len(inner) >= 2 * _HALF else [inner]
                    found += [*halves, *(half.translate(_URL_SAFE) for half in halves)]
        return list(dict.fromkeys(each for each in found if len(each) >= LONG))

    @cached_property
    def _digits(self) -> list[str]:
        """The secrets' bytes in hexadecimal digits."""
        return [text.encode("utf-8", "surrogatepass").hex() for text in self._all]


NONE: Final = Secrets()

_BLOCK: Final = 500_000
"""Characters after which a block of joined texts is complete."""


def _joined(texts: Iterable[str]) -> Iterator[str]:
    """Join the texts into blocks: one search of many megabytes would block the event loop."""
    block: list[str] = []
    length = 0
    for text in texts:
        block.append(text)
        length += len(text)
        if length > _BLOCK:
            yield _APART.join(block)
            block.clear()
            length = 0
    if block:
        yield _APART.join(block)


def _forms_of(texts: Iterable[str]) -> list[str]:
    """The texts as they are and as escaped in URLs, HTML and JSON, the longest first."""
    forms: set[str] = set()
    for text in texts:
        spelt = {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
        spelt |= {json.dumps(each)[1:-1] for each in spelt}
        spelt |= {each.replace("/", r"\/") for each in spelt}
        spelt |= {html.escape(each) for each in spelt}
        spelt |= {each.replace("&#x27;", "&#039;") for each in spelt}
        data = text.encode("utf-8", "surrogatepass")
        forms |= {*spelt, quote(data), quote(data, safe=""), quote_plus(data)}
    return sorted(forms, key=len, reverse=True)


def _spaced(token: str, marks: str) -> re.Pattern[str]:
    """A pattern for the token or for a run of marks without it; the group `token` tells which.

    A run is matched as a whole. Its marks can contain the token's first letter, and from each of
    these the rest of the run would be searched again. For the same reason, what follows a letter is
    matched possessively. Otherwise anybody's text could make the search take forever.

    A run ends before what only looks like a mark, such as `%` and the first letters of the token.
    """
    sign = rf"{marks}|[\W_]" if marks else r"[\W_]"
    few = f"(?:{sign}){{0,{_FEW}}}+".join(token)
    row = rf"(?:(?!{_BEFORE}{few})(?:{marks}))++|" if marks else ""
    return re.compile(rf"{row}(?P<token>{f'(?:{sign})*+'.join(token)})", re.IGNORECASE)


def _token_removed(found: re.Match[str]) -> str:
    return REMOVED if found.lastgroup else found[0]


def _any_of(forms: Iterable[str]) -> str:
    return "|".join(map(re.escape, forms))


def _undisguised(text: str) -> str:
    """The text with its escapes decoded, nested ones too, and its letters normalised (NFKC)."""
    for _ in range(_ROUNDS):
        before = text
        text = unquote(text) if "%" in text else text
        text = html.unescape(text) if "&" in text else text
        text = _ESCAPE.sub(_character, text) if "\\" in text else text
        if text == before:
            break
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _character(found: re.Match[str]) -> str:
    code = found[1] or found[2] or found[3]
    number = int(code, 16) if code else int(found[4], 8)
    return chr(number) if number <= 0x10FFFF else ""


def _each(change: Callable[[str], str], text: str | None) -> str | None:
    return None if text is None else change(text)
