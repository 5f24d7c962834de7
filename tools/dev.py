"""Run the project's commands from a fresh checkout; needs only Python 3.11 or newer.

    python3 tools/dev.py demo         a demonstration on a small Moodle inside the process
    python3 tools/dev.py test         all tests; further arguments go to pytest
    python3 tools/dev.py coverage     all tests with a coverage report; fails if coverage is too low
    python3 tools/dev.py mutation     mutation tests of the modules that must not be wrong
    python3 tools/dev.py lint         ruff and pyright
    python3 tools/dev.py docs         write the generated pages of docs/; or --check
    python3 tools/dev.py bench        the benchmarks of tools/bench
    python3 tools/dev.py live         tests against a real Moodle, and their report
    python3 tools/dev.py soak         10,000 mixed calls through a faulty network; or --hostile
    python3 tools/dev.py fuzz         random arguments, answers and messages for ten minutes
    python3 tools/dev.py conformance  the MCP conformance suite and clients, which run on Node
    python3 tools/dev.py package      build and try everything that is published
    python3 tools/dev.py constraints  rewrite the pinned dependencies; or --upgrade

The first run makes `.venv` and installs the project with its development tools there; later runs
repeat this only when pyproject.toml has changed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = str(BIN / ("python.exe" if os.name == "nt" else "python"))
INSTALLED = VENV / "installed"

COMMANDS = {
    "demo": [["-m", "moodle_mcp", "demo"]],
    "test": [["-m", "pytest"]],
    "coverage": [["-m", "tools.coverage"]],
    "mutation": [["-m", "tools.mutation"]],
    "lint": [
        ["-m", "ruff", "check", "."],
        ["-m", "ruff", "format", "--check", "."],
        ["-m", "pyright", "--pythonpath", PYTHON],
    ],
    "docs": [["-m", "tools.docs"]],
    "bench": [["-m", "tools.bench"]],
    "conformance": [["-m", "tools.conformance"]],
    "package": [["-m", "tools.package"]],
    "constraints": [["-m", "tools.constraints"]],
    "live": [["-m", "tools.live_report"]],
    "soak": [["-m", "tools.soak"]],
    "fuzz": [["-m", "tools.fuzz"]],
}


def main(arguments: list[str]) -> int:
    """Run one of COMMANDS; further arguments are appended to its last step."""
    if not arguments or arguments[0] not in COMMANDS:
        print(__doc__, file=sys.stderr)
        return 2
    if sys.version_info < (3, 11):  # noqa: UP036 - a fresh machine may have an older one
        print(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}", file=sys.stderr)
        return 2
    install()
    *steps, last = COMMANDS[arguments[0]]
    for step in [*steps, [*last, *arguments[1:]]]:
        status = subprocess.run([PYTHON, *step], cwd=ROOT, check=False).returncode
        if status:
            return status
    return 0


def install() -> None:
    """Create or update the virtual environment."""
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if INSTALLED.is_file() and INSTALLED.read_text(encoding="utf-8") == wanted:
        return
    venv.create(VENV, with_pip=True, clear=True)
    # Dependency groups need pip 25.1.
    run_pip("install", "--quiet", "--upgrade", "pip>=25.1")
    run_pip("install", "--quiet", "--editable", ".[files]", "--group", "dev")
    INSTALLED.write_text(wanted, encoding="utf-8")


def run_pip(*arguments: str) -> None:
    """Run pip in the virtual environment; exit with its status if it fails."""
    command = [PYTHON, "-m", "pip", "--disable-pip-version-check", *arguments]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    if status:
        sys.exit(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
