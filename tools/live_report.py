"""Run the tests against a real Moodle and write the results to `docs/live-report.md`, for another
release than the catalogue's base to `docs/live-report-RELEASE.md`.

    MOODLE_LIVE_URL=... MOODLE_LIVE_TOKEN=... python -m tools.live_report [pytest arguments ...]

`MOODLE_LIVE_TOKEN_TEACHER` and `MOODLE_LIVE_TOKEN_STUDENT` add the reads of others,
`MOODLE_LIVE_ENROLMENTS` is how many enrolments are made (5000). The token's user must be an
administrator of a site for testing: courses, users and messages are made there and removed again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any, Final

import anyio

from moodle_mcp.catalogue.loading import BASE, numbered
from tests.support.live import REPORT, TOKEN, URL, live_user

ROOT: Final = Path(__file__).parent.parent
DOCUMENT: Final = ROOT / "docs" / "live-report.md"

_SLOWEST: Final = 10


def main(arguments: list[str]) -> int:
    """Run the tests, write the report and return the tests' exit code."""
    missing = [name for name in (URL, TOKEN) if not os.environ.get(name)]
    if missing:
        print(f"set {' and '.join(missing)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.jsonl"
        path.touch()
        start = time.monotonic()
        command = [sys.executable, "-m", "pytest", "tests/live", "-q", "--tb=short", *arguments]
        code = subprocess.run(
            command, cwd=ROOT, env={**os.environ, REPORT: str(path)}, check=False
        ).returncode
        seconds = time.monotonic() - start
        lines = path.read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    release = anyio.run(_release)
    facts = {
        "Date": time.strftime("%Y-%m-%d", time.gmtime()),
        "Moodle": release,
        "Protocol": "REST",
        "Whole run": f"{seconds:.0f} s",
        "Tests": "all passed" if code == 0 else "some failed",
    }
    document = document_for(release)
    document.write_text(report(facts, records), encoding="utf-8")
    print(f"wrote {document.relative_to(ROOT)}")
    return code


def document_for(release: str) -> Path:
    """Return the page for a site's release."""
    number = ".".join(map(str, numbered(release) or ()))
    return DOCUMENT if number in ("", BASE) else DOCUMENT.with_stem(f"{DOCUMENT.stem}-{number}")


async def _release() -> str:
    async with live_user("admin", os.environ[TOKEN]) as live:
        return live.release


def report(facts: dict[str, str], records: list[dict[str, Any]]) -> str:
    """The report in Markdown."""
    reads = [each for each in records if each["part"] == "reads"]
    parts = [
        "# The last run against a real Moodle",
        "Made by `python3 tools/dev.py live`. Every call went the server's own way, as an "
        "agent's would; each answer was checked against its schema, its length and its pages.",
        _table(["", ""], facts.items()),
        "## Reads",
        _table(["user", "functions", "answered at least once", "calls"], _by_user(reads)),
        "Each function is called with several sets of arguments; some are refused on purpose.",
        _table(["kind", "calls", "functions"], _by_kind(reads)),
        "### Never answered to the administrator, and why",
        _table(["function", "kind", "errorcode"], _never_answered(reads)),
        "### Moodle's own defects",
        _table(["function", "errorcode", "what was observed"], _defects(reads)),
        "### Slowest",
        _table(["function", "seconds", "median of all"], _slowest(reads)),
        "## Writes of the profiles",
        _table(["function", "calls", "refused as"], _writes(records)),
        "## One bad item between two good ones",
        "Whether the good item before and the one after the bad item were done.",
        _table(
            ["function", "observed", "catalogue", "errorcode"],
            (
                (each["function"], each["outcome"], each["note"], each["errorcode"])
                for each in records
                if each["part"] == "atomicity"
            ),
        ),
        "## Amounts and files",
        _table(
            ["function", "outcome", "seconds", ""],
            (
                (each["function"], each["outcome"], f"{each['seconds']:.1f}", each["note"])
                for each in records
                if each["part"] in ("amounts", "files")
            ),
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _by_user(reads: list[dict[str, Any]]) -> Iterable[tuple[Any, ...]]:
    for user in dict.fromkeys(each["user"] for each in reads):
        own = [each for each in reads if each["user"] == user]
        reply = {each["function"] for each in own if each["outcome"] == "answered"}
        yield user, len({each["function"] for each in own}), len(reply), len(own)


def _by_kind(reads: list[dict[str, Any]]) -> Iterable[tuple[Any, ...]]:
    for kind, calls in Counter(each["outcome"] for each in reads).most_common():
        functions = {each["function"] for each in reads if each["outcome"] == kind}
        yield kind, calls, len(functions)


def _never_answered(reads: list[dict[str, Any]]) -> Iterable[tuple[Any, ...]]:
    own = [each for each in reads if each["user"] == "admin"]
    reply = {each["function"] for each in own if each["outcome"] == "answered"}
    first: dict[str, dict[str, Any]] = {}
    for each in own:
        if each["function"] not in reply:
            first.setdefault(each["function"], each)
    for name, each in sorted(first.items()):
        # Without the message: it is Moodle's text and can contain a path of its host.
        yield name, each["outcome"], each["errorcode"]


def _defects(reads: list[dict[str, Any]]) -> Iterable[tuple[Any, ...]]:
    found = {(each["function"], each["errorcode"], each["note"]) for each in reads if each["note"]}
    return sorted(found)


def _slowest(reads: list[dict[str, Any]]) -> Iterable[tuple[Any, ...]]:
    if not reads:
        return
    usual = median(each["seconds"] for each in reads)
    worst: dict[str, float] = {}
    for each in reads:
        worst[each["function"]] = max(worst.get(each["function"], 0.0), each["seconds"])
    for name, seconds in sorted(worst.items(), key=lambda item: -item[1])[:_SLOWEST]:
        yield name, f"{seconds:.2f}", f"{usual:.2f}"


def _writes(records: list[dict[str, Any]]) -> Iterable[tuple[Any, ...]]:
    writes = [each for each in records if each["part"] == "writes"]
    for name in sorted({each["function"] for each in writes}):
        own = [each for each in writes if each["function"] == name]
        refused = {
            f"{each['outcome']} {each['errorcode']}".strip()
            for each in own
            if each["outcome"] != "answered"
        }
        yield name, len(own), ", ".join(sorted(refused))


def _table(head: list[str], rows: Iterable[Iterable[Any]]) -> str:
    """Format a table; escape what people's texts and Moodle's messages could break it with."""
    lines = [head, ["---"] * len(head)]
    lines += [
        [str(cell).replace("|", "\\|").replace("\n", " ").replace("<", "&lt;") for cell in row]
        for row in rows
    ]
    if len(lines) == 2:
        return "None."
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
