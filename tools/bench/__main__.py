"""Measure the server's overhead: start of the process, lists of tools, calls, writes, memory.

    python -m tools.bench [--runs N] [--json | --page]

All figures come from one run on one machine against the demo site. Each is compared with the
smallest low-level server of the same SDK, or with the same request sent directly by the HTTP
client. `--page` writes the table into docs/proof.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tools.bench.calling import calls
from tools.bench.figures import Figure, as_lines, as_markdown
from tools.bench.memory import memory
from tools.bench.site import demo_site
from tools.bench.starting import repeated_list, starts
from tools.bench.tables import tables
from tools.bench.writing import writes

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "proof.md"
BEGIN: Final = "<!-- made by: python3 tools/dev.py bench --page -->\n"
END: Final = "<!-- end of what is made -->\n"


def measured(runs: int, most_calls: int) -> Iterator[Figure]:
    """Measure all figures, in the order of the table."""
    with demo_site() as url:
        yield from starts(url, runs)
        yield repeated_list(url, runs)
        yield from calls(url, runs * 20)
        yield from writes(url)
        yield from memory(url, most_calls)
    yield from tables()


def with_table(page: str, table: str) -> str:
    """Return the page with the table between its two markers."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def main(argv: list[str]) -> None:
    """Measure, and print a table, JSON, or write the table into the page of proof."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="starts of each process")
    parser.add_argument("--calls", type=int, default=10_000, help="calls after which memory counts")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="print JSON")
    shown.add_argument("--page", action="store_true", help="put the table into docs/proof.md")
    options = parser.parse_args(argv)
    figures = list(measured(options.runs, options.calls))
    if options.json:
        print(json.dumps([figure.as_dict() for figure in figures], indent=2))
        return
    for line in as_lines(figures):
        print(line)
    if options.page:
        text = with_table(PAGE.read_text(encoding="utf-8"), as_markdown(figures))
        PAGE.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
