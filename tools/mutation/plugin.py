"""How pytest runs the tests of a mutant: only whether one of them fails matters."""

from __future__ import annotations

import hypothesis
import pytest


def pytest_configure() -> None:
    """The same examples for every mutant, and none that fails is made smaller."""
    hypothesis.settings.register_profile(
        "mutation",
        hypothesis.settings.get_profile("untimed"),
        derandomize=True,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )
    hypothesis.settings.load_profile("mutation")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs no site comes first: it fails soonest."""
    items.sort(key=lambda item: "demo" in getattr(item, "fixturenames", ()))
