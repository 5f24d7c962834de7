"""Generates the pages of docs/ that are made from the code.

python -m tools.docs          write the stale pages
python -m tools.docs --check  name the stale pages; status 1 if there are any
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools.docs.pages import PAGES, stale

DOCS = Path(__file__).resolve().parents[2] / "docs"


def main(arguments: list[str], folder: Path = DOCS) -> int:
    """Write or check the pages of a folder."""
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    found = stale(folder)
    for name, text in found.items():
        if arguments:
            print(f"docs/{name} is stale: run python3 tools/dev.py docs")
        else:
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
            print(f"written: docs/{name}")
    if not found:
        print(f"{len(PAGES)} pages are up to date")
    return 1 if found and arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
