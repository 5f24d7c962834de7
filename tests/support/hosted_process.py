"""The program as a process, with sign-in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "moodle_mcp", *arguments]


@contextmanager
def running(
    environment: dict[str, str], *arguments: str, until: str = "serving MCP at"
) -> Generator[subprocess.Popen[str]]:
    """Run the program until the block ends."""
    kept = {name: value for name, value in os.environ.items() if "MOODLE" not in name}
    process = subprocess.Popen(
        command(*arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**kept, **environment, "PYTHONUNBUFFERED": "1"},
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if until in line:
                break
        else:
            raise AssertionError("the program did not start")
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
