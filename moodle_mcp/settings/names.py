"""Names of settings: environment variables and keys of the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PREFIX: Final = "MOODLE_MCP_"
CONFIG_VARIABLE: Final = "MOODLE_MCP_CONFIG"
FILE_NAME: Final = "moodle-mcp.toml"

CONNECTION: Final = ("moodle_url", "moodle_token", "moodle_token_file")
_WITHOUT_PREFIX: Final = (*CONNECTION, "moodle_protocol")


def variable(field: str) -> str:
    """Return the environment variable of a field."""
    return field.upper() if field.lower() in _WITHOUT_PREFIX else f"{PREFIX}{field.upper()}"


def named_alike(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that have a value under upper-case names: case does not matter."""
    return {name.upper(): value for name, value in environment.items() if value}
