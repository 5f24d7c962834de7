"""The reply to a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moodle_mcp.caller.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that goes with an answer."""

    data: bytes
    mime_type: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply to a call: its outcome, the presented envelope, and pictures."""

    outcome: Outcome
    envelope: dict[str, Any]
    pictures: tuple[Picture, ...] = ()
