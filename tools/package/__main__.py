"""Build everything that is published and try it in an empty environment.

    python -m tools.package [--required] [FOLDER]

- wheel and sdist: their content must match git; each is installed into an empty environment, where
  the command, the demo and a first message over stdio are tried;
- the pinned dependencies: installed with their hashes into an empty environment, where the same is
  tried, and listed in the SBOM (CycloneDX) beside the wheel;
- known vulnerabilities of the pinned versions, with pip-audit;
- server.json for the MCP registry, against its schema;
- the MCPB bundle, with its own validator;
- the Dockerfile, with hadolint, and whether its base image has a digest.

The files stay in FOLDER if one is named. For each step that can't run on this machine a line that
begins with LEFT OUT is printed; with --required, which a release needs, that is a failure.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from tools.package.artefacts import build, try_artefact
from tools.package.publication import bundle, check_dockerfile, check_registry_entry
from tools.package.supply import audit, describe, install_pinned
from tools.package.work import LeftOutError, PackageError


def main(arguments: list[str]) -> int:
    """Build and try everything; return 0 if nothing failed."""
    required = "--required" in arguments
    folders = [each for each in arguments if each != "--required"]
    failures = 0
    with tempfile.TemporaryDirectory() as name:
        temporary = Path(name)
        folder = Path(folders[0]).resolve() if folders else temporary / "dist"
        folder.mkdir(exist_ok=True)
        steps = {
            "build": partial(build, folder),
            "wheel": partial(try_artefact, folder, "*.whl", temporary / "wheel"),
            "sdist": partial(try_artefact, folder, "*.tar.gz", temporary / "sdist"),
            "pinned dependencies": partial(install_pinned, folder, temporary / "pinned"),
            "SBOM": partial(describe, folder, temporary / "pinned"),
            "vulnerabilities": audit,
            "server.json": check_registry_entry,
            "MCPB bundle": partial(bundle, folder, temporary / "bundle"),
            "Dockerfile": check_dockerfile,
        }
        for step, check in steps.items():
            try:
                print(f"ok        {step}: {check()}", flush=True)
            except LeftOutError as error:
                failures += required
                print(f"LEFT OUT  {step}: {error}", flush=True)
            except (PackageError, OSError, subprocess.TimeoutExpired) as error:
                failures += 1
                print(f"FAILED    {step}: {error}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
