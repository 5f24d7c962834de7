"""The demo site in a separate process, so that its work is not measured.

python -m tools.bench.site    print its address and serve until stdin ends
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

from moodle_mcp.demo import DemoSite, serving


@contextmanager
def demo_site() -> Generator[str]:
    """Start a demo site; yield its address."""
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
