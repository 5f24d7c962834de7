"""Helpers of all steps: run programs, compare archives, versions and names."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from moodle_mcp import __version__
from moodle_mcp.settings import Settings, variable
from tools.conformance.node import ROOT

PATIENCE: Final = 300
"""Seconds that one program may run."""


class PackageError(Exception):
    """A check failed; the message says which."""


class LeftOutError(Exception):
    """A step can't run on this machine; the message says why."""


def run(
    command: Sequence[str | Path], cwd: Path = ROOT, text: str | None = None, **settings: str
) -> str:
    """Run a program without this checkout and its settings; return what it prints.

    Raises:
        PackageError: the program failed.
    """
    own = re.compile("MOODLE|PYTHONPATH|VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not own.match(name)}
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**kept, **settings},
        input=text or "",
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode:
        program = " ".join(Path(part).name for part in command[:3])
        raise PackageError(f"{program} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def tracked(*folders: str) -> set[str]:
    """Return the files that git tracks in some folders."""
    return set(run(["git", "ls-files", "-z", *folders]).strip("\0").split("\0"))


def compare(artefact: Path, found: Sequence[str], wanted: set[str]) -> None:
    """Check that an archive holds exactly the expected files.

    Raises:
        PackageError: names the missing and the unexpected files.
    """
    files = {name for name in found if name and not name.endswith("/")}
    files -= {str(parent) for name in files for parent in Path(name).parents}
    missing, extra = sorted(wanted - files), sorted(files - wanted)
    if missing or extra:
        raise PackageError(f"{artefact.name}: missing {missing[:9]}, too many {extra[:9]}")


def check_versions(found: dict[str, str]) -> None:
    """Check that every version is the package's.

    Raises:
        PackageError: names those that differ.
    """
    wrong = {name: version for name, version in found.items() if version != __version__}
    if wrong:
        raise PackageError(f"the version is {__version__}, but {wrong}")


def check_variables(names: Sequence[str] | dict[str, str]) -> None:
    """Check that every name is a setting.

    Raises:
        PackageError: names those that are not.
    """
    unknown = set(names) - {variable(field) for field in Settings.model_fields}
    if unknown:
        raise PackageError(f"no settings: {sorted(unknown)}")


def one(folder: Path, pattern: str) -> Path:
    """Return the one file of the folder that matches.

    Raises:
        PackageError: no file matches, or several.
    """
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise PackageError(f"{len(found)} files {pattern} instead of one")
    return found[0]


def read_json(name: str) -> Any:
    """Read a JSON file of the repository."""
    return json.loads((ROOT / name).read_text("utf-8"))
