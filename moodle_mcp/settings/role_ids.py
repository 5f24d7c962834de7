"""Parse MOODLE_MCP_ROLES."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from moodle_mcp.errors import SettingsError

_ENTRY: Final = re.compile(r"([A-Za-z0-9_-]+)=([1-9][0-9]{0,9})")


def parse_role_ids(text: str, setting: str) -> Mapping[str, int]:
    """Parse the ids of roles by short name: `student=5, editingteacher=3`.

    Raises:
        SettingsError: an entry is malformed, or a short name occurs twice.
    """
    ids: dict[str, int] = {}
    for entry in text.replace(",", " ").split():
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise SettingsError(f"{setting}: {entry!r} is not SHORTNAME=ID, such as student=5")
        if match[1] in ids:
            raise SettingsError(f"{setting}: {match[1]} occurs twice")
        ids[match[1]] = int(match[2])
    return ids
