"""The generated pages are up to date."""

from __future__ import annotations

from pathlib import Path

import pytest
from inline_snapshot import snapshot

from moodle_mcp.errors import Kind
from moodle_mcp.policy.allowlist import PROFILES, profile
from moodle_mcp.settings import Settings, variable
from tools.docs import errors, functions, settings
from tools.docs.__main__ import DOCS, main
from tools.docs.markdown import table
from tools.docs.pages import PAGES, stale
from tools.docs.sizes import QUESTIONS, sizes


def rows(page: str) -> dict[str, str]:
    """The lines of all tables by their first cell."""
    lines = [line for line in page.splitlines() if line.startswith("| `")]
    return {line.split("`")[1]: line for line in lines}


def test_no_page_is_stale() -> None:
    """`python3 tools/dev.py docs` rewrites them."""
    assert [*stale(DOCS)] == []


def test_a_stale_page_is_named_and_written_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([], tmp_path) == 0
    assert {path.name for path in tmp_path.iterdir()} == PAGES.keys()
    assert main(["--check"], tmp_path) == 0
    page = tmp_path / "errors.md"
    right = page.read_text(encoding="utf-8")
    page.write_text(right.replace("internal", "ours"), encoding="utf-8")
    capsys.readouterr()
    assert main(["--check"], tmp_path) == 1
    assert capsys.readouterr().out == snapshot(
        "docs/errors.md is stale: run python3 tools/dev.py docs\n"
    )
    assert "ours" in page.read_text(encoding="utf-8")
    assert main([], tmp_path) == 0
    assert page.read_text(encoding="utf-8") == right


def test_every_kind_of_error_every_setting_and_every_function_of_a_profile_has_a_row() -> None:
    assert rows(errors.page()).keys() == {kind.code for kind in Kind}
    assert rows(settings.page()).keys() == {variable(name) for name in Settings.model_fields}
    assert rows(functions.page()).keys() == {each for name in PROFILES for each in profile(name)}


def test_a_setting_s_row_has_its_default_and_what_it_may_be() -> None:
    found = rows(settings.page())
    wanted = ("MOODLE_TOKEN", "MOODLE_MCP_ACCESS", "MOODLE_MCP_TIMEOUT", "MOODLE_MCP_LOG_LEVEL")
    assert [found[name] for name in wanted] == snapshot(
        [
            "| `MOODLE_TOKEN` |  | 32 letters and digits | The web-service token of the user to act for. |",
            "| `MOODLE_MCP_ACCESS` | `read` | `read`, `write`, `destructive` | The most that exposed functions may do to the site's data. |",
            "| `MOODLE_MCP_TIMEOUT` | `60` | above 0 to 3,600 | Maximum seconds of one request with its retries. |",
            "| `MOODLE_MCP_LOG_LEVEL` | `warning` | `debug`, `info`, `warning`, `error` | The lowest level that is logged to stderr. |",
        ]
    )


def test_a_cell_can_t_end_its_row() -> None:
    assert table(("a", "b"), [("x|y", "1\n2")], numbers=1) == snapshot("""\
| a | b |
| --- | --: |
| x\\|y | 1 2 |
""")


def test_every_question_asks_a_function_of_a_profile_and_costs_less_here() -> None:
    found = sizes()
    known = {each for name in PROFILES for each in profile(name)}
    assert len({each.function for each in found}) == len(QUESTIONS) == 10
    assert [each.function for each in found if each.function not in known] == []
    assert [each.question for each in found if each.shown >= each.raw] == []
