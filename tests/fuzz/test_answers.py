"""Any answer to any function gives an envelope that keeps the contracts, never an internal error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moodle_mcp.catalogue.loading import load
from tests.support.fuzz.answers import CALLS, Answering, answering, answers


@pytest.fixture(scope="module")
def server() -> Iterator[Answering]:
    with answering() as made:
        yield made


def test_nearly_all_functions_can_be_called_here() -> None:
    assert len(CALLS) > 0.9 * len(load())


@settings(
    max_examples=400,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ],
)
@given(st.sampled_from(sorted(CALLS)), st.data())
def test_whatever_the_site_answers_the_envelope_keeps_its_contracts(
    server: Answering, name: str, data: st.DataObject
) -> None:
    function, arguments = CALLS[name]
    server.check_answer(function, arguments, data.draw(answers(function)))
