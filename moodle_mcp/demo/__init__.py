"""A small Moodle inside the process, for trying the server and for its tests."""

from __future__ import annotations

from moodle_mcp.demo.faults import Hold, InjectedFault
from moodle_mcp.demo.receiving import Received
from moodle_mcp.demo.serving import serving
from moodle_mcp.demo.site import DemoSite
from moodle_mcp.demo.switches import Switches
from moodle_mcp.demo.tokens import (
    ADMIN_TOKEN,
    DEMO_PASSWORD,
    SMALL_TOKEN,
    STUDENT_TOKEN,
    TEACHER_TOKEN,
)

__all__ = [
    "ADMIN_TOKEN",
    "DEMO_PASSWORD",
    "SMALL_TOKEN",
    "STUDENT_TOKEN",
    "TEACHER_TOKEN",
    "DemoSite",
    "Hold",
    "InjectedFault",
    "Received",
    "Switches",
    "serving",
]
