"""Names that were probably meant by one that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def similar(name: str, known: Iterable[str], most: int = 3, cutoff: float = 0.6) -> list[str]:
    """The known names that are most like this one, the best first; case does not matter.

    `cutoff` is from 0 (anything) to 1 (the same).
    """
    folded = {each.casefold(): each for each in known}
    return [
        folded[each]
        for each in difflib.get_close_matches(name.casefold(), folded, n=most, cutoff=cutoff)
    ]
