"""Texts that a real Moodle 4.5.6 accepts for each PARAM_ type (recorded by `tools/param_types`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

_DATA: Final = json.loads(
    (Path(__file__).parents[1] / "data" / "param_types.json").read_text(encoding="utf-8")
)
VALUES: Final[list[str]] = _DATA["values"]
_ACCEPTED: Final[dict[str, str]] = _DATA["accepted"]
TYPES: Final = sorted(_ACCEPTED)


def accepted(type_: str) -> list[str]:
    """Return the texts that Moodle accepts."""
    return [value for value, said in zip(VALUES, _ACCEPTED[type_], strict=True) if said == "1"]


def refused(type_: str) -> list[str]:
    """Return the texts that Moodle refuses."""
    return [value for value, said in zip(VALUES, _ACCEPTED[type_], strict=True) if said == "0"]
