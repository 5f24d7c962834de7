r"""Makes the list of the wrong or needless writes that a Moodle answers with success.

    MOODLE_LIVE_URL=... MOODLE_LIVE_TOKEN=... MOODLE_LIVE_DB=postgresql://... \
        python -m tools.probes [--all] [PART ...] > moodle_mcp/catalogue/data/silent.tsv

Each write of the profiles is called with ids that do not exist, people who are no participants,
values out of range, options that are switched off, and a second time. Around each call the rows of
the site's database are compared. A call that Moodle answers with success, where nothing happened or
something else than was asked, is a line: the function, the probe, the answer, and what happened.
So is one that Moodle answers with a failure though something happened.

The token's user must be an administrator of a site for testing that nobody else uses meanwhile. A
course, users and settings of that course are made and removed again. A part is a function of the
modules beside this one, such as `grading`. With `--all` the calls that were refused are listed too.
With `--product` the calls of the table are made through the server instead, and what its answers
say is listed. It takes some minutes.

On another release, `--differences` prints only the calls that end otherwise there than
`silent.tsv` says. `silent-4.1.tsv` has those of 4.1 whose success or failure differs.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from importlib import resources
from typing import Any, Final, cast

import anyio

from tests.support.live import TOKEN, URL
from tools.probes import activities, assignments, courses, people, records
from tools.probes.database import UNKNOWN, Database, happened
from tools.probes.place import Place, Refused, SetupError, a_place
from tools.probes.probe import AGAIN, Probe
from tools.probes.product import said_by_product

DATABASE: Final = "MOODLE_LIVE_DB"
SEEN: Final = "observed on 4.5.6"
SILENT: Final = resources.files("moodle_mcp.catalogue") / "data" / "silent.tsv"

_SETS: Final = (
    *people.SETS,
    *courses.SETS,
    *records.SETS,
    *assignments.SETS,
    *activities.SETS,
)

_HEADER: Final = (
    "# Writes of the profiles that Moodle answers with success though nothing happened, or "
    "something else than was asked, or with a failure though something happened: function, "
    "probe, the answer, what became different in the database, where it was seen. "
    "`python -m tools.probes` makes it anew."
)


def told(answer: Any) -> str:
    """How an answer tells that not all was done; empty where it says success."""
    if isinstance(answer, Refused):
        return answer.errorcode
    if isinstance(answer, int) and not isinstance(answer, bool) and answer:
        return f"code {answer}"
    for each in cast("list[Any]", answer if isinstance(answer, list) else [answer]):
        if isinstance(each, dict):
            keys = cast("Mapping[str, Any]", each)
            # Moodle's lists of warnings are lists of objects; some functions answer nothing else.
            if keys.get("warnings") or "warningcode" in keys or keys.get("errormessage"):
                return "a warning"
            if keys.get("status") is False:
                return "status false"
    return ""


def steady(text: str) -> str:
    """A text without what is another one each time: own names, times, and ids but the unknown."""
    text = re.sub(r"live[0-9a-f]{8}", "name", text)
    text = re.sub(r"\b1[789]\d{8}\b|\b[2-9]\d{9}\b", "<time>", text)
    text = re.sub(r"\[\d+", "[<id>", text)
    text = re.sub(rf"(\w*id)=(?!{UNKNOWN}\b)\d+", r"\1=<id>", text)
    return re.sub(rf'(\w*id)": "?(?!{UNKNOWN}\b)\d+"?', r'\1": <id>', text)


def is_silent(kind: str, refused: bool, done: bool) -> bool:
    """Whether an answer misleads: success for what should not go well, or a failure that wrote.

    What is done twice, as asked, is no surprise.
    """
    return done == refused if kind == AGAIN else done or not refused


async def run(place: Place, probe: Probe) -> tuple[str, str, str]:
    """The answer, how it tells of a failure, and what happened."""
    if probe.sql:
        place.database.run(probe.sql)
    if probe.kind == AGAIN:
        await place.ask(probe.who, probe.function, probe.arguments)
    before = place.database.rows()
    answer = await place.ask(probe.who, probe.function, probe.arguments)
    done = happened(before, place.database.rows())
    said = answer.errorcode if isinstance(answer, Refused) else json.dumps(answer)
    return said, told(answer), done


def seen_on(release: str) -> str:
    """Say where a line was observed: `observed on 4.1` for "4.1+ (Build: 20221201)"."""
    number = re.match(r"[0-9]+(\.[0-9]+)*", release)
    return f"observed on {number[0] if number else release}"


def differs(line: list[str], silent: bool, known: Mapping[tuple[str, str], list[str]]) -> bool:
    """Whether a call ended otherwise than the list says: its answer, or what happened."""
    before = known.get((line[0], line[1]))
    return silent if before is None else before[2:4] != line[2:4]


def listed() -> dict[tuple[str, str], list[str]]:
    """Return the lines of the list by function and probe."""
    lines = SILENT.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return {(row[0], row[1]): row for row in rows}


async def probes(place: Place, wanted: set[str]) -> AsyncIterator[Probe]:
    """Yield the probes of the wanted parts, as far as the site's release has what they need."""
    for each in _SETS:
        if wanted and each.__name__ not in wanted:
            continue
        try:
            found = await each(place)
        except SetupError as error:
            print(f"left out on {place.release}: {each.__name__}: {error}", file=sys.stderr)
            continue
        for probe in found:
            yield probe


async def lines(place: Place, wanted: set[str]) -> AsyncIterator[tuple[list[str], bool]]:
    """Yield each call as a line, and whether its answer misleads."""
    async for probe in probes(place, wanted):
        said, refused, done = await run(place, probe)
        silent = is_silent(probe.kind, bool(refused), bool(done))
        said = steady(said)
        shown = said if len(said) <= 80 else said[:77] + "..."
        happening = steady(done) or "nothing"
        yield [probe.function, probe.name, shown, happening, seen_on(place.release)], silent


async def main(arguments: list[str]) -> None:
    """Print the list."""
    wanted = {argument for argument in arguments if not argument.startswith("-")}
    known = listed()
    database = Database(os.environ[DATABASE])
    print(_HEADER)
    async with a_place(os.environ[URL], os.environ[TOKEN], database) as place:
        if "--product" in arguments:
            async for probe in probes(place, wanted):
                said = await said_by_product(place, os.environ[URL], probe)
                if (probe.function, probe.name) in known:
                    print(probe.function, probe.name, steady(said), sep="\t", flush=True)
            return
        async for line, silent in lines(place, wanted):
            if "--differences" in arguments:
                if differs(line, silent, known):
                    print(*line, sep="\t", flush=True)
            elif silent or "--all" in arguments:
                print(*line[:4], line[4] if silent else "told", sep="\t", flush=True)


if __name__ == "__main__":
    missing = [name for name in (URL, TOKEN, DATABASE) if not os.environ.get(name)]
    if missing:
        sys.exit(f"set {', '.join(missing)}")
    anyio.run(main, sys.argv[1:])
