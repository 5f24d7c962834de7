"""The host that the PHP programs run on."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.support.moodle_host import Host, new_host


@pytest.fixture
def host() -> Generator[Host]:
    """A Moodle host of the test's own."""
    with new_host() as made:
        yield made
