"""Mutation testing: change the strict modules in one place at a time and run their tests.

    python -m tools.mutation [NAMES]

A mutant that no test fails on is a survivor. It needs a test, or an entry in `equivalent.toml` that
says why no test can fail on it. Exits with status 1 if there is a survivor without an entry, or an
entry that is no longer needed. With names (`moodle_mcp.policy.*`) only those mutants are run.
mutmut makes the mutants; pyproject.toml says which modules it changes and which tests it runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files

from tools.mutation.judging import Change, change_of, judge, known

ROOT = Path(__file__).resolve().parent.parent.parent
EQUIVALENT = Path(__file__).with_name("equivalent.toml")

_NOTICED = "killed"
_TIMED_OUT = "timeout"
_LEFT_OUT = "not checked"


def main(names: list[str]) -> int:
    """Make the mutants, run the tests on each, and compare the survivors with the entries."""
    os.chdir(ROOT)
    # Results of an earlier run are void once a test has changed.
    shutil.rmtree("mutants", ignore_errors=True)
    # The program, because `python -m mutmut` imports itself twice and warns about it.
    program = str(Path(sys.executable).with_name("mutmut"))
    status = subprocess.run([program, "run", *names], check=False).returncode
    if status:
        return status
    counts, survivors, timed_out = _results()
    entries = known(EQUIVALENT.read_text(encoding="utf-8"))
    wrong = judge(survivors, timed_out, entries, whole=not names)
    totals = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
    print("\n\n".join([f"{counts.total()} mutants: {totals}; {len(entries)} equivalent", *wrong]))
    return 1 if wrong else 0


def _results() -> tuple[Counter[str], list[Change], list[Change]]:
    """Return the number of mutants by result, the changes that survived and those timed out."""
    counts: Counter[str] = Counter()
    survivors: list[Change] = []
    timed_out: list[Change] = []
    for path in walk_mutatable_files():
        mutants = SourceFileMutationData(path=path)
        mutants.load()
        for name, code in mutants.exit_code_by_key.items():
            status = status_by_exit_code[code]
            if status == _LEFT_OUT:
                continue
            counts[status] += 1
            if status != _NOTICED:
                change = change_of(get_diff_for_mutant(name, path=path))
                (timed_out if status == _TIMED_OUT else survivors).append(change)
    return counts, survivors, timed_out


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
