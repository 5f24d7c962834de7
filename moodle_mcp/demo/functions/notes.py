"""core_notes: notes on users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from moodle_mcp.demo.call import Answer, Call, Params, option
from moodle_mcp.demo.records import Note

# The web service's "course" is called "public" in the database.
_STATES: Final[Mapping[str, str]] = {"personal": "draft", "course": "public", "site": "site"}


def create_notes(call: Call, params: Params) -> list[Answer]:
    """core_notes_create_notes: each item has its own error."""
    answers: list[Answer] = []
    for item in params["notes"]:
        answer: Answer = {}
        if item.get("clientnoteid") is not None:
            answer["clientnoteid"] = item["clientnoteid"]
        error = _refusal(call, item)
        if error is not None:
            answers.append(answer | {"noteid": -1, "errormessage": error})
            continue
        note_id = call.world.notes.next_id()
        if not item["text"]:
            # Moodle answers an id, and stores nothing.
            answers.append(answer | {"noteid": note_id})
            continue
        call.world.notes[note_id] = Note(
            note_id,
            item["userid"],
            item["courseid"],
            _STATES[item["publishstate"]],
            item["text"],
            option(item, "format", 1),
            call.user.id,
            call.now,
        )
        answers.append(answer | {"noteid": note_id})
    return answers


def _refusal(call: Call, item: Params) -> str | None:
    if call.world.user(item["userid"]) is None:
        return f"Invalid user id: {item['userid']}"
    if item["courseid"] not in call.world.courses:
        return f"Invalid course id: {item['courseid']}"
    call.require_teacher(item["courseid"], "Manage notes")
    if item["publishstate"] not in _STATES:
        return f"Invalid publish state: {item['publishstate']}"
    return None
