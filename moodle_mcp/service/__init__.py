"""Runs every call, whether from MCP clients, the command line or the server itself."""
