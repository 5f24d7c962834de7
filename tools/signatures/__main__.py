"""Read the web-service functions of a Moodle source tree, without running it.

    python -m tools.signatures SOURCE                  what can't be read, and why
    python -m tools.signatures SOURCE --compare EXPORT which functions differ from an export
    python -m tools.signatures SOURCE --write FILE     write what was read as an export

`SOURCE` is the folder with Moodle's `version.php` (`public` in 5.1 and newer), `EXPORT` a file that
`moodle-mcp admin-script catalogue` made on a site of the same release.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.signatures.trees import Reader
from tools.signatures.values import UnreadableError


def main(argv: list[str]) -> int:
    """Run the command; returns 1 if anything differs or can't be read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("--compare", type=Path)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--only", default="")
    options = parser.parse_args(argv)
    exported: dict[str, Any] = {}
    if options.compare:
        exported = json.loads(options.compare.read_text(encoding="utf-8"))["functions"]
    reader = Reader(options.source)
    functions: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, found in reader.every():
        if options.only and name != options.only:
            continue
        if isinstance(found, UnreadableError):
            wrong[name] = f"unreadable: {found}"
            continue
        functions[name] = found
        if exported and name not in exported:
            wrong[name] = "not in the export"
        elif exported and (differs := list(differences(found, exported[name]))):
            wrong[name] = "; ".join(differs[:3])
    wrong |= {name: "not in the source" for name in exported if name not in reader.functions}
    for name, why in sorted(wrong.items()):
        print(f"{name}\t{why}")
    print(f"{len(reader.functions)} declared, {len(functions)} read, {len(wrong)} differ")
    if options.write:
        document = {"release": release_of(options.source), "functions": functions}
        options.write.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 1 if wrong else 0


def release_of(source: Path) -> str:
    """Return the release that a source tree says it has."""
    found = re.search(r"\$release\s*=\s*'([^']+)'", (source / "version.php").read_text("utf-8"))
    return found[1] if found else ""


def differences(read: dict[str, Any], exported: dict[str, Any]) -> Iterator[str]:
    """Yield in words what differs between two functions."""
    for part in ("params", "returns"):
        yield from _differences(read[part], exported[part], part)


def _differences(read: Any, exported: Any, path: str) -> Iterator[str]:
    if read is None or exported is None or read["kind"] != exported["kind"]:
        if read != exported:
            yield f"{path}: {_kind(read)} for {_kind(exported)}"
        return
    for key in ("type", "presence", "allownull", "default"):
        if read.get(key) != exported.get(key):
            yield f"{path}: {key} {read.get(key)!r} for {exported.get(key)!r}"
    if read["kind"] == "list":
        yield from _differences(read["item"], exported["item"], f"{path}[]")
    elif read["kind"] == "object":
        # PHP has one empty array, so an export has an object without keys as a list.
        keys, others = read["keys"], dict(exported["keys"] or {})
        if set(keys) != set(others):
            yield f"{path}: keys {sorted(set(keys) ^ set(others))}"
        for key in keys.keys() & others.keys():
            yield from _differences(keys[key], others[key], f"{path}.{key}")


def _kind(tree: Any) -> str:
    return "nothing" if tree is None else tree["kind"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
