"""A client for the demo site of each test."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.conftest import Demo
from tests.demo.wire import Wire


@pytest.fixture
def wire(demo: Demo) -> Generator[Wire]:
    """Calls to the site that `demo` serves."""
    wire = Wire(demo.url)
    yield wire
    wire.http.close()
