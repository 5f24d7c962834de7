"""Run the properties of tests/fuzz for a given time: arguments, answers and messages in turn.

    python -m tools.fuzz [--minutes 10] [--seed N]

Each round draws new examples. Exits with status 1 at the first violation, and prints the example
that hypothesis has shrunk and the seed that reproduces it.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from typing import Final

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from moodle_mcp.catalogue.model import Function
from tests.support.fuzz.answers import CALLS, Answering, answering, answers
from tests.support.fuzz.arguments import FUNCTIONS, arguments, check_arguments
from tests.support.fuzz.lines import LINES, NOWHERE, Prober
from tests.support.stdio import ERAS, MODERN, serving_stdio

ROUND: Final = settings(
    max_examples=300,
    deadline=None,
    database=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ],
)


def rounds(
    server: Answering, probers: list[Prober], first: int
) -> Iterator[tuple[int, str, Callable[..., None]]]:
    """Yield the properties by name, endlessly; the round's number decides which one is next."""

    @ROUND
    @given(st.sampled_from(FUNCTIONS), st.data())
    def any_arguments(function: Function, data: st.DataObject) -> None:
        check_arguments(function, data.draw(arguments(function)))

    @ROUND
    @given(st.sampled_from(sorted(CALLS)), st.data())
    def any_answer(name: str, data: st.DataObject) -> None:
        function, least = CALLS[name]
        server.check_answer(function, least, data.draw(answers(function)))

    @ROUND
    @given(st.sampled_from(probers), LINES)
    def any_line(prober: Prober, line: bytes) -> None:
        prober.check_line(line)

    checks = (("arguments", any_arguments), ("answers", any_answer), ("lines", any_line))
    for number in count(first):
        yield number, *checks[number % len(checks)]


def fuzz(seconds: float, first_seed: int) -> int:
    """Run rounds until the time is over or a property fails; return the exit status."""
    end = time.monotonic() + seconds
    done: Counter[str] = Counter()
    with (
        answering() as server,
        serving_stdio(NOWHERE, ERAS[-2]) as legacy,
        serving_stdio(NOWHERE, MODERN) as modern,
    ):
        probers = [Prober(legacy), Prober(modern)]
        for number, name, check in rounds(server, probers, first_seed):
            try:
                seed(number)(check)()
            except Exception:  # noqa: BLE001 - whatever it is, it is what was looked for
                traceback.print_exc()
                print(f"{name} with seed {number}: python -m tools.fuzz --seed {number}")
                return 1
            done[name] += ROUND.max_examples
            if time.monotonic() > end:
                break
        ends = [wire.close() for wire in (legacy, modern)]
    for name, examples in sorted(done.items()):
        print(f"{name:12} {examples:8} examples")
    well = all(status == 0 and "Traceback" not in log for status, log in ends)
    print("both processes ended well" if well else f"a process ended with {ends}")
    return 0 if well else 1


def main(argv: list[str]) -> int:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, help="of the first round; any, unless given")
    chosen = parser.parse_args(argv)
    # Not for anything secret.
    first = random.randrange(3, 10**9) if chosen.seed is None else chosen.seed  # noqa: S311
    return fuzz(chosen.minutes * 60, first)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
