"""The ids of roles in MOODLE_MCP_ROLES."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from moodle_mcp.errors import SettingsError
from moodle_mcp.settings.role_ids import parse_role_ids


def test_roles_are_pairs_of_a_short_name_and_an_id() -> None:
    parsed = parse_role_ids(" student=5, my-role_2=12 ,", "MOODLE_MCP_ROLES")
    assert parsed == {"student": 5, "my-role_2": 12}


@pytest.mark.parametrize("text", ["student", "student=0", "student=x", "a=1,a=2", "=5", "ä=5"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^MOODLE_MCP_ROLES: "):
        parse_role_ids(text, "MOODLE_MCP_ROLES")


def test_the_error_names_the_entry() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_role_ids("student=5, teacher=four", "MOODLE_MCP_ROLES")
    assert str(caught.value) == snapshot(
        "MOODLE_MCP_ROLES: 'teacher=four' is not SHORTNAME=ID, such as student=5"
    )
