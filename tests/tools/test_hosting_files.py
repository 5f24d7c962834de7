"""The files that run the server for an institution name settings and secrets that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from moodle_mcp.settings import Settings, variable

PACKAGING = Path(__file__).parents[2] / "packaging"


@pytest.mark.parametrize("name", ["compose.yaml", "kubernetes.yaml"])
def test_every_variable_is_a_setting(name: str) -> None:
    text = (PACKAGING / name).read_text("utf-8")
    known = {variable(field) for field in Settings.model_fields}
    named = set(re.findall(r"\bMOODLE_[A-Z_]+\b", text))
    assert named >= {"MOODLE_URL", "MOODLE_MCP_AUTH", "MOODLE_MCP_SECRET_KEY_FILE"}
    assert named - known == set()
    assert "serve" in text
    assert "--public-url" in text
