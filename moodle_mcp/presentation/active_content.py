"""Disables what a Markdown viewer would fetch or run: images, links, HTML.

An agent's client may render an answer as Markdown. It fetches images at once, and an image's URL
can leak what the agent has read; a link with a scheme such as `javascript:` runs code. What a
person reads stays: the text, the URL and the mark-up are shown as text.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Final

_SCHEMES: Final = frozenset({"http", "https", "mailto"})
_MOST: Final = 300
"""Characters of a URL within which its scheme must end."""

_SKIPPED: Final = dict.fromkeys([*range(0x21), ord("\\")])
"""What browsers skip in an address, and what Markdown undoes."""

_IMAGE: Final = re.compile(
    r"!\[([^\[\]]*+)\]\(\s*+(<[^<>\n]*+>|[^\s()<]*+(?:\([^\s()]*+\)[^\s()]*+)*+)"
    r"(?:\s++(?:\"[^\"]*+\"|'[^']*+'))?\s*+\)"
)
"""Possessive quantifiers end at the next bracket, quote or blank, so the time is linear."""

_LINK: Final = re.compile(rf"\](?:\(|:)(?=\s*+<?([^\n<>)]{{0,{_MOST}}}))")

_ACTIVE: Final = (
    "a|applet|area|audio|base|bgsound|body|button|embed|form|frame|frameset|head|html|iframe|image"
    "|img|input|link|map|math|meta|noembed|noframes|noscript|object|picture|plaintext|portal|script"
    "|select|source|style|svg|template|textarea|title|track|video|xml|xmp"
)
_TAG: Final = re.compile(
    rf"<(?=(?:{_ACTIVE})(?:[\s/>]|\Z)|[!?]"
    r"|(?P<scheme>[a-z][a-z0-9+.-]{1,31}):"
    r"|(?P<with_more>[a-z][a-z0-9:-]*+[\s/]++"
    r"(?:(?P<hiding>(?:[^<>]*?[\s\"'/])?(?:hidden|inert|popover)[\s/>])|[^\s/>])))",
    re.IGNORECASE,
)
"""Begins an active tag or one with attributes, an address in angle brackets, or a comment, which
would hide what follows it.

The end of an address is not required: breaking another bracket may create it.
"""


def without_active(text: str) -> str:
    """Disable images, HTML, and links except those to web pages and mail.

    Images become `alternative text (address)`. Other links get a space between brackets and
    address. A plain `<b>` stays as it is.

    No `![` stays: its address may be in the next string of the same answer, with other people's
    text in between.
    """
    if "![" in text:
        text = _IMAGE.sub(_image_as_text, text).replace("![", "!\\[")
    if "](" in text or "]:" in text:
        text = _LINK.sub(_apart, text)
    return _without_tags(text) if "<" in text else text


def _image_as_text(image: re.Match[str]) -> str:
    return f"{image[1].strip() or 'image'} ({image[2].strip('<>')})"


def _apart(link: re.Match[str]) -> str:
    return link[0] if _may_be_followed(link[1]) else f"] {link[0][1:]}"


def _may_be_followed(address: str) -> bool:
    """Whether a link's address is relative or has a scheme of web pages or mail.

    Markdown decodes entities and escapes in it, and browsers skip blanks.
    """
    decoded = unescape(address).translate(_SKIPPED)
    end = re.search("[:/?#]", decoded)
    if end is None:
        return len(address) < _MOST
    return end[0] != ":" or decoded[: end.start()].lower() in _SCHEMES


def _without_tags(text: str) -> str:
    last = text.rfind("=")

    def broken(tag: re.Match[str]) -> str:
        # "a <b and c" has no attribute.
        has_none = tag["hiding"] is None and tag.start() > last
        is_text = tag["with_more"] is not None and has_none
        is_address = tag["scheme"] is not None and tag["scheme"].lower() in _SCHEMES
        return "<" if is_text or is_address else "&lt;"

    return _TAG.sub(broken, text)
