"""List the errorcodes that Moodle's external functions can raise, and where each is thrown.

    python -m tools.errorcodes PATH > tools/errorcodes/found-4.5.6.tsv

Each line has an errorcode, the class of its exception (or "a warning": warning codes mean the same
and use the same table), a place where it is thrown, and the function that reaches it by the fewest
calls. Errorcodes that are whole sentences are left out.

Add new errorcodes to `moodle_mcp/site/data/errorcodes.tsv` with their kind of error; a test lists
those that are missing. `also.tsv` has errorcodes that this program does not find, and why they are
in the table anyway.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from moodle_mcp.site.moodle_errors import IDENTIFIER
from tools.errorcodes.thrown import Thrown, thrown_in
from tools.moodle_source.calls import Calls
from tools.moodle_source.services import external_functions
from tools.moodle_source.tree import Tree

SCRIPTS: Final = {
    "webservice/rest/server.php": "webservice_rest_server::run",
    "webservice/upload.php": "webservice/upload.php",
    "webservice/pluginfile.php": "webservice/pluginfile.php",
    "login/token.php": "login/token.php",
    "lib/setup.php": "lib/setup.php",
}
"""Scripts other than functions that answer this server's requests, and where each begins."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where an errorcode is thrown, and the function that reaches it with the fewest calls."""

    depth: int
    thrown: Thrown
    function: str


def main(root: Path) -> None:
    """Print the errorcodes of a source tree."""
    tree = Tree(root)
    calls = Calls(tree, root)
    found: dict[str, Found] = {}
    missing: list[str] = []
    for function, method in [*external_functions(root), *SCRIPTS.items()]:
        start = calls.start(method)
        if start is None:
            missing.append(f"{function} ({method})")
            continue
        for depth, routine in calls.reached(start):
            for thrown in thrown_in(tree, routine):
                known = found.get(thrown.errorcode)
                if known is None or depth < known.depth:
                    found[thrown.errorcode] = Found(depth, thrown, function)
    sentences = [errorcode for errorcode in found if not IDENTIFIER.fullmatch(errorcode)]
    for errorcode in sorted(found.keys() - set(sentences)):
        thrown = found[errorcode].thrown
        place = f"{thrown.file}:{thrown.line}"
        print(errorcode, thrown.exception, place, found[errorcode].function, sep="\t")
    print(
        f"{len(found)} errorcodes, {len(sentences)} of them sentences that are left out; "
        f"functions whose code was not found: {', '.join(missing) or 'none'}",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
