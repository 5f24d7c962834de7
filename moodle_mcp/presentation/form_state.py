"""Shows the state of form fields in HTML as text: what was ticked and filled in.

Moodle renders a quiz attempt under review as a form (observed in mod_quiz_get_attempt_review). The
answers are in its fields, and Markdown has no form fields.
"""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Final

_FIELD: Final = re.compile(
    r"<(input|option)\b((?:[^<>\"']|\"[^\"<>]{0,2000}\"|'[^'<>]{0,2000}'){0,2000}+)>", re.IGNORECASE
)
"""Possessive quantifiers, so that a tag that never ends takes linear time."""

_ATTRIBUTE: Final = re.compile(
    r"([a-z-]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+)))?",
    re.IGNORECASE,
)

_TICKED: Final = "[x] "
_NOT_TICKED: Final = "[ ] "
_UNSEEN: Final = frozenset({"hidden", "submit", "button", "image", "reset", "file", "password"})


def with_form_values(html: str) -> str:
    """Write inputs and options as text: `[x]` if chosen, `[value]` if filled in."""
    if "<input" not in html.lower() and "<option" not in html.lower():
        return html
    return _FIELD.sub(_as_text, html)


def _as_text(match: re.Match[str]) -> str:
    attributes = {
        name.lower(): unescape(quoted or single or bare)
        for name, quoted, single, bare in _ATTRIBUTE.findall(match.group(2))
    }
    if match.group(1).lower() == "option":
        return f"{match.group()}{_TICKED if 'selected' in attributes else _NOT_TICKED}"
    kind = attributes.get("type", "text").lower()
    if kind in ("radio", "checkbox"):
        return _TICKED if "checked" in attributes else _NOT_TICKED
    return "" if kind in _UNSEEN else f"[{escape(attributes.get('value', ''))}]"
