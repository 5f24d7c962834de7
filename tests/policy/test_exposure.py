"""Which of the allowed functions get a tool of their own."""

from __future__ import annotations

import pytest

from moodle_mcp.catalogue.loading import load
from moodle_mcp.policy.allowlist import everyday_writes, profile
from moodle_mcp.policy.exposure import MOST_DIRECT, MOST_WRITES, Mode, has_facade, shown_directly

CATALOGUE = load()
FUNCTIONS = [CATALOGUE.get(name) for name in CATALOGUE]


@pytest.mark.parametrize("count", [0, MOST_DIRECT, MOST_DIRECT + 1])
def test_direct_shows_each_function_and_no_facade(count: int) -> None:
    assert shown_directly(Mode.DIRECT, FUNCTIONS[:count]) == FUNCTIONS[:count]
    assert not has_facade(Mode.DIRECT, count)


@pytest.mark.parametrize("count", [0, MOST_DIRECT, MOST_DIRECT + 1])
def test_facade_shows_no_function_by_itself(count: int) -> None:
    assert shown_directly(Mode.FACADE, FUNCTIONS[:count]) == []
    assert has_facade(Mode.FACADE, count)


def test_auto_shows_up_to_sixty_functions_each_by_itself() -> None:
    assert shown_directly(Mode.AUTO, FUNCTIONS[:60]) == FUNCTIONS[:60]
    assert not has_facade(Mode.AUTO, 60)


def test_auto_shows_of_more_the_everyday_ones_beside_the_facade() -> None:
    everyday = profile("default") | set(everyday_writes()[:MOST_WRITES])
    shown = shown_directly(Mode.AUTO, FUNCTIONS)
    assert {function.name for function in shown} == everyday & {each.name for each in FUNCTIONS}
    assert len(shown) > 30
    assert has_facade(Mode.AUTO, 61)


@pytest.mark.parametrize("tools", ["teacher", "manager", "teacher,manager", "admin,student", "all"])
def test_auto_keeps_ten_writes_of_any_combination_direct(tools: str) -> None:
    names = {name for part in tools.split(",") for name in CATALOGUE if part == "all"}
    names |= {name for part in tools.split(",") if part != "all" for name in profile(part)}
    allowed = [function for function in FUNCTIONS if function.name in names]
    writes = [each for each in shown_directly(Mode.AUTO, allowed) if not each.reads_only]
    assert len(writes) >= MOST_WRITES or len(allowed) <= MOST_DIRECT


def test_every_everyday_write_is_a_write_with_our_description() -> None:
    functions = [CATALOGUE.get(name) for name in everyday_writes()]
    assert all(each.text.is_ours and not each.reads_only for each in functions)
    assert len(set(everyday_writes())) == len(functions)
