"""Large amounts and files."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.live import TOKEN, Live, Record, live_user
from tests.support.live_things import Own, new_user

pytestmark = pytest.mark.anyio

ENROLMENTS: Final = int(os.environ.get("MOODLE_LIVE_ENROLMENTS", "5000"))
PEOPLE: Final = 500
"""Enrol users in as many courses as needed."""


async def test_thousands_of_enrolments_arrive_complete(admin: Live, own: Own) -> None:
    people = [new_user(own.name, f"crowd{number}") for number in range(min(PEOPLE, ENROLMENTS))]
    made = await admin.result("core_user_create_users", {"users": people})
    users = [user["id"] for user in made]
    assert len(users) == len(people)
    places = -(-ENROLMENTS // len(users))
    given = [
        {"fullname": name, "shortname": name, "categoryid": own.category}
        for name in (f"{own.name}-crowd{number}" for number in range(places))
    ]
    courses = [
        each["id"] for each in await admin.result("core_course_create_courses", {"courses": given})
    ]
    pairs = [(user, course) for course in courses for user in users][:ENROLMENTS]
    enrolments = [
        {"roleid": own.student_role, "userid": user, "courseid": course} for user, course in pairs
    ]
    start = time.monotonic()
    outcome = await admin.outcome("enrol_manual_enrol_users", {"enrolments": enrolments})
    seconds = time.monotonic() - start
    batch: dict[str, Any] = outcome.batch or {}
    admin.records.add(
        Record(
            part="amounts",
            function="enrol_manual_enrol_users",
            user=admin.user,
            outcome=f"{batch.get('succeeded')} of {len(pairs)}",
            seconds=seconds,
            note=f"{batch.get('requests')} requests",
        )
    )
    assert outcome.fault is None
    assert batch["succeeded"] == len(pairs)
    found: set[tuple[int, int]] = set()
    for course in courses:
        given_fields = {"courseid": course, "options": [{"name": "userfields", "value": "id"}]}
        for person in await admin.found("core_enrol_get_enrolled_users", given_fields):
            found.add((person["id"], course))
    assert found == set(pairs)


async def test_files_go_up_and_come_down_unchanged(tmp_path: Path, admin: Live, own: Own) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    content = os.urandom(300_000)
    (folder / "Größe und Maß.bin").write_bytes(content)
    async with live_user("admin", os.environ[TOKEN], folder=folder) as files:
        up = await files.tried("upload_file", {"path": "Größe und Maß.bin"}, "files")
        assert "error" not in up, up
        # A draft can't be read: an attachment of a post can.
        post = {
            "forumid": own.modules["forum"]["instance"],
            "subject": f"{own.name} file",
            "message": "<p>Anbei</p>",
            "options": [{"name": "attachmentsid", "value": str(up["result"]["itemid"])}],
        }
        talk = (await admin.result("mod_forum_add_discussion", post))["discussionid"]
        wanted = {"discussionid": talk}
        posts = await admin.found("mod_forum_get_discussion_posts", wanted, "posts")
        (attached,) = posts[0]["attachments"]
        assert attached["filename"] == "Größe und Maß.bin"
        given = {"url": attached["url"], "save": True, "name": "back.bin"}
        down = await files.tried("download_file", given, "files")
        assert "error" not in down, down
    saved = [path for path in folder.rglob("*") if path.is_file() and path.stem.startswith("back")]
    assert [hashlib.sha256(path.read_bytes()).hexdigest() for path in saved] == [
        hashlib.sha256(content).hexdigest()
    ]
