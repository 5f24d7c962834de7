"""Default values of parameters as Moodle declares them."""

from __future__ import annotations

import re
from typing import Any

_WHOLE = re.compile(r"-?\d{1,19}")


def in_its_type(default: Any, type_: str | None) -> Any:
    """Convert a default to its parameter's type: Moodle writes some as text or 0 and 1.

    `type_` is Moodle's PARAM_ name in lower case; None for a list or an object.
    """
    match type_, default:
        case (None, _) | (_, None):
            return default
        case "bool", _:
            return default in (True, 1, "1")
        case "int", bool():
            return int(default)
        case "int", str():
            return int(default) if _WHOLE.fullmatch(default) else None
        case (("int" | "float"), _):
            return default
        case _, bool():
            return "1" if default else ""
        case _, int() | float():
            return str(default)
        case _:
            return default
