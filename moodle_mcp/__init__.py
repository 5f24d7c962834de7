"""An MCP server in front of one Moodle site, with a guarded caller."""

__version__ = "0.1.0"
