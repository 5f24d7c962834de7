"""A client for the demo site of each test."""

from __future__ import annotations

from collections.abc import Generator

import httpx2
import pytest

from moodle_mcp.site.protocol import RESTFUL
from tests.support.demo import Demo
from tests.support.demo_client import Wire


@pytest.fixture(scope="session")
def http() -> Generator[httpx2.Client]:
    """One client for all tests, because creating one takes longer than most tests."""
    with httpx2.Client(timeout=10) as client:
        yield client


@pytest.fixture
def wire(demo: Demo, http: httpx2.Client) -> Wire:
    """A client of the site that `demo` serves."""
    return Wire(demo.url, http, restful=demo.protocol is RESTFUL)
