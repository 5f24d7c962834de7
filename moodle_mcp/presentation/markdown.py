"""Converts HTML from Moodle's editors to Markdown."""

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
    r"|font\s{0,9}:(?=[^;!\"'<>]{0,270}+(?:[;!\"'>]|\Z))[^;\"'<>/]{0,60}?"
    r"(?<![\w.-])0++(?:\.0*+)?(?:[a-z]{2,3}|%)?(?:[\s/][^;!\"'<>]{0,200}+)?)"
    r"(?=\s{0,9}(?:[;\"'!>]|\Z))",
    re.IGNORECASE,
)
"""Styles that make text invisible and that the converter does not know. Moodle's purifier lets
`font` through (observed on 4.5.6); teachers' texts are not purified.

The end of a font's style is looked for first: otherwise each zero in a style without an end would
be compared with everything after it, while no other thread runs.
"""

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
"""Most characters of HTML that are converted: the converter takes 60 bytes of memory for each, and
no other thread runs meanwhile.
"""

_GROWTH: Final = 4
"""How many times longer than its HTML Markdown may be: tables are padded to the widest row."""


def to_markdown(html: str) -> str:
    """Convert HTML to Markdown.

    Links, lists and tables stay. Hidden elements, comments, scripts and invisible characters are
    removed. If the HTML is too deep or too long (`_MAX_HTML`) for the converter, or the Markdown
    too long, only the text is kept.
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

    They are enum members instead of names. The library looks names up for each text, which takes
    five times as long as converting a short one.
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
    """Hide a tag with the style that the converter knows."""
    return _UNSEEN_STYLE.sub("display:none", tag[0])


def _without_fallback(media: re.Match[str]) -> str:
    """A video or audio element without its fallback content."""
    return media[1] + "".join(_SOURCE.findall(media[3])) + media[4]


def _text_alone(html: str) -> str:
    """The text of HTML without its elements; an unclosed one extends to the end of the text."""
    for pattern in (_COMMENT, _SCRIPT, _TAG):
        html = pattern.sub("", html)
    return unescape(html)
