"""Send many concurrent mixed calls through a faulty network to the demo site.

    python -m tools.soak [--calls 10000] [--faults 0.02] [--at-once 32] [--seed 1]
    python -m tools.soak --hostile

Prints a table. Exits with status 1 if an answer was wrong, a write's report differs from what the
site did, something was written twice, a task or connection is left over, or memory grew.

With --hostile it sends requests that try to stall the server or fill its memory, while another
client pings. Exits with status 1 if a ping, the memory or the time to stop exceeds its goal.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from tools.soak.hostile import hostile
from tools.soak.run import Options, soak


def main(argv: list[str]) -> int:
    """Run it; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--faults", type=float, default=0.02, help="of the requests to the site")
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hostile", action="store_true")
    chosen = parser.parse_args(argv)
    if chosen.hostile:
        seen = asyncio.run(hostile())
        for line in seen.lines():
            print(line)
        return 1 if seen.missed else 0
    options = Options(chosen.calls, chosen.faults, chosen.at_once, chosen.seed)
    report = asyncio.run(soak(options))
    for line in report.lines():
        print(line)
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
