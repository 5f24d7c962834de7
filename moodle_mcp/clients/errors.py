"""Errors of clients' configuration files."""

from __future__ import annotations

from moodle_mcp.errors import MoodleMcpError


class ClientFileError(MoodleMcpError):
    """A configuration file can't be changed and stays as it is; the text says what is wrong."""
