"""How the allowed functions are shown to a client."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final

from moodle_mcp.catalogue.model import Function
from moodle_mcp.policy.allowlist import everyday_writes, profile

MOST_DIRECT: Final = 60
"""Most tools that are listed individually: models choose worse among more, and hosts cap them."""


MOST_WRITES: Final = 10
"""Most writes that are listed beside the discovery tools, the most used ones first."""


class Mode(Enum):
    """How functions are shown."""

    AUTO = "auto"
    DIRECT = "direct"
    FACADE = "facade"


def has_facade(mode: Mode, allowed: int) -> bool:
    """Whether the discovery tools are shown, which find, describe and call functions."""
    return mode is Mode.FACADE or (mode is Mode.AUTO and allowed > MOST_DIRECT)


def shown_directly(mode: Mode, allowed: Sequence[Function]) -> list[Function]:
    """The functions listed as tools; in `auto` with discovery tools, only the most used ones."""
    if not has_facade(mode, len(allowed)):
        return list(allowed)
    if mode is not Mode.AUTO:
        return []
    names = {function.name for function in allowed}
    writes = [name for name in everyday_writes() if name in names][:MOST_WRITES]
    everyday = profile("default") | set(writes)
    return [function for function in allowed if function.name in everyday]
