"""The entry for the MCP registry, the bundle for desktop hosts, and the Dockerfile."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

import jsonschema

from moodle_mcp import __version__
from tools.conformance.node import ROOT, NodeMissingError, installed
from tools.constraints import CONSTRAINTS, pins, project
from tools.package.work import (
    LeftOutError,
    PackageError,
    check_variables,
    check_versions,
    compare,
    one,
    read_json,
    run,
    tracked,
)

BUNDLED: Final = ("moodle_mcp", "LICENSE", "README.md")
DIGEST: Final = re.compile(r"^ARG PYTHON=python:[\w.-]+@sha256:[0-9a-f]{64}$", re.MULTILINE)


def check_registry_entry() -> str:
    """Check the entry for the MCP registry: version, variables and schema."""
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
    """Build and check the bundle for desktop hosts, which run it with uv."""
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
    lock(packed)
    shutil.copy(ROOT / "packaging" / "manifest.json", packed)
    target = folder / f"moodle-mcp-{__version__}.mcpb"
    mcpb = "node_modules/@anthropic-ai/mcpb/dist/cli/cli.js"
    for arguments in (["validate", packed / "manifest.json"], ["pack", packed, target]):
        done = node.run(mcpb, *arguments)
        if done.returncode:
            raise PackageError(done.stdout + done.stderr)
    with zipfile.ZipFile(target) as archive:
        wanted = tracked("moodle_mcp") | {
            "manifest.json",
            "pyproject.toml",
            "uv.lock",
            *BUNDLED[1:],
        }
        compare(target, archive.namelist(), wanted)
    return (
        f"{target.name} {target.stat().st_size // 1000} kB; every hash in its lock is a pinned one"
    )


def lock(packed: Path) -> None:
    """Lock a bundle's dependencies to the pinned versions and hashes.

    `uv run` checks hashes only in a lock file, not in requirements (observed with uv 0.13).
    The bundle's own pyproject.toml has no extras and builds nothing on the user's machine.

    Raises:
        PackageError: the lock file names a file that is not pinned.
    """
    own = project()
    found = pins(CONSTRAINTS)
    (packed / "pyproject.toml").write_text(
        f"""[project]
name = "moodle-mcp"
version = "{__version__}"
requires-python = "{own["requires-python"]}"
dependencies = {json.dumps(own["dependencies"], indent=4)}

[tool.uv]
package = false
constraint-dependencies = {json.dumps([pin.requirement for pin in found.values()], indent=4)}
""",
        "utf-8",
    )
    uv = shutil.which("uv", path=Path(sys.executable).parent)
    if uv is None:
        raise LeftOutError("uv is not installed")
    try:
        run([uv, "lock", "--quiet"], cwd=packed)
    except PackageError as error:
        raise LeftOutError(f"uv can't lock the dependencies: {error}") from None
    known = set[str]().union(*(pin.hashes for pin in found.values()))
    text = (packed / "uv.lock").read_text("utf-8")
    strange = set(re.findall(r"sha256:[0-9a-f]{64}", text)) - known
    if strange:
        raise PackageError(f"the lock has hashes that are not pinned: {sorted(strange)[:3]}")


def check_dockerfile() -> str:
    """Check the Dockerfile with hadolint."""
    hadolint = shutil.which("hadolint", path=Path(sys.executable).parent)
    if hadolint is None:
        raise LeftOutError("hadolint is not installed")
    path = ROOT / "Dockerfile"
    run([hadolint, path])
    if not DIGEST.search(path.read_text("utf-8")):
        raise LeftOutError(
            "hadolint finds nothing; the base image has no digest, which a release needs "
            "(docs/releasing.md)"
        )
    return "hadolint finds nothing and the base image has a digest; no image is built here"
