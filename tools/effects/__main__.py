"""List the side effects of Moodle's functions: where each happens and which calls lead there.

    python -m tools.effects PATH > tools/effects/found-4.5.6.tsv
    python -m tools.effects PATH core_course_get_contents

Without a function, each line has a kind from `sinks.toml`, the routine where the effect happens,
its file and line, the shortest chain of calls to it, and the functions that reach it. Reads are
followed to all kinds, other functions only to `fetch`. The last line has the reads without an
effect. With functions, each line has a function, a kind, a place and the chain.

`verdicts.tsv` has our verdict on each place; a test checks that none is missing. `cuts.tsv` has the
routines that are not followed, and what they may write. The program takes about a minute.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from moodle_mcp.catalogue.classification import Access, Classifications
from tools.effects.search import Effect, Search
from tools.effects.tables import cuts
from tools.moodle_source.calls import Calls
from tools.moodle_source.services import external_functions
from tools.moodle_source.tree import Tree


class Program:
    """Return the search in one source tree."""

    def __init__(self, root: Path) -> None:
        tree = Tree(root)
        self.calls = Calls(tree, root)
        self.search = Search(tree, self.calls, cuts())
        self.methods = dict(external_functions(root))

    def effects(self, function: str) -> Iterator[Effect]:
        """An effect that a function leads to."""
        start = self.calls.start(self.methods[function])
        return iter(()) if start is None else self.search.effects(start)

    def every(self) -> Iterator[tuple[str, Effect | None]]:
        """Yield each function with each of its effects, or with None if a read has none."""
        table = Classifications()
        for function in sorted(self.methods.keys() & set(table)):
            reads = table[function].access is Access.READ
            found = [each for each in self.effects(function) if reads or each.kind == "fetch"]
            yield from ((function, each) for each in found)
            if reads and not found:
                yield function, None


def main(root: Path, functions: list[str]) -> None:
    """Print the effects."""
    program = Program(root)
    if functions:
        for function in functions:
            for effect in program.effects(function):
                print(function, effect.kind, effect.place, " > ".join(effect.chain), sep="\t")
        return
    places: dict[tuple[str, str], tuple[Effect, list[str]]] = {}
    nothing: list[str] = []
    for function, effect in program.every():
        if effect is None:
            nothing.append(function)
            continue
        known, users = places.get(effect.key, (effect, []))
        shorter = min(known, effect, key=lambda each: len(each.chain))
        places[effect.key] = shorter, [*users, function]
    for (kind, routine), (effect, users) in sorted(places.items()):
        print(kind, routine, effect.place, " > ".join(effect.chain), ",".join(users), sep="\t")
    print("none", "", "", "", ",".join(nothing), sep="\t")
    for way, number in program.calls.numbers.most_common():
        print(f"{number} {way}", file=sys.stderr)
    for cut in sorted(set(cuts()) - program.search.cuts.used):
        print(f"cuts.tsv: {cut} is not needed", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
