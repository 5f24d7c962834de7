"""Judging the survivors of mutation testing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.mutation.judging import Change, change_of, judge, known

ROOT = Path(__file__).resolve().parents[2]
DIFF = """\
--- moodle_mcp/policy/policy.py
+++ moodle_mcp/policy/policy.py
@@ -5,7 +5,7 @@
     entry = self.allowlist.included.match(function.name)
     if entry is None:
-        return Decision(False, "not in MOODLE_MCP_TOOLS")
+        return Decision(None, "not in MOODLE_MCP_TOOLS")
     classification = function.classification"""
CHANGE = Change(
    "moodle_mcp/policy/policy.py",
    'return Decision(False, "not in MOODLE_MCP_TOOLS")',
    'return Decision(None, "not in MOODLE_MCP_TOOLS")',
)
OTHER = Change("moodle_mcp/policy/policy.py", "a + b", "a - b")


def test_a_change_is_known_by_its_lines_and_not_by_where_they_stand() -> None:
    assert (
        change_of(DIFF) == change_of(DIFF.replace("@@ -5,7 +5,7 @@", "@@ -9,7 +9,7 @@")) == CHANGE
    )


def test_a_survivor_without_an_entry_and_an_entry_without_a_survivor_are_wrong() -> None:
    assert judge([CHANGE], [], [CHANGE], whole=True) == []
    assert [text.split(":")[0] for text in judge([CHANGE], [], [OTHER], whole=True)] == [
        "No test notices",
        "No longer needed",
    ]


def test_of_a_part_of_the_mutants_no_entry_is_called_unneeded() -> None:
    assert judge([], [], [OTHER], whole=False) == []
    assert len(judge([CHANGE], [], [OTHER], whole=False)) == 1


def test_a_change_that_ran_out_of_time_is_no_survivor_and_its_entry_stays() -> None:
    assert judge([], [CHANGE], [], whole=True) == []
    assert judge([], [CHANGE], [CHANGE], whole=True) == []


def test_an_entry_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="no reason"):
        known('[[equivalent]]\nfile = "f"\nwas = "a"\nbecomes = ["b"]\nwhy = ""\n')


def test_what_is_called_equivalent_stands_in_the_file_that_it_names() -> None:
    entries = known((ROOT / "tools/mutation/equivalent.toml").read_text(encoding="utf-8"))
    for change in entries:
        text = (ROOT / change.file).read_text(encoding="utf-8")
        assert change.was in " ".join(line.strip() for line in text.splitlines()), change
