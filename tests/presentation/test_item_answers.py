"""Of a write's answer with an entry for each item, those of items that succeeded are left out."""

from __future__ import annotations

from typing import Any

import pytest

from moodle_mcp.catalogue.loading import load
from moodle_mcp.presentation.item_answers import without_successes

CATALOGUE = load()
SENT: list[dict[str, Any]] = [{"msgid": number, "text": "Hello"} for number in range(6)]
BLOCKED = {"msgid": -1, "errormessage": "You can't message this person."}


@pytest.mark.parametrize(
    ("entries", "shown", "said"),
    [
        (SENT, [], "6 entries of items that succeeded are left out"),
        ([*SENT, BLOCKED], [BLOCKED], "6 entries of items that succeeded are left out"),
        ([*SENT[:4], BLOCKED], [*SENT[:4], BLOCKED], ""),
        ([BLOCKED] * 6, [BLOCKED] * 6, ""),
    ],
)
def test_of_more_than_five_entries_those_with_an_error_are_shown(
    entries: list[Any], shown: list[Any], said: str
) -> None:
    function = CATALOGUE.get("core_message_send_instant_messages")
    assert without_successes(function, entries) == (shown, said)


@pytest.mark.parametrize("name", ["core_course_get_courses", "core_group_create_groups"])
def test_other_answers_stay_as_they_are(name: str) -> None:
    assert without_successes(CATALOGUE.get(name), SENT) == (SENT, "")
