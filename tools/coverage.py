"""Runs the tests and says how much of the package they run, line by line and branch by branch.

    python -m tools.coverage [PYTEST'S ARGUMENTS]

What is missing is named. Ends with pytest's status, or with 2 when too little was run: the whole
must reach `fail_under`, and each room that nothing may slip through, every line and branch. Both
are in pyproject.toml.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def rooms() -> list[str]:
    """The files, as globs, of which every line and branch is run and whose mutants must die."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return settings["tool"]["mutmut"]["only_mutate"]


def coverage(*arguments: str) -> int:
    """Run coverage.py; its status."""
    command = [sys.executable, "-m", "coverage", *arguments]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def main(arguments: list[str]) -> int:
    """Run the tests and print both reports."""
    status = coverage("erase") or coverage("run", "-m", "pytest", *arguments)
    coverage("combine", "--quiet")
    all_of_it = coverage("report", "--skip-covered")
    rooms_of_it = coverage("report", "--fail-under=100", f"--include={','.join(rooms())}")
    return status or all_of_it or rooms_of_it


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
