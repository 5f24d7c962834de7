"""Print how well the search answers the labelled requests: `python -m tools.search`.

Each file of `requests/` has one request a line with the functions that are right answers; a name
after `!` is an entry of what no function can do. `--misses FILE` shows what came instead.
"""

from __future__ import annotations

import argparse
import time
from statistics import fmean, median

from moodle_mcp.catalogue.search import Index
from tools.search.labelled import Request, allowed_functions, rank, requests

_DEPTH = 10


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.search", description=__doc__)
    parser.add_argument("--misses", metavar="SET", default="", help="show a set's wrong answers")
    misses: str = parser.parse_args().misses
    functions = allowed_functions()
    started = time.thread_time()
    index = Index(functions)
    built = 1000 * (time.thread_time() - started)
    print(f"{len(functions)} functions, index built in {built:.0f} ms\n")
    print(f"{'set':22} requests    MRR   first  first 3   ms a search (median, most)")
    for name, asked in requests().items():
        print(f"{name:22} {len(asked):8} {_figures(index, asked)}")
    for request in requests().get(misses, ()):
        _show_miss(index, request)


def _figures(index: Index, asked: list[Request]) -> str:
    ranks: list[int | None] = []
    times: list[float] = []
    for request in asked:
        started = time.thread_time()
        ranks.append(rank(index, request, _DEPTH))
        times.append(1000 * (time.thread_time() - started))
    reciprocal = fmean(1 / each if each else 0.0 for each in ranks)
    first = fmean(each == 1 for each in ranks)
    three = fmean(each is not None and each <= 3 for each in ranks)
    return f"{reciprocal:6.3f} {first:7.0%} {three:8.0%} {median(times):9.1f} {max(times):6.1f}"


def _show_miss(index: Index, request: Request) -> None:
    at = rank(index, request, _DEPTH)
    if at == 1:
        return
    print(f"\n{request.text}  (rank {at}; right: {' '.join(request.answers)})")
    for found in index.search(request.text, 3).found:
        print(f"   {found.score:6.2f} {found.target.name}")


if __name__ == "__main__":
    main()
