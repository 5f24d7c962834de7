"""The functions of an example plugin, as `catalogue.php` exports them."""

from __future__ import annotations

from pathlib import Path

EXPORTED = Path(__file__).parent.parent / "data" / "plugin-catalogue.json"
"""Written by catalogue.php on a Moodle 4.5.6 with a plugin made for it."""

GET = "local_example_get_notices"
ADD = "local_example_add_notice"
SETTING = "MOODLE_MCP_CATALOGUE"
