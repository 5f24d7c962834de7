"""Runs the command: `moodle-mcp`, or `python -m moodle_mcp`."""

from moodle_mcp.cli.loading import loading


def run() -> None:
    """Run the command line."""
    with loading():
        from moodle_mcp.cli.main import main
    main()


if __name__ == "__main__":
    run()
