"""Run the tests and report which lines and branches of the package they run.

    python -m tools.coverage [PYTEST'S ARGUMENTS]

The reports name what is missing. Exits with pytest's status, or with 2 when coverage is too low:
the package as a whole must reach `fail_under`; the strict modules (`only_mutate`) need every line
and branch. Both settings are in pyproject.toml.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def strict_modules() -> list[str]:
    """Return the files, as globs, that need full coverage and whose mutants must all be caught."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return settings["tool"]["mutmut"]["only_mutate"]


def coverage(*arguments: str) -> int:
    """Run coverage.py; return its status."""
    command = [sys.executable, "-m", "coverage", *arguments]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def main(arguments: list[str]) -> int:
    """Run the tests and print both reports."""
    status = coverage("erase") or coverage("run", "-m", "pytest", *arguments)
    coverage("combine", "--quiet")
    whole = coverage("report", "--skip-covered")
    strict = coverage("report", "--fail-under=100", f"--include={','.join(strict_modules())}")
    return status or whole or strict


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
