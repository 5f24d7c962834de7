"""What the documentation names exists: tests, files, headings, commands, settings."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from moodle_mcp.cli.main import main
from moodle_mcp.settings import CONFIG_VARIABLE, Settings, variable

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
SECURITY = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")

NAMED_TEST = re.compile(r"\[`(test_\w+)`\]\(\.\./(tests/[\w/]+\.py)\)")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", re.S)
HEADING = re.compile(r"^#+ (.+)$", re.M)
FENCED = re.compile(r"^```.*?^```", re.M | re.S)
COMMAND = re.compile(r"(?:`|\$ )(?:sudo [^|`]*?)?moodle-mcp ([a-z][a-z-]*)(?: ([a-z-]+))?")


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = HEADING.findall(FENCED.sub("", page))
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    broken: list[str] = []
    for link in LINK.findall(text):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = (page.parent / path).resolve() if path else page
        known = target.suffix == ".md" and target.is_file()
        if not target.exists() or (
            anchor and not (known and anchor in anchors(target.read_text(encoding="utf-8")))
        ):
            broken.append(link)
    assert broken == []


def test_every_promise_has_a_test_and_every_test_that_is_named_exists() -> None:
    _, *promises = re.split(r"^- ", SECURITY, flags=re.M)
    assert len(promises) > 30
    assert [each for each in promises if not NAMED_TEST.search(each)] == []
    missing = [
        (test, file)
        for test, file in NAMED_TEST.findall(SECURITY)
        if not re.search(
            rf"^(?:async )?def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.M
        )
    ]
    assert missing == []
    assert SECURITY.count("`test_") == len(NAMED_TEST.findall(SECURITY))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_named_exists(page: Path) -> None:
    unknown: list[str] = []
    for name, below in COMMAND.findall(page.read_text(encoding="utf-8")):
        command = main.get_command(click.Context(main), name)
        if command is None or (isinstance(command, click.Group) and below not in command.commands):
            unknown.append(f"{name} {below}")
    assert unknown == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_variable_that_is_named_is_a_setting(page: Path) -> None:
    known = {variable(name) for name in Settings.model_fields} | {CONFIG_VARIABLE}
    named = re.findall(r"\bMOODLE_[A-Z_]*[A-Z]\b", page.read_text(encoding="utf-8"))
    # Of the tests' own variables, those of a real site are told to contributors.
    tests_own = {name for name in named if name.startswith("MOODLE_LIVE_")}
    assert sorted(set(named) - known - tests_own - {"MOODLE_MCP"}) == []
