"""Taking out of a text what a person does not see and a model reads all the same."""

from __future__ import annotations

import re
from typing import Final

_INVISIBLE: Final = re.compile(
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls, but for tab and line ends
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "]"
    # A variation selector chooses how the sign before it looks; more of them can carry a message.
    "|(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]|(?<![^\\s])[\ufe00-\ufe0f]"
    # Joiners stand between letters of some scripts and between emoji; nowhere else.
    "|[\u200c\u200d](?![^\x00-\u02ff\u200c\u200d])|(?<![^\x00-\u02ff])[\u200c\u200d]"
)


def without_invisible(text: str) -> str:
    """The text without characters that show nothing: zero-width, direction, tag, control.

    Variation selectors of emoji stay, and joiners where they shape what is seen.
    """
    return text if text.isascii() and text.isprintable() else _INVISIBLE.sub("", text)
