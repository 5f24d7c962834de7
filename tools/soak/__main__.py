"""Many mixed calls at a time through a network with faults, against the demo site.

    python -m tools.soak [--calls 10000] [--faults 0.02] [--at-once 32] [--seed 1]
    python -m tools.soak --hostile

Prints a table. Ends with status 1 if an answer was wrong, a write's report is not what the site has
done, something was written twice, a task or connection is left over, or memory grew.

With --hostile it sends what is made to stall the server or to fill its memory, while another client
pings, and ends with status 1 if a ping, the memory or the ending is beyond its goal.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from tools.soak.hostile import hostile
from tools.soak.run import Options, soak


def main(argv: list[str]) -> int:
    """Run it; the exit status."""
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
