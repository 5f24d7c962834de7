"""The server, which also prints the number of its tasks on SIGUSR1.

python -m tools.soak.server
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from types import FrameType
from typing import Final

from moodle_mcp.cli.main import main

PROBE: Final = "soak-tasks"


def report(_: int, __: FrameType | None) -> None:
    """Write the number of the event loop's tasks to stderr, as a line of JSON."""
    print(json.dumps({PROBE: len(asyncio.all_tasks())}), file=sys.stderr, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, report)
    main([])
