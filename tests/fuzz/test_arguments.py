"""Arguments for the schemas of all functions of all releases."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from moodle_mcp.catalogue.model import Function
from tests.support.fuzz.arguments import FUNCTIONS, arguments, check_arguments

BRIEF = settings(
    max_examples=4,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ],
)
COMPONENTS = sorted({function.component for function in FUNCTIONS})


@pytest.mark.parametrize("component", COMPONENTS)
def test_arguments_are_refused_with_a_report_or_sent_whole_within_the_limits(
    component: str,
) -> None:
    functions = [each for each in FUNCTIONS if each.component == component]
    sent = [one_is_sent(function) for function in functions]
    # The test is worthless if all arguments are refused.
    assert sum(sent) >= len(functions) // 2


def one_is_sent(function: Function) -> bool:
    """Check random arguments of a function; return whether any were sent."""
    sent: list[bool] = []

    @BRIEF
    @given(arguments(function))
    def checked(drawn: dict[str, object]) -> None:
        sent.append(check_arguments(function, drawn))

    checked()
    return any(sent)
