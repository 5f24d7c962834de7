"""Settings from environment variables and one TOML file; the environment wins."""

from moodle_mcp.settings.loading import load_settings
from moodle_mcp.settings.model import Settings
from moodle_mcp.settings.names import (
    CONFIG_VARIABLE,
    FILE_NAME,
    PREFIX,
    named_alike,
    variable,
)

__all__ = [
    "CONFIG_VARIABLE",
    "FILE_NAME",
    "PREFIX",
    "Settings",
    "load_settings",
    "named_alike",
    "variable",
]
