"""Build the wheel and the sdist, check their content and try them."""

from __future__ import annotations

import json
import os
import sys
import tarfile
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from moodle_mcp import __version__
from tools.conformance.node import ROOT
from tools.package.work import PackageError, compare, one, run, tracked

SDIST_FOLDERS: Final = ("docs", "moodle_mcp", "tests", "tools")
SDIST_FILES: Final = (
    ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md",
    "claude_config.example.json", "pyproject.toml",
)  # fmt: skip
DIST_INFO: Final = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")


def build(folder: Path) -> str:
    """Build the sdist, build the wheel from it, and check what they contain."""
    run([sys.executable, "-m", "build", "--outdir", folder, ROOT])
    wheel, sdist = one(folder, "*.whl"), one(folder, "*.tar.gz")
    run([sys.executable, "-m", "twine", "check", "--strict", wheel, sdist])
    info = f"moodle_mcp-{__version__}.dist-info"
    own = tracked("moodle_mcp")
    with zipfile.ZipFile(wheel) as archive:
        compare(wheel, archive.namelist(), own | {f"{info}/{name}" for name in DIST_INFO})
    with tarfile.open(sdist) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
        compare(sdist, names, tracked(*SDIST_FOLDERS) | {"PKG-INFO", *SDIST_FILES})
    sizes = [f"{path.name} {path.stat().st_size // 1000} kB" for path in (wheel, sdist)]
    return f"{', '.join(sizes)}; {len(own)} files of the package in both"


def try_artefact(folder: Path, pattern: str, home: Path) -> str:
    """Install an artefact into an empty environment and try the command."""
    artefact = one(folder, pattern)
    venv.create(home, with_pip=True)
    scripts = scripts_of(home)
    run([scripts / "python", "-m", "pip", "install", "--quiet", artefact], cwd=home)
    use(scripts / "moodle-mcp", home)
    return "installed, demo shown, initialize answered, ended with its input"


def scripts_of(home: Path) -> Path:
    """Return the folder of a virtual environment's programs."""
    return home / ("Scripts" if os.name == "nt" else "bin")


def use(command: Path, home: Path) -> None:
    """Run the installed command as a new user would.

    Raises:
        PackageError: the output or the status is wrong.
    """
    version = run([command, "--version"], cwd=home).strip()
    if version != f"moodle-mcp, version {__version__}":
        raise PackageError(f"--version says {version!r}")
    if "done: " not in run([command, "demo"], cwd=home):
        raise PackageError("the demo shows no call that was done")
    greet([command], home)


def greet(command: Sequence[str | Path], home: Path) -> None:
    """Send `initialize` over stdio; the process must exit with 0 when stdin ends."""
    client = {"name": "package", "version": "1"}
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    settings = {"MOODLE_URL": "http://127.0.0.1:9", "MOODLE_TOKEN": "0" * 32}
    answer = run(command, cwd=home, text=json.dumps(message) + "\n", **settings)
    info = json.loads(answer)["result"]["serverInfo"]
    if info != {"name": "moodle-mcp", "title": "Moodle", "version": __version__}:
        raise PackageError(f"serverInfo is {info}")
