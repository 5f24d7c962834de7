"""HTML as Moodle's editors write it, to Markdown."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Final

from moodle_mcp.invisible import without_halves, without_invisible
from moodle_mcp.presentation.form_state import with_form_values

if TYPE_CHECKING:
    from html_to_markdown import ConversionOptions

_UNSEEN: Final = [".d-none", ".invisible", ".hidden", "datalist"]
"""Moodle's themes hide these; its purifier lets the classes through."""

_SPAN: Final = re.compile(r"\b((?:col|row)span\s{0,9}=\s{0,9}[\"']?)\d{3,}", re.IGNORECASE)
_STYLED: Final = re.compile(r"<[a-z][^<>]*?\sstyle\s{0,9}=[^<>]*+", re.IGNORECASE)
_UNSEEN_STYLE: Final = re.compile(
    r"(?<![\w-])(?:opacity\s{0,9}:\s{0,9}(?:0+(?:\.0*)?|\.0+)%?|visibility\s{0,9}:\s{0,9}collapse"
    r"|font\s{0,9}:[^;\"'<>/]{0,60}?(?<![\w.-])0+(?:\.0*)?(?:[a-z]{2,3}|%)?(?:[\s/][^;\"'<>]{0,200})?)"
    r"(?=\s{0,9}(?:[;\"'!>]|\Z))",
    re.IGNORECASE,
)
"""Styles that leave nothing to be seen and that the converter does not know; Moodle's purifier lets
`font` through (observed on 4.5.6), teachers' texts are not purified."""

_MEDIA: Final = re.compile(
    r"(<(video|audio)\b[^<>]*>)(.*?)(</\2\s{0,9}>|\Z)", re.DOTALL | re.IGNORECASE
)
_SOURCE: Final = re.compile(r"<source\b[^<>]*>", re.IGNORECASE)
_COMMENT: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_SCRIPT: Final = re.compile(
    r"<(script|style|template)\b.*?(?:</\1\s{0,9}>|\Z)", re.DOTALL | re.IGNORECASE
)
_TAG: Final = re.compile(r"<[a-z/!?][^<>]*>?", re.IGNORECASE)
_MAX_HTML: Final = 500_000
"""Characters of HTML that are converted: the converter takes 60 bytes of memory for each, and no
other thread runs meanwhile."""

_GROWTH: Final = 4
"""Times that Markdown may be longer than its HTML: a table is filled up to its widest row."""


def to_markdown(html: str) -> str:
    """The HTML as Markdown: links, lists and tables stay; what is hidden, comments, scripts and
    invisible characters go.

    What the converter can't take wholly (elements thousands deep, `_MAX_HTML`), or would blow up,
    comes as its text alone.
    """
    if "<" not in html and "&" not in html:
        return without_invisible(html)
    if len(html) > _MAX_HTML:
        return without_invisible(_text_alone(html)).strip()
    from html_to_markdown import convert

    html = without_halves(html)
    written = html.lower()
    options = _options(unseen="class" in written or "datalist" in written)
    if "style" in written:
        html = _STYLED.sub(_switched_off, html)
    if "<video" in written or "<audio" in written:
        html = _MEDIA.sub(_without_fallback, html)
    converted = convert(with_form_values(_SPAN.sub(r"\g<1>20", html)), options)
    text = converted.content
    if text is None or converted.warnings or len(text) > _GROWTH * len(html) + 1000:
        text = _text_alone(html)
    # After the conversion: `&#8203;` is a zero-width space only once it is decoded.
    return without_invisible(text).strip()


def _options(*, unseen: bool) -> ConversionOptions:
    """The converter's options; with `unseen` it leaves out what Moodle's themes hide.

    All that can be named is a member here: the library looks up each name for each text, which
    takes five times as long as to convert a short one.
    """
    import html_to_markdown as library

    return library.ConversionOptions(
        bullets="-",
        compact_tables=True,
        hidden_content=library.HiddenContent.DROP,
        exclude_selectors=_UNSEEN if unseen else [],
        extract_metadata=False,
        infer_dimensions=False,
        heading_style=library.HeadingStyle.ATX,
        list_indent_type=library.ListIndentType.SPACES,
        highlight_style=library.HighlightStyle.DOUBLE_EQUAL,
        whitespace_mode=library.WhitespaceMode.NORMALIZED,
        newline_style=library.NewlineStyle.SPACES,
        code_block_style=library.CodeBlockStyle.BACKTICKS,
        url_escape_style=library.UrlEscapeStyle.ANGLE,
        link_style=library.LinkStyle.INLINE,
        output_format=library.OutputFormat.MARKDOWN,
        tier_strategy=library.TierStrategy.AUTO,
    )


def _switched_off(tag: re.Match[str]) -> str:
    """A tag that is not seen, in the way that the converter knows."""
    return _UNSEEN_STYLE.sub("display:none", tag[0])


def _without_fallback(media: re.Match[str]) -> str:
    """A film or a sound without what is shown only where it can't be played."""
    return media[1] + "".join(_SOURCE.findall(media[3])) + media[4]


def _text_alone(html: str) -> str:
    """The text of HTML without its elements; each pattern takes what it began with to its end."""
    for pattern in (_COMMENT, _SCRIPT, _TAG):
        html = pattern.sub("", html)
    return unescape(html)
