"""Run the command `moodle-mcp` as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

Environment = Callable[..., dict[str, str]]


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str


def run(*arguments: str, environment: dict[str, str], input: str = "") -> Ran:  # noqa: A002
    kept = {name: value for name, value in os.environ.items() if "MOODLE" not in name}
    done = subprocess.run(
        [sys.executable, "-m", "moodle_mcp", *arguments],
        env={**kept, **environment},
        input=input,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
