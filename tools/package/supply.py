"""The supply chain: pinned dependencies with hashes, the SBOM and known vulnerabilities."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from moodle_mcp import __version__
from tools.conformance.node import ROOT
from tools.constraints import CONSTRAINTS, pins, project
from tools.package.artefacts import scripts_of, use
from tools.package.work import PATIENCE, LeftOutError, PackageError, one, run


def install_pinned(folder: Path, home: Path) -> str:
    """Install the pinned dependencies with their hashes, including the extras, and the wheel.

    The wheel is installed without dependencies, so a dependency that is not pinned is missing.
    """
    venv.create(home, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--python", scripts_of(home) / "python"]
    names = home / "names.txt"
    own = project()
    extras = [name for group in own["optional-dependencies"].values() for name in group]
    names.write_text("\n".join([*own["dependencies"], *extras]), "utf-8")
    options = ("--quiet", "--require-hashes", "--only-binary", ":all:", "--constraint", CONSTRAINTS)
    run([*pip, "install", *options, "--requirement", names])
    run([*pip, "install", "--quiet", "--no-deps", one(folder, "*.whl")])
    run([*pip, "check"])
    use(scripts_of(home) / "moodle-mcp", home)
    shutil.copy(CONSTRAINTS, folder)
    return f"{len(pins(CONSTRAINTS))} pins; installed with their hashes, and used"


def describe(folder: Path, home: Path) -> str:
    """Write the SBOM (CycloneDX, JSON) of an environment that `install_pinned` has made."""
    target = folder / f"moodle_mcp-{__version__}.cdx.json"
    python = scripts_of(home) / "python"
    options = ("--pyproject", ROOT / "pyproject.toml", "--output-reproducible", "--validate")
    run([sys.executable, "-m", "cyclonedx_py", "environment", *options, "-o", target, python])
    document: dict[str, Any] = json.loads(target.read_text("utf-8"))
    listed = {canonicalize_name(each["name"]): each["version"] for each in document["components"]}
    pinned = {pin.name: pin.version for pin in pins(CONSTRAINTS).values()}
    strange = sorted(name for name, version in listed.items() if pinned.get(name) != version)
    if strange:
        raise PackageError(f"{target.name} lists what is not pinned: {strange}")
    return f"{target.name}, {len(listed)} components"


def audit() -> str:
    """Check the pinned versions for known vulnerabilities.

    Raises:
        LeftOutError: the vulnerability service can't be reached, or lacks a package.
        PackageError: a pinned version has a known vulnerability.
    """
    options = ("--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json")
    command = [sys.executable, "-m", "pip_audit", *options, "--requirement", str(CONSTRAINTS)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise LeftOutError(f"pip-audit can't ask: {last}") from None
    bad = {
        f"{each['name']} {each['version']}": [found["id"] for found in each["vulns"]]
        for each in packages
        if each.get("vulns")
    }
    if bad:
        raise PackageError(f"{bad}; python3 tools/dev.py constraints --upgrade")
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    if skipped:
        raise LeftOutError(f"nothing can be learnt of {len(skipped)} of {len(packages)} packages")
    return f"none known of {len(packages)} packages"
