"""The demo site in a process of its own, so that its work is in nobody's figures.

python -m tools.bench.site    prints its address and serves until the input ends
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

from moodle_mcp.demo import DemoSite, serving


@contextmanager
def demo_site() -> Generator[str]:
    """The address of a demo site."""
    command = [sys.executable, "-m", "tools.bench.site"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as own:
        if own.stdin is None or own.stdout is None:
            raise OSError("the process has no pipes")
        yield own.stdout.readline().strip()
        own.stdin.close()


if __name__ == "__main__":
    with serving(DemoSite().app) as url:
        print(url, flush=True)
        sys.stdin.read()
