"""Characters that show nothing to a person, and that a model or a terminal reads all the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

_ALWAYS: Final = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls, but for tab and line ends
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e"
    "\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\ufdd0-\ufdef\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_SELECTORS: Final = "\u180b-\u180d\u180f\ufe00-\ufe0f"
_JOINERS: Final = "\u200c\u200d"
_RUN: Final = re.compile(f"[{_ALWAYS}{_SELECTORS}{_JOINERS}]+")
HIDDEN: Final = re.compile(f"[{_ALWAYS}{_SELECTORS}{_JOINERS}]")
"""Every character that shows nothing by itself, also where it shapes its neighbours."""

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
"""A character, and the variation selector that changes how it looks. More of them, or one after
any other character, could carry a message.
"""

_ARABIC: Final = "\u0620-\u08ff\ufb50-\ufdff\ufe70-\ufefc\U0001e900-\U0001e943"
_SHAPED: Final = re.compile(
    f"[{_ARABIC}\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\u1a20-\u1c4f"
    "\ua800-\ua8ff\ua930-\uaaff\uabc0-\uabff\U00010a00-\U00011fff]"
)
"""Letters and signs of scripts in which a joiner after them changes their shape."""

_JOINED: Final = re.compile(f"[{_SIGN}][\ufe0e\ufe0f]?\u200d[{_SIGN}]|\u200d[{_ARABIC}]")
"""A joiner that makes one sign of two emoji, or gives an Arabic letter the shape that it has
inside a word.
"""

_ADDRESS: Final = re.compile('://[^ \t\r\n\xa0\u1680\u2000-\u200a\u202f\u205f\u3000<>"]+')
_BLANK: Final = re.compile(r"\s")


def without_invisible(text: str) -> str:
    """The text without characters that show nothing: zero-width, direction, tag, control.

    Variation selectors and joiners stay where they shape what is seen. Inside an address such
    characters are percent-encoded, since the address is another one without them. Half of a
    surrogate pair becomes U+FFFD: two that come to stand side by side would be a character.
    """
    if text.isascii() and text.isprintable():
        return text
    text = without_halves(text)
    if "://" in text:
        text = _ADDRESS.sub(_encoded, text)
    return _replaced(text, lambda _: "")


def without_halves(text: str) -> str:
    """The text with each half of a surrogate pair as U+FFFD: UTF-8 has none."""
    return text if text.isascii() else _HALF.sub("\ufffd", text)


def with_visible(text: str, show: Callable[[str], str]) -> str:
    """The text with each character that shows nothing replaced by what `show` makes of it."""
    if text.isascii() and text.isprintable():
        return text
    return _replaced(without_halves(text), show)


def json_escape(character: str) -> str:
    """How JSON in ASCII writes a character; in a text of JSON it is the same character still."""
    return json.dumps(character)[1:-1]


def _replaced(text: str, show: Callable[[str], str]) -> str:
    """The text with the hidden characters of each run replaced, as its neighbours are shown."""

    def replaced(run: re.Match[str]) -> str:
        start, end = run.span()
        kept = _shaping(text[start - 1 : start], run[0], text[end : end + 1])
        return kept + "".join(show(each) for each in _not_in(run[0], kept))

    return _RUN.sub(replaced, text)


def _shaping(before: str, run: str, after: str) -> str:
    """What of a run shapes the characters around it: one selector and one joiner at most."""
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
        # What follows an address in a sentence was hardly meant as a part of it.
        visible = len(found)
        while _RUN.fullmatch(found[visible - 1]):
            visible -= 1
        found = found[:visible]
    return _replaced(found, lambda each: quote(each, safe=""))
