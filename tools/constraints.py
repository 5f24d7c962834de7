"""Pin the version of every dependency and the SHA-256 of its files, for publication.

    python -m tools.constraints [--upgrade]

Writes `packaging/constraints.txt` (the dependencies and those of the extras, for every supported
Python and system) and `packaging/build-constraints.txt` (what builds the wheel). Pinned versions
stay if pyproject.toml still allows them; with --upgrade all become the newest.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
CONSTRAINTS: Final = ROOT / "packaging" / "constraints.txt"
BUILD_CONSTRAINTS: Final = ROOT / "packaging" / "build-constraints.txt"


@dataclass(frozen=True, slots=True)
class Pin:
    """One package: `requirement` is `name==version`, with a marker if it is not for all systems."""

    name: str
    version: str
    requirement: str
    hashes: frozenset[str]
    """Hash of each file of that version on the index: `sha256:` and 64 hex digits."""


def main(arguments: list[str]) -> int:
    """Write both files; return 0 on success."""
    requires_python = project()["requires-python"].removeprefix(">=")
    fixed = [
        "--universal", "--generate-hashes", "--no-annotate", "--quiet",
        "--python-version", requires_python,
        "--custom-compile-command", "python3 tools/dev.py constraints", *arguments,
    ]  # fmt: skip
    sources = {
        CONSTRAINTS: (["pyproject.toml", "--all-extras"], ""),
        BUILD_CONSTRAINTS: (["-"], "\n".join(pyproject()["build-system"]["requires"])),
    }
    for target, (source, text) in sources.items():
        # Without options on the command line uv writes no index URL into the file.
        command = [sys.executable, "-m", "uv", "pip", "compile", *source, *fixed, "-o", str(target)]
        status = subprocess.run(command, cwd=ROOT, input=text, text=True, check=False).returncode
        if status:
            return status
    return 0


def pins(path: Path) -> dict[str, Pin]:
    """Return the pinned packages of a file by normalised name.

    Raises:
        ValueError: a line is not a pin with hashes as uv writes it.
    """
    found: dict[str, Pin] = {}
    lines = re.sub(r"^#.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE)
    for line in lines.replace("\\\n", " ").splitlines():
        requirement, *hashes = re.split(r"\s+--hash=", line.strip())
        match = re.fullmatch(r"([a-z0-9-]+)==([\w.!+]+)(?: ; .+)?", requirement)
        if (
            not match
            or not hashes
            or not all(re.fullmatch("sha256:[0-9a-f]{64}", h) for h in hashes)
        ):
            raise ValueError(f"{path.name}: not a pin with hashes: {requirement}")
        found[match[1]] = Pin(match[1], match[2], requirement, frozenset(hashes))
    return found


def pyproject() -> dict[str, Any]:
    """The project's pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def project() -> dict[str, Any]:
    """Its table `project`."""
    return pyproject()["project"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
