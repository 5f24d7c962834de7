"""Fixtures: a server for several people in front of the demo site."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.demo import Demo
from tests.support.hosted import HostedSite, hosting


@pytest.fixture
def site(demo: Demo) -> Iterator[HostedSite]:
    """A server with everything in memory."""
    with hosting(demo) as found:
        yield found
