"""`python -m moodle_mcp` is the command `moodle-mcp`."""

from moodle_mcp.cli.main import main

main()
