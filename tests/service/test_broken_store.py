"""What was done in Moodle is told although the store can't be written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from moodle_mcp.demo import DemoSite, serving
from moodle_mcp.service.process import Process
from moodle_mcp.service.service import CallService
from moodle_mcp.store.sqlite import SqliteStore
from tests.support.serving import NOW
from tests.support.users import ANN, SETTINGS

pytestmark = pytest.mark.anyio


async def test_an_answer_of_which_nothing_can_be_kept_is_told(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with serving(DemoSite(now=NOW).app) as url:
        process = Process(SETTINGS, store=SqliteStore(path))
        with closing(sqlite3.connect(path)) as other:
            other.execute("DROP TABLE entries")
        ann, service = await ANN.context(process, url), CallService()
        users = [{"roleid": 5, "userid": user, "courseid": 2} for user in (14, 9999)]
        enrolled = await service.call(
            ann, "enrol_manual_enrol_users", {"enrolments": users, "_on_error": "isolate"}
        )
        batch = enrolled.envelope["batch"]
        assert (batch["succeeded"], batch["failed"][0]["index"]) == (1, 1)
        assert "resume" not in batch
        long = await service.call(ann, "core_course_get_courses", {"_fields": ["*"]})
        assert "error" not in long.envelope
        assert "next" not in long.envelope["page"]
        await process.aclose()
