"""Suggestions for a misspelt name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

_MAX_NAME: Final = 200
"""Characters of a name that are compared. No known name is longer, and clients pass megabytes."""


def similar(name: str, known: Iterable[str], most: int = 3, cutoff: float = 0.6) -> list[str]:
    """Return the known names most similar to this one, best first; case does not matter.

    `cutoff` is from 0 (anything) to 1 (identical).
    """
    folded = {each.casefold(): each for each in known}
    asked = name[:_MAX_NAME].casefold()
    return [folded[each] for each in difflib.get_close_matches(asked, folded, most, cutoff)]
