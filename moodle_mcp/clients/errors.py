"""What can be wrong with a client's configuration file."""

from __future__ import annotations

from moodle_mcp.errors import MoodleMcpError


class ClientFileError(MoodleMcpError):
    """A configuration file that is left as it is; the text says what it is or has."""
