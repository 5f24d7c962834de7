"""Pytest plugin for mutation tests, where it only matters whether any test fails."""

from __future__ import annotations

import hypothesis
import pytest


def pytest_configure() -> None:
    """Use the same hypothesis examples for every mutant, and do not shrink failing ones."""
    hypothesis.settings.register_profile(
        "mutation",
        hypothesis.settings.get_profile("untimed"),
        derandomize=True,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )
    hypothesis.settings.load_profile("mutation")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests that need no demo site first, because they are faster."""
    items.sort(key=lambda item: "demo" in getattr(item, "fixturenames", ()))
