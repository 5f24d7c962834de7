"""HTML as Moodle's editors write it, to Markdown."""

from __future__ import annotations

from moodle_mcp.answers.forms import with_form_values
from moodle_mcp.answers.invisible import without_invisible


def to_markdown(html: str) -> str:
    """The HTML as Markdown: links, lists and tables stay; what is hidden, comments, scripts and
    invisible characters go.

    Text that the converter can't take wholly (elements thousands deep) comes back as it is: it is
    long, but nothing of it is lost.
    """
    if "<" not in html and "&" not in html:
        return without_invisible(html)
    from html_to_markdown import ConversionOptions, convert

    options = ConversionOptions(
        bullets="-",
        compact_tables=True,
        hidden_content="drop",
        extract_metadata=False,
        infer_dimensions=False,
    )
    converted = convert(with_form_values(html), options)
    if converted.content is None or converted.warnings:
        return without_invisible(html)
    # After the conversion: `&#8203;` is a zero-width space only once it is decoded.
    return without_invisible(converted.content).strip()
