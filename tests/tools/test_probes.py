"""What the probes make of answers and tables, and what they have told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from moodle_mcp.catalogue.loading import catalogue_for
from moodle_mcp.policy.allowlist import PROFILES, profile
from tools.probes.__main__ import SEEN, differs, is_silent, seen_on, steady, told
from tools.probes.database import UNKNOWN, happened
from tools.probes.place import Refused
from tools.probes.probe import AGAIN, KINDS, NO_SUCH_ID

ROOT = Path(__file__).parents[2]
SILENT = ROOT / "moodle_mcp" / "catalogue" / "data" / "silent.tsv"


def silent() -> list[list[str]]:
    lines = SILENT.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


def writes() -> set[str]:
    known = catalogue_for("4.5.6")
    names = {name for each in PROFILES for name in profile(each)}
    return {name for name in names if name in known and not known.get(name).reads_only}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Refused("invaliduser"), "invaliduser"),
        ({"warnings": [{"warningcode": "x"}]}, "a warning"),
        ([{"item": "x", "warningcode": "x"}], "a warning"),
        ([{"noteid": -1, "errormessage": "x"}], "a warning"),
        ({"status": False}, "status false"),
        ([{"status": False}], "status false"),
        (4, "code 4"),
        ({"warnings": []}, ""),
        ([], ""),
        (None, ""),
        (0, ""),
        (True, ""),
    ],
)
def test_how_an_answer_tells_of_a_failure(answer: Any, error: str) -> None:
    assert told(answer) == error


def test_what_happened() -> None:
    before = {
        ("assign", 1): {"id": 1, "grade": 100, "timemodified": 1},
        ("event", 1): {"id": 1, "name": "x"},
        ("user", 1): {"id": 1, "lastaccess": 1},
    }
    after = {
        ("assign", 1): {"id": 1, "grade": 50, "timemodified": 2},
        ("user", 1): {"id": 1, "lastaccess": 2},
        ("assign_grades", 1): {"id": 1, "userid": UNKNOWN, "grade": -1.0, "timecreated": 3},
        ("grade_grades", 1): {"id": 1, "userid": UNKNOWN, "finalgrade": None},
        ("note", 1): {"id": 1},
        ("note", 2): {"id": 2},
    }
    assert happened(before, after) == snapshot(
        "assign changed (grade=50); assign_grades new (grade=-1.0, userid=99999999); event deleted; 2 x note new"
    )
    assert happened(after, after) == ""


@pytest.mark.parametrize(
    ("kind", "refused", "done", "silent"),
    [
        (NO_SUCH_ID, False, False, True),
        (NO_SUCH_ID, False, True, True),
        (NO_SUCH_ID, True, True, True),
        (NO_SUCH_ID, True, False, False),
        (AGAIN, False, False, True),
        (AGAIN, False, True, False),
        (AGAIN, True, True, True),
        (AGAIN, True, False, False),
    ],
)
def test_which_answers_mislead(kind: str, refused: bool, done: bool, silent: bool) -> None:
    assert is_silent(kind, refused, done) is silent


@pytest.mark.parametrize(
    ("answer", "silent", "known", "expected"),
    [
        ("null", True, True, False),
        ("null", False, True, False),
        ("invaliduser", False, True, True),
        ("null", True, False, True),
        ("invaliduser", False, False, False),
    ],
)
def test_what_ends_otherwise_on_another_release(
    answer: str, silent: bool, known: bool, expected: bool
) -> None:
    before = {("f", "probe"): ["f", "probe", "null", "nothing", SEEN]} if known else {}
    line = ["f", "probe", answer, "nothing", seen_on("4.1+ (Build: 20221201)")]
    assert line[-1] == "observed on 4.1"
    assert differs(line, silent, before) is expected


def test_what_differs_each_time_is_left_out() -> None:
    text = '{"id": 67, "userid": "99999999", "at": 1795854953, "name": "live0123abcd-x", "cut": "I'
    assert steady(text) == snapshot(
        '{"id": <id>, "userid": "99999999", "at": <time>, "name": "name-x", "cut": "I'
    )


def test_each_line_is_a_write_of_the_profiles_and_a_kind_of_probe() -> None:
    lines = silent()
    assert {len(line) for line in lines} == {5}
    assert {line[0] for line in lines} <= writes()
    assert {line[1].partition(": ")[0] for line in lines} == set(KINDS)
    assert {line[4] for line in lines} == {SEEN}
    assert len({(line[0], line[1]) for line in lines}) == len(lines)


def test_no_write_of_the_profiles_is_without_a_probe() -> None:
    sources = (ROOT / "tools" / "probes").glob("*.py")
    probed = {
        name
        for source in sources
        for name in re.findall(r'"([a-z]+_[a-z0-9_]+)"', source.read_text(encoding="utf-8"))
    }
    assert writes() - probed == set()
