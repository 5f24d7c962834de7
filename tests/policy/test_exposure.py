"""Which of the allowed functions get a tool of their own."""

from __future__ import annotations

import pytest

from moodle_mcp.catalogue.loading import load
from moodle_mcp.policy.allowlist import profile
from moodle_mcp.policy.exposure import MOST_DIRECT, Mode, has_facade, shown_directly

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
    everyday = [function for function in FUNCTIONS if function.name in profile("default")]
    assert len(everyday) > 30
    assert shown_directly(Mode.AUTO, FUNCTIONS) == everyday
    assert has_facade(Mode.AUTO, 61)
