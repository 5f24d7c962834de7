"""Builds what is published and tries it as a stranger would get it.

    python -m tools.package [FOLDER]

- wheel and sdist: what is in them is what git has; each is installed into an empty environment,
  where the command, the demo and a first message over stdio are tried;
- server.json for the MCP registry, against its schema;
- the MCPB bundle, with its own validator;
- the Dockerfile, with hadolint.

The files are left in FOLDER if one is named. What can't be tried on this machine is said.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

import jsonschema

from moodle_mcp import __version__
from moodle_mcp.settings import Settings, variable
from tools.conformance.node import ROOT, NodeMissingError, installed

SDIST_FOLDERS: Final = ("docs", "moodle_mcp", "tests", "tools")
SDIST_FILES: Final = (
    ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md",
    "claude_config.example.json", "pyproject.toml",
)  # fmt: skip
BUNDLED: Final = ("moodle_mcp", "LICENSE", "README.md", "pyproject.toml")
DIST_INFO: Final = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
PATIENCE: Final = 300
"""Seconds that one program may take."""


class PackageError(Exception):
    """Something is not as it should be; the message says what."""


class LeftOutError(Exception):
    """Something can't be tried here; the message says why."""


def main(arguments: list[str]) -> int:
    """Build and try everything; 0 if nothing failed."""
    failures = 0
    with tempfile.TemporaryDirectory() as name:
        temporary = Path(name)
        folder = Path(arguments[0]).resolve() if arguments else temporary / "dist"
        folder.mkdir(exist_ok=True)
        steps = {
            "build": partial(build, folder),
            "wheel": partial(try_artefact, folder, "*.whl", temporary / "wheel"),
            "sdist": partial(try_artefact, folder, "*.tar.gz", temporary / "sdist"),
            "server.json": check_registry_entry,
            "MCPB bundle": partial(bundle, folder, temporary / "bundle"),
            "Dockerfile": check_dockerfile,
        }
        for step, check in steps.items():
            try:
                print(f"ok        {step}: {check()}", flush=True)
            except LeftOutError as error:
                print(f"LEFT OUT  {step}: {error}", flush=True)
            except (PackageError, OSError, subprocess.TimeoutExpired) as error:
                failures += 1
                print(f"FAILED    {step}: {error}", flush=True)
    return 1 if failures else 0


def build(folder: Path) -> str:
    """Make sdist and wheel, the wheel from the sdist, and look at what is in them."""
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
    """Install an artefact into an empty environment and use what it installs."""
    artefact = one(folder, pattern)
    venv.create(home, with_pip=True)
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    run([scripts / "python", "-m", "pip", "install", "--quiet", artefact], cwd=home)
    command = scripts / "moodle-mcp"
    version = run([command, "--version"], cwd=home).strip()
    if version != f"moodle-mcp, version {__version__}":
        raise PackageError(f"--version says {version!r}")
    if "done: " not in run([command, "demo"], cwd=home):
        raise PackageError("the demo shows no call that was done")
    greet([command], home)
    return "installed, demo shown, initialize answered, ended with its input"


def greet(command: Sequence[str | Path], home: Path) -> None:
    """Send `initialize` over stdio; the end of the input must end the process with 0."""
    client = {"name": "package", "version": "1"}
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    settings = {"MOODLE_URL": "http://127.0.0.1:9", "MOODLE_TOKEN": "0" * 32}
    answer = run(command, cwd=home, text=json.dumps(message) + "\n", **settings)
    info = json.loads(answer)["result"]["serverInfo"]
    if info != {"name": "moodle-mcp", "title": "Moodle", "version": __version__}:
        raise PackageError(f"serverInfo is {info}")


def check_registry_entry() -> str:
    """The entry for the MCP registry: its version and variables, and its own schema."""
    entry = read_json("server.json")
    (package,) = entry["packages"]
    check_versions({"server.json": entry["version"], "its package": package["version"]})
    check_variables([each["name"] for each in package["environmentVariables"]])
    if f"<!-- mcp-name: {entry['name']} -->" not in (ROOT / "README.md").read_text("utf-8"):
        raise PackageError("the README does not name the entry, as the registry wants of PyPI's")
    try:
        with urlopen(entry["$schema"], timeout=20) as answer:  # noqa: S310 - https, and ours
            schema = json.load(answer)
    except URLError as error:
        raise LeftOutError(
            f"versions and variables are right; its schema can't be had: {error.reason}"
        ) from None
    try:
        jsonschema.validate(entry, schema)
    except jsonschema.ValidationError as error:
        raise PackageError(f"{error.json_path}: {error.message}") from None
    return "valid"


def bundle(folder: Path, stage: Path) -> str:
    """The bundle for desktop hosts, which run it with uv."""
    manifest = read_json("packaging/manifest.json")
    check_versions({"manifest.json": manifest["version"]})
    check_variables(manifest["server"]["mcp_config"]["env"])
    try:
        node = installed()
    except NodeMissingError as error:
        raise LeftOutError(str(error)) from None
    with tarfile.open(one(folder, "*.tar.gz")) as archive:
        archive.extractall(stage, filter="data")
    source = stage / f"moodle_mcp-{__version__}"
    packed = stage / "packed"
    packed.mkdir()
    for name in BUNDLED:
        shutil.move(source / name, packed / name)
    shutil.copy(ROOT / "packaging" / "manifest.json", packed)
    target = folder / f"moodle-mcp-{__version__}.mcpb"
    mcpb = "node_modules/@anthropic-ai/mcpb/dist/cli/cli.js"
    for arguments in (["validate", packed / "manifest.json"], ["pack", packed, target]):
        done = node.run(mcpb, *arguments)
        if done.returncode:
            raise PackageError(done.stdout + done.stderr)
    with zipfile.ZipFile(target) as archive:
        wanted = tracked("moodle_mcp") | {"manifest.json", *BUNDLED[1:]}
        compare(target, archive.namelist(), wanted)
    return f"{target.name} {target.stat().st_size // 1000} kB"


def check_dockerfile() -> str:
    """What hadolint says of it."""
    hadolint = shutil.which("hadolint", path=Path(sys.executable).parent)
    if hadolint is None:
        raise LeftOutError("hadolint is not installed")
    run([hadolint, ROOT / "Dockerfile"])
    return "no finding of hadolint's; no image is built here"


def run(
    command: Sequence[str | Path], cwd: Path = ROOT, text: str | None = None, **settings: str
) -> str:
    """What a program prints; nothing of this checkout or its settings is seen by it.

    Raises:
        PackageError: it failed.
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
    """The files that git has in some folders."""
    return set(run(["git", "ls-files", "-z", *folders]).strip("\0").split("\0"))


def compare(artefact: Path, found: Sequence[str], wanted: set[str]) -> None:
    """Raise unless an archive holds exactly the files that are wanted.

    Raises:
        PackageError: with the names that are missing and those that are too many.
    """
    files = {name for name in found if name and not name.endswith("/")}
    files -= {str(parent) for name in files for parent in Path(name).parents}
    missing, extra = sorted(wanted - files), sorted(files - wanted)
    if missing or extra:
        raise PackageError(f"{artefact.name}: missing {missing[:9]}, too many {extra[:9]}")


def check_versions(found: dict[str, str]) -> None:
    """Raise unless every version is the package's.

    Raises:
        PackageError: with those that differ.
    """
    wrong = {name: version for name, version in found.items() if version != __version__}
    if wrong:
        raise PackageError(f"the version is {__version__}, but {wrong}")


def check_variables(names: Sequence[str] | dict[str, str]) -> None:
    """Raise unless every name is a setting's.

    Raises:
        PackageError: with the names that are none.
    """
    unknown = set(names) - {variable(field) for field in Settings.model_fields}
    if unknown:
        raise PackageError(f"no settings: {sorted(unknown)}")


def one(folder: Path, pattern: str) -> Path:
    """The one file of the folder that fits.

    Raises:
        PackageError: there are none or several.
    """
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise PackageError(f"{len(found)} files {pattern} instead of one")
    return found[0]


def read_json(name: str) -> Any:
    """A JSON file of the repository."""
    return json.loads((ROOT / name).read_text("utf-8"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
