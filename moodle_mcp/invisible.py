"""Invisible characters: people don't see them, but models and terminals read them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

_ALWAYS: Final = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls, except tab and line ends
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e"
    "\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\ufdd0-\ufdef\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_SELECTORS: Final = "\u180b-\u180d\u180f\ufe00-\ufe0f"
_JOINERS: Final = "\u200c\u200d"
_RUN: Final = re.compile(f"[{_ALWAYS}{_SELECTORS}{_JOINERS}]+")
HIDDEN: Final = re.compile(f"[{_ALWAYS}{_SELECTORS}{_JOINERS}]")
"""Every character that is invisible by itself, even where it changes its neighbours."""

_ALWAYS_HIDDEN: Final = re.compile(f"[{_ALWAYS}]")
_HALF: Final = re.compile("[\ud800-\udfff]")

_SIGN: Final = "\xa9\xae\u203c-\u3299\U0001f000-\U0001faff"
_MATH: Final = "0\u2200-\u22ff\u2a00-\u2aff"
_HAN: Final = "\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U000323af"
_MYANMAR_AND_PHAGS_PA: Final = "\u1000-\u109f\ua840-\ua877\ua9e0-\ua9ff\uaa60-\uaa7f"
_SELECTED: Final = re.compile(
    f"[#*0-9{_SIGN}][\ufe0e\ufe0f]"
    f"|[{_MATH}{_HAN}{_MYANMAR_AND_PHAGS_PA}][\ufe00-\ufe02]"
    "|[\u1820-\u18aa][\u180b-\u180d\u180f]"
)
"""A character and the variation selector that changes how it looks. More selectors, or one after
any other character, could carry a hidden message.
"""

_ARABIC: Final = "\u0620-\u08ff\ufb50-\ufdff\ufe70-\ufefc\U0001e900-\U0001e943"
_SHAPED: Final = re.compile(
    f"[{_ARABIC}\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\u1a20-\u1c4f"
    "\ua800-\ua8ff\ua930-\uaaff\uabc0-\uabff\U00010a00-\U00011fff]"
)
"""Characters of scripts in which a joiner after them changes their shape."""

_JOINED: Final = re.compile(f"[{_SIGN}][\ufe0e\ufe0f]?\u200d[{_SIGN}]|\u200d[{_ARABIC}]")
"""A joiner that merges two emoji, or gives an Arabic letter its form inside a word."""

_ADDRESS: Final = re.compile('://[^ \t\r\n\xa0\u1680\u2000-\u200a\u202f\u205f\u3000<>"]+')
_BLANK: Final = re.compile(r"\s")


def without_invisible(text: str) -> str:
    """Remove invisible characters: zero-width, direction, tag and control characters.

    Variation selectors and joiners stay where they change what is seen. In a URL, invisible
    characters are percent-encoded, because removing them would change the URL. A lone surrogate
    becomes U+FFFD, because two that end up side by side would form a character.
    """
    if text.isascii() and text.isprintable():
        return text
    text = without_halves(text)
    if "://" in text:
        text = _ADDRESS.sub(_encoded, text)
    return _replaced(text, lambda _: "")


def without_halves(text: str) -> str:
    """Replace each lone surrogate by U+FFFD: UTF-8 can't encode it."""
    return text if text.isascii() else _HALF.sub("\ufffd", text)


def with_visible(text: str, show: Callable[[str], str]) -> str:
    """Replace each invisible character by what `show` returns for it."""
    if text.isascii() and text.isprintable():
        return text
    return _replaced(without_halves(text), show)


def json_escape(character: str) -> str:
    """Escape a character as JSON does; JSON text keeps its meaning."""
    return json.dumps(character)[1:-1]


def _replaced(text: str, show: Callable[[str], str]) -> str:
    """Replace the invisible characters of each run, except those that change its neighbours."""

    def replaced(run: re.Match[str]) -> str:
        start, end = run.span()
        kept = _shaping(text[start - 1 : start], run[0], text[end : end + 1])
        return kept + "".join(show(each) for each in _not_in(run[0], kept))

    return _RUN.sub(replaced, text)


def _shaping(before: str, run: str, after: str) -> str:
    """The part of a run that changes its neighbours: at most one selector and one joiner."""
    soft = _ALWAYS_HIDDEN.sub("", run)
    kept = soft[:1] if _SELECTED.fullmatch(before + soft[:1]) else ""
    joiner = next((each for each in soft if each in _JOINERS), "")
    if joiner and (
        _SHAPED.fullmatch(before)
        or _JOINED.fullmatch(f"{before}{kept}{joiner}{after}")
        or _JOINED.fullmatch(f"{joiner}{after}")
    ):
        kept += joiner
    return kept


def _not_in(run: str, kept: str) -> str:
    for each in kept:
        run = run.replace(each, "", 1)
    return run


def _encoded(address: re.Match[str]) -> str:
    found = address[0]
    if not _RUN.search(found):
        return found
    alone = address.end() == len(address.string) and not _BLANK.search(
        address.string[: address.start()]
    )
    if not alone:
        # In a sentence, invisible characters after a URL are not part of it.
        visible = len(found)
        while _RUN.fullmatch(found[visible - 1]):
            visible -= 1
        found = found[:visible]
    return _replaced(found, lambda each: quote(each, safe=""))
