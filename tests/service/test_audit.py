"""The audit log: one line for each call, without its content."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from moodle_mcp.demo import ADMIN_TOKEN
from moodle_mcp.service.audit import Audit
from tests.support.demo import Demo
from tests.support.serving import server_for

pytestmark = pytest.mark.anyio


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


async def test_each_call_is_one_line_with_its_end_and_without_its_content(
    demo: Demo, tmp_path: Path
) -> None:
    path = tmp_path / "audit.jsonl"
    app = demo.context(audit=Audit(str(path)))
    secret = {"username": "hidden", "password": "Hidden-pass-1", "email": "hidden@school.example"}
    user = {**secret, "firstname": "Hidden", "lastname": "Person"}
    async with Client(server_for(app)) as session:
        await session.call_tool("core_course_get_contents", {"courseid": 2})
        await session.call_tool("core_user_create_users", {"users": [user]})
        await session.call_tool("core_course_get_contents", {"courseid": "hidden"})
        call = {"function": "core_course_get_contents", "arguments": {"courseid": 99_999}}
        await session.call_tool("call_function", call)
    written = lines(path)
    assert [
        (each["function"], each["access"], each["outcome"], each.get("kind"), each.get("items"))
        for each in written
    ] == [
        ("core_course_get_contents", "read", "done", None, None),
        ("core_user_create_users", "write", "done", None, 1),
        ("core_course_get_contents", "read", "failed", "invalid_arguments", None),
        ("core_course_get_contents", "read", "failed", "not_found", None),
    ]
    for each in written:
        known = {"time", "function", "access", "outcome", "kind", "items", "succeeded", "ms"}
        assert each.keys() <= known
    assert "idden" not in path.read_text(encoding="utf-8")
    assert ADMIN_TOKEN not in path.read_text(encoding="utf-8")


async def test_without_a_target_nothing_is_recorded(
    demo: Demo, capfd: pytest.CaptureFixture[str]
) -> None:
    async with Client(demo.server()) as session:
        await session.call_tool("core_course_get_contents", {"courseid": 2})
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
async def test_on_a_full_disk_calls_are_made_and_the_server_ends_as_ever(
    demo: Demo, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import resource

    path = tmp_path / "audit.jsonl"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    audit = Audit(str(path))
    async with Client(demo.server(audit=audit)) as session:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        try:
            answer = await session.call_tool("core_course_get_contents", {"courseid": 2})
            audit.close()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not answer.is_error
    assert "can't write the audit log" in caplog.text


async def test_the_record_can_go_to_stderr(demo: Demo, capfd: pytest.CaptureFixture[str]) -> None:
    async with Client(demo.server(audit=Audit("stderr"))) as session:
        await session.call_tool("core_course_get_contents", {"courseid": 2})
    assert json.loads(capfd.readouterr().err)["outcome"] == "done"
